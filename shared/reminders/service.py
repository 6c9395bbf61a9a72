"""Deciding what is mailed to whom: each unread notification once, and each kind at most once an hour.

Who is here when a decision is due is spared: it is put off by an hour, and made by whether they are here then.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Boolean, Uuid, and_, case, cast, exists, false, func, literal_column, or_, select, update
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from shared.accounts.by_mail import LIVING
from shared.accounts.models import User
from shared.mail import service as mail
from shared.mail.models import Mail
from shared.mail.rules import HOUR, KINDS, in_words, shown_name
from shared.matching.models import Match
from shared.matching.rules import OPEN
from shared.matching.visibility import apart
from shared.models import chosen
from shared.notifications.models import UNDECIDED, MutedMail, Notification
from shared.settings import settings

MAILS: Final = {kind.switch: name for name, kind in KINDS.items() if kind.switch is not None}
"""Of each kind of notification that is mailed, the kind of mail."""
PUT_OFF: Final = HOUR
MOST_ROWS: Final = 2000  # of one round; more of the same people wait for the next


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A notification that is to be decided on."""

    id: uuid.UUID
    user_id: uuid.UUID
    kind: str
    match_id: uuid.UUID
    wanted: bool
    here: bool


def due(session: Session, *, now: datetime, most: int) -> Sequence[uuid.UUID]:
    """People on whose notifications a decision is due, those who wait longest first."""
    waiting = (
        select(Notification.user_id, func.min(Notification.mail_from).label("since"))
        .where(*_due(now))
        .group_by(Notification.user_id)
        .order_by("since")
        .limit(most)
    )
    return [user_id for user_id, _ in session.execute(waiting)]


def decide(
    session: Session, *, user_ids: Collection[uuid.UUID], listening: Collection[uuid.UUID], now: datetime
) -> tuple[int, int]:
    """Decide what these people are mailed; on how many notifications, and how many mails come of them.

    `listening` are those with an open client.

    A person whom somebody else decides on, or who is being changed, is passed over: of two runners at once neither
    waits, and none mails what the other has.
    """
    free = chosen(select(User.id).where(User.id.in_(list(user_ids))).order_by(User.id), key_share=True)
    mine = session.scalars(select(free.c.id)).all()
    together: dict[tuple[uuid.UUID, str], list[_Waiting]] = defaultdict(list)
    everything = _waiting(session, mine, now)
    for one in everything:
        together[one.user_id, one.kind].append(one)
    posted = 0
    for (user_id, kind), waiting in together.items():
        wanted = [one for one in waiting if one.wanted]
        _wait_from(session, [one for one in waiting if not one.wanted], None)
        number, first = mail.posted_lately(session, kind=MAILS[kind], user_id=user_id, now=now)
        if user_id in listening or any(one.here for one in wanted):
            _wait_from(session, wanted, now + PUT_OFF)
        elif number and first is not None:
            _wait_from(session, wanted, first + HOUR)
        elif wanted:
            _wait_from(session, wanted, None)
            matches = list(dict.fromkeys(str(one.match_id) for one in wanted))
            mail.post(session, kind=MAILS[kind], user_id=user_id, now=now, data={"match_ids": matches})
            posted += 1
    return len(everything), posted


def facts(session: Session, letter: Mail, user: User) -> dict[str, Any] | None:
    """What the template needs: who it is about, as that is now; None when nothing of it is left to tell."""
    other, match_ids = aliased(User), [uuid.UUID(match_id) for match_id in letter.data["match_ids"]]
    kind = KINDS[letter.kind].switch
    unread = exists().where(
        Notification.user_id == user.id,
        Notification.kind == kind,
        Notification.read_at.is_(None),
        _match_id() == Match.id,
    )
    muted = exists().where(MutedMail.user_id == user.id, MutedMail.kind == kind)
    names = session.execute(
        select(Match.id, other.name)
        .join(User, or_(Match.low_id == User.id, Match.high_id == User.id))
        .join(other, other.id == _other_id())
        .where(User.id == user.id, Match.id.in_(match_ids), Match.state.in_(OPEN), _reachable(other), unread, ~muted)
    )
    found = {match_id: name for match_id, name in names}  # noqa: C416 - rows are no pairs to the type checker
    if not found:
        return None
    people = [shown_name(found[match_id]) for match_id in match_ids if match_id in found]
    only = str(next(iter(found))) if len(found) == 1 else None
    return {"people": in_words(people), "number": len(people), "match_id": only}


def _waiting(session: Session, user_ids: Collection[uuid.UUID], now: datetime) -> list[_Waiting]:
    other = aliased(User)
    muted = exists().where(MutedMail.user_id == User.id, MutedMail.kind == Notification.kind)
    wanted = and_(
        User.status.in_(LIVING), User.email_verified_at.is_not(None), ~muted, Match.state.in_(OPEN), _reachable(other)
    )
    rows = session.execute(
        select(
            Notification.id,
            Notification.user_id,
            Notification.kind,
            _match_id(),
            func.coalesce(wanted, false()),
            User.last_active_at >= Notification.mail_from,
        )
        .join(User, User.id == Notification.user_id)
        .outerjoin(Match, Match.id == _match_id())
        .outerjoin(other, other.id == _other_id())
        .where(*_due(now), Notification.user_id.in_(user_ids))
        .order_by(Notification.created_at)
        .limit(MOST_ROWS)
        .with_for_update(of=Notification, skip_locked=True)
    )
    return [_Waiting(*row) for row in rows]


def _wait_from(session: Session, rows: Collection[_Waiting], moment: datetime | None) -> None:
    """Put these off; with None they are decided."""
    if rows:
        session.execute(
            update(Notification)
            .where(Notification.id.in_([row.id for row in rows]))
            .values(mail_from=moment)
            .execution_options(synchronize_session=False)
        )


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    long_enough = now - timedelta(minutes=settings().mail_after_minutes)
    return literal_column(UNDECIDED, Boolean), Notification.mail_from <= long_enough


def _reachable(other: type[User]) -> ColumnElement[bool]:
    """Whether the other of a match is there for the person."""
    return and_(other.status.in_(LIVING), ~apart(User, other))


def _match_id() -> ColumnElement[uuid.UUID]:
    return cast(Notification.data["match_id"].astext, Uuid)


def _other_id() -> ColumnElement[uuid.UUID]:
    return case((Match.low_id == User.id, Match.high_id), else_=Match.low_id)
