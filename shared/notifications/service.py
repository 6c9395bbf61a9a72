"""Telling people things: a row that they find whenever they look, and an event for those who look now."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, delete, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import events
from shared.accounts.models import User
from shared.accounts.service import lock
from shared.models import chosen
from shared.notifications.models import MutedMail, Notification
from shared.notifications.rules import Mailed
from shared.settings import settings


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was told from a place on, and how much of everything is unread."""

    rows: Sequence[Notification]
    unread: int


def tell(session: Session, *, user_id: uuid.UUID, kind: str, data: dict[str, Any]) -> None:
    """Keep a notification for somebody, and send the event of the same kind after the commit."""
    session.add(Notification(user_id=user_id, kind=kind, data=data))
    events.note(session, user_id=user_id, kind=kind, data=data)


def told(session: Session, user: User, *, after: tuple[datetime, uuid.UUID] | None, limit: int) -> Told:
    """The person's notifications from a place on, the newest first."""
    found = (
        select(Notification)
        .where(Notification.user_id == user.id)
        .order_by(Notification.created_at.desc(), Notification.id.desc())
        .limit(limit)
    )
    if after is not None:
        found = found.where(tuple_(Notification.created_at, Notification.id) < tuple_(*after))
    return Told(session.scalars(found).all(), unread(session, user))


def unread(session: Session, user: User) -> int:
    """How many notifications the person has not read."""
    mine = select(func.count()).where(Notification.user_id == user.id, Notification.read_at.is_(None))
    return session.scalar(mine) or 0


def mark_read(session: Session, user: User, *, ids: Sequence[uuid.UUID] | None, now: datetime) -> int:
    """Mark these as read, or all so far; how many are left unread. Ids that are not theirs are passed over."""
    mine = select(Notification.id).where(Notification.user_id == user.id, Notification.read_at.is_(None))
    if ids is not None:
        mine = mine.where(Notification.id.in_(ids))
    # In one order, so that two devices that mark the same do not wait for each other crosswise.
    locked = mine.order_by(Notification.id).with_for_update().cte("locked").prefix_with("MATERIALIZED")
    session.execute(
        update(Notification)
        .where(Notification.id == locked.c.id)
        .values(read_at=now)
        .execution_options(synchronize_session=False)
    )
    return unread(session, user)


def switches(session: Session, user: User) -> dict[Mailed, bool]:
    """Of each kind that is mailed, whether the person wants that."""
    muted = set(session.scalars(select(MutedMail.kind).where(MutedMail.user_id == user.id)))
    return {kind: kind not in muted for kind in Mailed}


def switch(session: Session, user: User, *, wanted: Mapping[Mailed, bool]) -> dict[Mailed, bool]:
    """Set all switches; those that are not named are on. One at a time: two could wait for each other crosswise."""
    lock(session, user.id)
    off = [kind for kind in Mailed if not wanted.get(kind, True)]
    session.execute(delete(MutedMail).where(MutedMail.user_id == user.id, MutedMail.kind.not_in(off)))
    for kind in off:
        mute(session, user_id=user.id, kind=kind)
    return switches(session, user)


def mute(session: Session, *, user_id: uuid.UUID, kind: Mailed) -> None:
    """Switch one kind off; again, and for somebody who has left, is no error."""
    who = select(User.id, literal(kind.value, Text)).where(User.id == user_id)
    session.execute(insert(MutedMail).from_select(["user_id", "kind"], who).on_conflict_do_nothing())


def prune(session: Session, *, now: datetime, most: int = 5000) -> int:
    """Forget some notifications of long ago, read or not; how many."""
    long_ago = now - timedelta(days=settings().notification_keep_days)
    old = chosen(select(Notification.id).where(Notification.created_at < long_ago).limit(most))
    gone = session.scalars(delete(Notification).where(Notification.id == old.c.id).returning(Notification.id))
    return len(gone.all())
