"""The cases that wait for moderators: listing them, looking at one, taking it, giving it back."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, and_, cast, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from shared import audit
from shared.accounts.models import Role, User
from shared.accounts.service import lock
from shared.errors import Refusal
from shared.moderation.models import Case, Notice, Report, Signal
from shared.moderation.service import record_of
from shared.photos.models import Photo
from shared.profiles.service import PublicProfile, public_profiles
from shared.prompts.models import PromptAnswer
from shared.prompts.service import own_answers
from shared.settings import settings

GONE: Final = "There is no such case."


class Which(StrEnum):
    """Which cases to list."""

    OPEN = "open"
    FREE = "free"
    MINE = "mine"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Line:
    """A case in a list: whom it is about, who has it, and what is in it."""

    case: Case
    person: User
    taken_by: User | None
    reports: int
    signals: int
    reasons: Sequence[str]
    """Of its reports and signals, each once."""
    is_appeal: bool

    @property
    def evidence(self) -> int:
        """How many reports and signals are in it: more than when it was looked at means something new has come."""
        return self.reports + self.signals


@dataclass(frozen=True, slots=True)
class Reported:
    """A report in a case, with who made it, unless they have left, and what was found of their reports before."""

    report: Report
    reporter: User | None
    founded: int
    unfounded: int


@dataclass(frozen=True, slots=True)
class Opened:
    """All that a moderator needs to decide on a case."""

    line: Line
    profile: PublicProfile
    photos: Sequence[Photo]
    """All of the person's, whatever their state."""
    answers: Sequence[PromptAnswer]
    """All but the private one."""
    reports: Sequence[Reported]
    signals: Sequence[Signal]
    lookalikes: Mapping[str, Photo]
    """The photos of others that signals name, by id."""
    notices: Sequence[Notice]
    """What was decided about the person before, and their appeals."""


def listed(
    session: Session, moderator: User, *, which: Which, now: datetime, limit: int, offset: int
) -> tuple[list[Line], int]:
    """(a slice of the cases, how many there are): those that weigh most first, closed ones the latest first."""
    condition = {
        Which.OPEN: Case.closed_at.is_(None),
        Which.FREE: and_(Case.closed_at.is_(None), _free(moderator, now)),
        Which.MINE: and_(Case.closed_at.is_(None), Case.taken_by == moderator.id, not_(_given_up(now))),
        Which.CLOSED: Case.closed_at.is_not(None),
    }[which]
    order = (Case.closed_at.desc(),) if which == Which.CLOSED else (Case.priority.desc(), Case.opened_at)
    wanted = and_(condition, *_allowed(moderator))
    total = session.scalar(select(func.count()).select_from(Case).join(User, User.id == Case.user_id).where(wanted))
    return _lines(session, wanted, *order, limit=limit, offset=offset), total or 0


def line(session: Session, moderator: User, *, case_id: uuid.UUID) -> Line:
    """One case, as in a list.

    Raises:
        Refusal: `not_found`, also when it is about the moderator, or about a colleague and they are no admin.
    """
    session.flush()
    found = _lines(session, and_(Case.id == case_id, *_allowed(moderator)), limit=1, offset=0)
    if not found:
        raise Refusal("not_found", GONE)
    return found[0]


def opened(session: Session, moderator: User, *, case_id: uuid.UUID, now: datetime) -> Opened:
    """Everything about one case.

    Raises:
        Refusal: `not_found` as `line`.
    """
    found = line(session, moderator, case_id=case_id)
    person = found.person
    signals = session.scalars(select(Signal).where(Signal.case_id == case_id).order_by(Signal.created_at)).all()
    others = {one.evidence["other_photo_id"] for one in signals if "other_photo_id" in one.evidence}
    answers, _ = own_answers(session, person, q="", sort="position", limit=100, offset=0)
    (profile,) = public_profiles(session, moderator, people=[person], today=now.date())
    return Opened(
        line=found,
        profile=profile,
        photos=session.scalars(select(Photo).where(Photo.user_id == person.id).order_by(Photo.position)).all(),
        answers=[answer for answer in answers if not answer.private],
        reports=_reports(session, case_id),
        signals=signals,
        lookalikes={str(one.id): one for one in session.scalars(select(Photo).where(Photo.id.in_(others)))},
        notices=session.scalars(
            select(Notice).where(Notice.user_id == person.id).order_by(Notice.created_at.desc())
        ).all(),
    )


def take(session: Session, moderator: User, *, case_id: uuid.UUID, now: datetime) -> Case:
    """Have a case to oneself for CASE_HOURS; again begins anew. Of two at once one does.

    Raises:
        Refusal: `not_found`, `invalid_transition` when somebody else has it, `forbidden` when it is an appeal against
            the moderator's own decision, or a report of their own.
    """
    case = _locked(session, moderator, case_id=case_id)
    if not session.scalar(select(Case.id).where(Case.id == case_id, _free(moderator, now))):
        raise Refusal("invalid_transition", "Somebody else is looking at this case.")
    check_impartial(session, moderator, case)
    case.taken_by, case.taken_at = moderator.id, now
    audit.record(session, actor_id=moderator.id, action="case.taken", user_id=case.user_id, case_id=case.id)
    return case


def release(session: Session, moderator: User, *, case_id: uuid.UUID) -> Case:
    """Leave a case to others.

    Raises:
        Refusal: `not_found`, `invalid_transition` when the moderator does not have it.
    """
    case = _locked(session, moderator, case_id=case_id)
    if case.taken_by != moderator.id:
        raise Refusal("invalid_transition", "You do not have this case.")
    case.taken_by = case.taken_at = None
    audit.record(session, actor_id=moderator.id, action="case.released", user_id=case.user_id, case_id=case.id)
    return case


def held(session: Session, moderator: User, *, case_id: uuid.UUID) -> Case:
    """A case that the moderator has taken, locked with its person.

    Raises:
        Refusal: `not_found`, `invalid_transition`, `forbidden` as `take`.
    """
    case = _locked(session, moderator, case_id=case_id)
    if case.taken_by != moderator.id:
        raise Refusal("invalid_transition", "Take this case first.")
    check_impartial(session, moderator, case)
    return case


def check_impartial(session: Session, moderator: User, case: Case) -> None:
    """Nobody decides on an appeal against their own decision, nor on their own report.

    Raises:
        Refusal: `forbidden`.
    """
    if session.scalar(select(Report.id).where(Report.case_id == case.id, Report.reporter_id == moderator.id).limit(1)):
        raise Refusal("forbidden", "You have reported this person yourself, so somebody else decides.")
    if any(notice.decided_by == moderator.id for notice in appealed(session, case)):
        raise Refusal("forbidden", "This objects to a decision of yours, so somebody else decides.")


def appealed(session: Session, case: Case) -> Sequence[Notice]:
    """The notices to which this case objects."""
    return session.scalars(
        select(Notice)
        .join(Signal, Signal.subject == cast(Notice.id, Text))
        .where(Signal.case_id == case.id, Signal.kind == "appeal", Notice.overturned.is_(None))
        .order_by(Notice.created_at)
    ).all()


def _locked(session: Session, moderator: User, *, case_id: uuid.UUID) -> Case:
    lock(session, select(Case.user_id).where(Case.id == case_id).scalar_subquery())
    case = session.scalar(
        select(Case)
        .join(User, User.id == Case.user_id)
        .where(Case.id == case_id, *_allowed(moderator))
        .execution_options(populate_existing=True)
    )
    if case is None:
        raise Refusal("not_found", GONE)
    if case.closed_at is not None:
        raise Refusal("invalid_transition", "This case is closed.")
    return case


def _allowed(moderator: User) -> Sequence[ColumnElement[bool]]:
    """Which cases somebody may see: none about themself, and those about colleagues only as an admin."""
    others = [Case.user_id != moderator.id]
    return others if moderator.role == Role.ADMIN else [*others, User.role == Role.USER]


def _given_up(now: datetime) -> ColumnElement[bool]:
    return Case.taken_at <= now - timedelta(hours=settings().case_hours)


def _free(moderator: User, now: datetime) -> ColumnElement[bool]:
    return or_(Case.taken_by.is_(None), Case.taken_by == moderator.id, _given_up(now))


def _lines(
    session: Session, wanted: ColumnElement[bool], *order: ColumnElement[Any], limit: int, offset: int
) -> list[Line]:
    taker = aliased(User)
    rows = session.execute(
        select(Case, User, taker)
        .join(User, User.id == Case.user_id)
        .outerjoin(taker, taker.id == Case.taken_by)
        .where(wanted)
        .order_by(*order, Case.id)
        .limit(limit)
        .offset(offset)
    ).all()
    ids = [case.id for case, _, _ in rows]
    reports = _counts(session, Report.case_id, Report.reason, ids)
    signals = _counts(session, Signal.case_id, Signal.kind, ids)
    return [
        Line(
            case=case,
            person=person,
            taken_by=by,
            reports=sum(reports.get(case.id, {}).values()),
            signals=sum(signals.get(case.id, {}).values()),
            reasons=[*reports.get(case.id, {}), *signals.get(case.id, {})],
            is_appeal="appeal" in signals.get(case.id, {}),
        )
        for case, person, by in rows
    ]


def _counts(
    session: Session,
    case_id: InstrumentedAttribute[uuid.UUID | None],
    what: InstrumentedAttribute[str],
    ids: Sequence[uuid.UUID],
) -> dict[uuid.UUID | None, dict[str, int]]:
    """By case, how many there are of each."""
    found: dict[uuid.UUID | None, dict[str, int]] = {}
    for case, name, count in session.execute(
        select(case_id, what, func.count()).where(case_id.in_(ids)).group_by(case_id, what).order_by(what)
    ):
        found.setdefault(case, {})[name] = count
    return found


def _reports(session: Session, case_id: uuid.UUID) -> list[Reported]:
    before = aliased(Report)
    rows = session.execute(
        select(Report, User, *record_of(before))
        .outerjoin(User, User.id == Report.reporter_id)
        .outerjoin(before, before.reporter_id == Report.reporter_id)
        .where(Report.case_id == case_id)
        .group_by(Report.id, User.id)
        .order_by(Report.created_at)
    )
    return [Reported(report, reporter, founded, unfounded) for report, reporter, founded, unfounded in rows]
