"""People who were told something and were away, for tests of reminders."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.mail.models import Mail
from shared.matching.models import Match, Pair
from shared.matching.rules import BOTH, in_order
from shared.notifications.models import Notification
from shared.reminders import service
from tests.people import make_user

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LONG_AGO = NOW - timedelta(days=2)


def away(session: Session, **columns: Any) -> User:
    """Somebody with a proven address who has not been here for two days."""
    return make_user(session, **{"email_verified_at": LONG_AGO, "last_active_at": LONG_AGO, **columns})


def match(session: Session, one: User, other: User, **columns: Any) -> Match:
    low, high = in_order(one.id, other.id)
    session.merge(Pair(low_id=low, high_id=high, likes=BOTH))
    session.flush()
    moments = dict.fromkeys(("created_at", "state_changed_at", "active_at"), NOW)
    made = Match(id=uuid.uuid4(), low_id=low, high_id=high, **{"state": "active", **moments, **columns})
    session.add(made)
    session.flush()
    return made


def told(
    session: Session,
    user: User,
    made: Match,
    *,
    kind: str = "match.created",
    ago: timedelta = 6 * MINUTE,
    **columns: Any,
) -> Notification:
    data = {"match_id": str(made.id)}
    if kind == "message.created":
        sender = made.low_id if made.high_id == user.id else made.high_id
        data |= {"message_id": str(uuid.uuid4()), "sender_id": str(sender)}
    moments = dict.fromkeys(("created_at", "mail_from"), NOW - ago)
    row = Notification(id=uuid.uuid4(), user_id=user.id, kind=kind, data=data, **{**moments, **columns})
    session.add(row)
    session.flush()
    return row


def decide(session: Session, *listening: uuid.UUID, now: datetime = NOW) -> int:
    """One round, as a worker does it."""
    user_ids = service.due(session, now=now, most=100)
    return service.decide(session, user_ids=user_ids, listening=listening, now=now)[1]


def mails(session: Session, user: User) -> list[tuple[str, list[str]]]:
    found = select(Mail).where(Mail.user_id == user.id).order_by(Mail.created_at)
    return [(mail.kind, mail.data["match_ids"]) for mail in session.scalars(found)]
