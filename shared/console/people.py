"""People as the console shows them: all of them in a list, and one with what moderators need to know."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Numeric, Text, cast, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from shared.accounts.models import LoginSession, Role, Status, User
from shared.accounts.rules import public_age
from shared.badges.models import UserBadge
from shared.badges.service import badges_of
from shared.console.lists import AnyRow, AnyRows, Found, Sorts, Viewer, Wanted, containing, main_photo, page_of
from shared.matching.models import Block, Match
from shared.moderation.models import Case, Notice, Report, Signal
from shared.photos.models import Photo
from shared.prompts.models import PromptAnswer
from shared.quiz.models import UserTraitScore
from shared.quiz.traits import Trait

STATES: Final = tuple(status.value for status in Status)
ROLES: Final = tuple(role.value for role in Role)
PLACE_DECIMALS: Final = 1  # of degrees, about ten kilometres: nobody at the console needs to know more
MOST: Final = 50  # of each kind of record about a person
_SORTS: Final[Sorts] = {
    "name": User.name,
    "role": User.role,
    "status": User.status,
    "created_at": User.created_at,
    "last_active_at": User.last_active_at,
}
_COLUMNS: Final = (
    User.id,
    User.name,
    User.username,
    User.email,
    User.birth_date,
    User.role,
    User.status,
    User.hidden_at,
    User.created_at,
    User.last_active_at,
)


def people(session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
    """People by name, username or id, and for admins by e-mail address; those who joined last first."""
    rows = select(*_COLUMNS, main_photo(User.id).label("photo"))
    if wanted.q:
        like = containing(wanted.q)
        words = [User.name.ilike(like), User.username.ilike(like), cast(User.id, Text) == wanted.q]
        rows = rows.where(or_(*words, User.email.ilike(like)) if viewer.is_admin else or_(*words))
    if state := wanted.values.get("state"):
        rows = rows.where(User.hidden_at.is_not(None) if state == "hidden" else User.status == state)
    if role := wanted.values.get("role"):
        rows = rows.where(User.role == role)
    return page_of(session, rows, wanted, sorts=_SORTS, usual=User.created_at.desc(), last=User.id)


@dataclass(frozen=True, slots=True)
class Person:
    """One person: what others see of them, and what is on record."""

    id: uuid.UUID
    row: AnyRow
    """Columns of their account: no hash, no token, and no place more exact than PLACE_DECIMALS."""
    age: int
    place: tuple[float, float] | None
    photos: Sequence[Photo]
    answers: Sequence[PromptAnswer]
    """Those that others see."""
    private_answers: int
    traits: Mapping[Trait, float]
    badges: Sequence[UserBadge]
    sessions: int
    matches: Mapping[str, int]
    blocked_by: int
    record: "PersonRecord | None"
    """None: it is for others to see."""


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """What moderators have to do with somebody."""

    reports_about: Sequence[AnyRow]
    reports_by: Sequence[AnyRow]
    signals: Sequence[Signal]
    notices: Sequence[Notice]
    cases: Sequence[Case]


def person(session: Session, *, user_id: uuid.UUID, viewer: Viewer, now: datetime) -> Person | None:
    """Everything on one page, in a fixed number of queries."""
    place = (
        func.round(cast(User.latitude, Numeric), PLACE_DECIMALS),
        func.round(cast(User.longitude, Numeric), PLACE_DECIMALS),
    )
    columns = (User.gender, User.bio, User.email_verified_at, User.likes_paused_until, User.sought_genders)
    ends = (User.suspended_until,)
    ages = (User.min_age, User.max_age, User.max_distance_km, User.time_zone, User.dating_match_id)
    row = session.execute(
        select(*_COLUMNS, *columns, *ends, *ages, place[0].label("latitude"), place[1].label("longitude")).where(
            User.id == user_id
        )
    ).one_or_none()
    if row is None:
        return None
    answers = session.scalars(
        select(PromptAnswer)
        .where(PromptAnswer.user_id == user_id)
        .order_by(PromptAnswer.position)
        .options(joinedload(PromptAnswer.prompt))
    ).all()
    return Person(
        id=user_id,
        row=row,
        age=public_age(row.birth_date, now.date()),
        place=None if row.latitude is None else (float(row.latitude), float(row.longitude)),
        photos=session.scalars(select(Photo).where(Photo.user_id == user_id).order_by(Photo.position)).all(),
        answers=[answer for answer in answers if not answer.private],
        private_answers=sum(answer.private for answer in answers),
        traits=_traits(session, user_id),
        badges=badges_of(session, [user_id]).get(user_id, []),
        sessions=_living_sessions(session, user_id, now),
        matches=_matches(session, user_id),
        blocked_by=_blocked_by(session, user_id) if user_id != viewer.id else 0,
        record=_record(session, user_id, viewer) if viewer.may_judge(user_id, row.role) else None,
    )


def _record(session: Session, user_id: uuid.UUID, viewer: Viewer) -> PersonRecord:
    about, by = _reports(Report.reporter_id), _reports(Report.user_id)
    signals = select(Signal).where(Signal.user_id == user_id).order_by(Signal.created_at.desc())
    notices = select(Notice).where(Notice.user_id == user_id).order_by(Notice.created_at.desc())
    cases = select(Case).where(Case.user_id == user_id).order_by(Case.opened_at.desc())
    return PersonRecord(
        reports_about=session.execute(about.where(Report.user_id == user_id)).all(),
        reports_by=session.execute(by.where(Report.reporter_id == user_id, *viewer.judged())).all(),
        signals=session.scalars(signals.limit(MOST)).all(),
        notices=session.scalars(notices.limit(MOST)).all(),
        cases=session.scalars(cases.limit(MOST)).all(),
    )


def _blocked_by(session: Session, user_id: uuid.UUID) -> int:
    return session.scalar(select(func.count()).where(Block.blocked_id == user_id)) or 0


def _traits(session: Session, user_id: uuid.UUID) -> dict[Trait, float]:
    derived = session.get(UserTraitScore, user_id)
    return dict(zip(Trait, map(float, derived.scores), strict=False)) if derived is not None else {}


def _living_sessions(session: Session, user_id: uuid.UUID, now: datetime) -> int:
    living = (LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None), LoginSession.idle_until > now)
    return session.scalar(select(func.count()).where(*living)) or 0


def _matches(session: Session, user_id: uuid.UUID) -> dict[str, int]:
    theirs = or_(Match.low_id == user_id, Match.high_id == user_id)
    rows = session.execute(select(Match.state, func.count()).where(theirs).group_by(Match.state).order_by(Match.state))
    return {state: count for state, count in rows}  # noqa: C416 - rows are no pairs to `dict`


def _reports(other_id: InstrumentedAttribute[Any]) -> AnyRows:
    """Reports with the name of the other person."""
    return (
        select(Report.id, Report.case_id, Report.reason, Report.details, Report.founded, Report.created_at)
        .add_columns(User.id.label("other_id"), User.name.label("other_name"))
        .outerjoin(User, User.id == other_id)
        .order_by(Report.created_at.desc())
        .limit(MOST)
    )
