"""Passes: not now. They expire by themselves, and are cleaned up a week at a time by dropping a partition."""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from psycopg.errors import LockNotAvailable
from sqlalchemy import Date, cast, delete, exists, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.errors import Refusal
from shared.matching.models import DailyLikeCount, Like, Pass
from shared.matching.rules import day_ends
from shared.matching.visibility import reachable
from shared.settings import settings

WEEK: Final = timedelta(days=7)
PATIENCE: Final = "100ms"
_PREFIX: Final = "passes_"  # of a partition's name, before the Monday with which it begins
_PARTITIONS: Final = 7_237_424  # any number: whoever makes or drops partitions at the same time waits for it


@dataclass(frozen=True, slots=True)
class Passed:
    """A pass: until when it hides the person, and until when it can be taken back."""

    user_id: uuid.UUID
    expires_at: datetime
    rewind_until: datetime


def pass_over(session: Session, user: User, *, user_id: uuid.UUID, now: datetime) -> Passed:
    """Do not show this person for a while; again starts anew.

    A like counts more than a pass: after a like there is nothing to pass, and a pass does not undo one that races it.

    Raises:
        Refusal: `cannot_target_self`, `not_found`, `already_liked`.
    """
    if user_id == user.id:
        raise Refusal("cannot_target_self")
    if session.scalar(select(User.id).where(reachable(user, user_id))) is None:
        raise Refusal("not_found", "There is nobody here whom you could pass.")
    if session.get(Like, (user.id, user_id)) is not None:
        raise Refusal("already_liked")
    expires = now + timedelta(days=settings().pass_days)
    day = expires.astimezone(UTC).date()
    _ensure_partition(session, day)
    row = insert(Pass).values(passer_id=user.id, passed_id=user_id, expires_on=day, expires_at=expires, created_at=now)
    session.execute(
        row.on_conflict_do_update(
            index_elements=[Pass.passer_id, Pass.passed_id, Pass.expires_on],
            set_={"expires_at": row.excluded.expires_at, "created_at": row.excluded.created_at},
        )
    )
    return Passed(user_id, expires, now + timedelta(minutes=settings().rewind_minutes))


def rewind(session: Session, user: User, *, now: datetime) -> uuid.UUID:
    """Take the last pass back, shortly after it and once in a day of the person; whom it was about.

    Raises:
        Refusal: `nothing_to_rewind`.
    """
    since = now - timedelta(minutes=settings().rewind_minutes)
    passed_id = session.scalar(
        select(Pass.passed_id)
        .where(
            Pass.passer_id == user.id,
            Pass.created_at > since,
            *Pass.in_force(now),
            ~exists().where(Like.liker_id == user.id, Like.liked_id == Pass.passed_id),
        )
        .order_by(Pass.created_at.desc())
        .limit(1)
    )
    if passed_id is None:
        raise Refusal("nothing_to_rewind", f"A pass can be taken back for {settings().rewind_minutes} minutes.")
    # Two at once take turns at this row, so one of them finds it used.
    day = cast(func.timezone(user.time_zone, now), Date)
    used = insert(DailyLikeCount).values(user_id=user.id, day=day, rewound=True)
    first = session.scalar(
        used.on_conflict_do_update(
            index_elements=[DailyLikeCount.user_id, DailyLikeCount.day],
            set_={"rewound": True},
            where=~DailyLikeCount.rewound,
        ).returning(DailyLikeCount.day)
    )
    if first is None:
        today = session.scalar(select(day))
        assert today is not None
        words = "You have taken a pass back today already. You can do so again tomorrow."
        raise Refusal("nothing_to_rewind", words, details={"resets_at": day_ends(today, user.time_zone)})
    session.execute(delete(Pass).where(Pass.passer_id == user.id, Pass.passed_id == passed_id, *Pass.in_force(now)))
    return passed_id


def expire(session: Session, *, now: datetime) -> int:
    """Make the next weeks, and drop those in which every pass has expired; how many were dropped.

    Nothing depends on when it runs: what has expired is decided by who reads. A week that somebody still reads is left
    for the next time: whoever waits to drop it holds up all who read passes.
    """
    today = now.astimezone(UTC).date()
    last = today + timedelta(days=settings().pass_days)
    for day in (last, last + WEEK):
        _ensure_partition(session, day)
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_PARTITIONS))):
        return 0  # somebody else is at it
    weeks = session.scalars(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'passes'::regclass")
    ).all()
    over = [name for name in weeks if date.fromisoformat(name.removeprefix(_PREFIX)) + WEEK <= today]
    session.execute(select(func.set_config("lock_timeout", PATIENCE, True)))  # noqa: FBT003 - of this transaction only
    return sum(_drop(session, name) for name in over)


def _drop(session: Session, name: str) -> bool:
    try:
        with session.begin_nested():
            session.execute(text(f"DROP TABLE {name}"))
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        return False
    return True


def _ensure_partition(session: Session, day: date) -> None:
    """Make the partition that passes expiring on this day go to, unless there is one."""
    begins = day - timedelta(days=day.weekday())
    name = f"{_PREFIX}{begins:%Y%m%d}"
    if session.scalar(select(func.to_regclass(name).is_not(None))):
        return
    session.execute(select(func.pg_advisory_xact_lock(_PARTITIONS)))
    # Asked of the catalogue: that there was none is what to_regclass still remembers after waiting for who made it.
    if not session.scalar(text("SELECT EXISTS (SELECT FROM pg_class WHERE relname = :name)"), {"name": name}):
        # Made and then attached: made as a partition at once, it would lock out all who read passes.
        session.execute(text(f"CREATE TABLE {name} (LIKE passes INCLUDING ALL)"))
        session.execute(
            text(f"ALTER TABLE passes ATTACH PARTITION {name} FOR VALUES FROM ('{begins}') TO ('{begins + WEEK}')")
        )
