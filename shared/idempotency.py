"""Requests under a name of the client's own: what was done once is not done again, and its answer is given again.

The row is written in the transaction of the change, so there is no moment in which one is there without the other,
however the process ends. Of two at once the second waits at the row of the first, until that is committed or gone.
See docs/decisions/0019-limits.md.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, Text, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.errors import Refusal
from shared.models import Base, Moment, chosen

KEPT: Final = timedelta(hours=24)
PRUNED: Final = KEPT + timedelta(hours=1)  # never one that somebody is about to read
MOST_PRUNED: Final = 20_000


class IdempotencyKey(Base):
    """A request that a person has sent under a name, and what was answered."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """SHA-256 of the route and the name: the same name at another route is another request."""
    content: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of what was asked for: the path, and the body or the file."""
    status: Mapped[int | None] = mapped_column(SmallInteger)
    location: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Moment]


@dataclass(frozen=True, slots=True)
class Named:
    """A request that has a name, as hashes."""

    key: bytes
    content: bytes

    @classmethod
    def of(cls, name: str, *, route: str, path: str, body: bytes) -> "Named":
        """A request to a path of a route; `body`, or the hash of one that is too long to be at hand."""
        content = hashlib.sha256(f"{path}\n".encode() + body).digest()
        return cls(key_of(name, route=route), content)


class Replay(Exception):  # noqa: N818 - not a fault: there is an answer already
    """This was asked for and done before: its answer, to be given again."""

    def __init__(self, status: int, answer: str, location: str | None) -> None:
        self.status, self.answer, self.location = status, answer, location
        super().__init__("done before")


def key_of(name: str, *, route: str) -> bytes:
    """What a name at a route is kept under."""
    return hashlib.sha256(f"{route}\n{name}".encode()).digest()


def is_known(session: Session, *, user_id: uuid.UUID, key: bytes, now: datetime) -> bool:
    """Whether something was done under this name, whatever it was."""
    row = select(IdempotencyKey.key).where(
        IdempotencyKey.user_id == user_id, IdempotencyKey.key == key, IdempotencyKey.created_at > now - KEPT
    )
    return session.scalar(row) is not None


def begin(session: Session, *, user_id: uuid.UUID, named: Named, now: datetime) -> None:
    """Take the name for what this transaction does, before it does anything; waits for another that has it.

    Raises:
        Replay: this was done before.
        Refusal: `idempotency_conflict` when something else was.
    """
    taken = insert(IdempotencyKey).values(user_id=user_id, key=named.key, content=named.content, created_at=now)
    forgotten = {"status": None, "location": None, "answer": None, "content": named.content, "created_at": now}
    mine = session.scalar(
        taken.on_conflict_do_update(
            index_elements=[IdempotencyKey.user_id, IdempotencyKey.key],
            set_=forgotten,
            where=IdempotencyKey.created_at <= now - KEPT,
        ).returning(IdempotencyKey.key)
    )
    if mine is not None:
        return
    done = session.scalars(
        select(IdempotencyKey).where(IdempotencyKey.user_id == user_id, IdempotencyKey.key == named.key)
    ).one()
    if done.content != named.content:
        raise Refusal("idempotency_conflict", "You have sent something else under this Idempotency-Key before.")
    assert done.status is not None
    assert done.answer is not None
    raise Replay(done.status, done.answer, done.location)


def finish(
    session: Session, *, user_id: uuid.UUID, named: Named, status: int, answer: str, location: str | None
) -> None:
    """Keep what is going to be answered, in the transaction that `begin` began."""
    row = update(IdempotencyKey).where(IdempotencyKey.user_id == user_id, IdempotencyKey.key == named.key)
    session.execute(row.values(status=status, answer=answer, location=location))


def prune(session: Session, *, now: datetime) -> int:
    """Delete rows that are too old to count, a bounded number at a time; how many."""
    old = chosen(
        select(IdempotencyKey.user_id, IdempotencyKey.key)
        .where(IdempotencyKey.created_at <= now - PRUNED)
        .limit(MOST_PRUNED)
    )
    gone = session.execute(
        delete(IdempotencyKey)
        .where(IdempotencyKey.user_id == old.c.user_id, IdempotencyKey.key == old.c.key)
        .returning(IdempotencyKey.created_at)
    )
    return len(gone.all())
