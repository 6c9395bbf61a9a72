"""The ledger: work that was promised, one row each, until its result is stored. Postgres holds the truth.

The life of a row: `ask` inserts it in the transaction of the change that needs it. `claim` counts an attempt and takes
a lease; nobody else gets the row until the lease ends. `finish` deletes it in the transaction that stores the result.
What fails comes back after a growing delay; what was tried too often stays, with `due_at` empty, for an operator.

Attempt and version are the fence. A worker that lost its lease, or whose input was asked for anew meanwhile, cannot
store anything: `finish` raises, and its whole transaction is rolled back.

Lock order: change the domain's rows first and call `ask` or `finish` last, everywhere, so that no two can deadlock.
"""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    CursorResult,
    Index,
    Text,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.elements import ColumnElement, SQLColumnExpression

from shared import log, queue, tracing
from shared.jobs import LEDGER_JOBS, Job
from shared.models import Base, Created, Moment, chosen
from shared.queue import Hint

# A hint without effect is repeated when its work has waited twice as long: soon for what was lost, and a few times only
# for what stands in a long queue.
HINT_AGAIN: Final = (timedelta(seconds=20), timedelta(minutes=5))
FIRST_DELAY: Final = 2.0  # seconds before the second attempt; doubled for each further one
LONGEST_DELAY: Final = 600.0
TOGETHER: Final = 2  # attempts in which work shares a batch; afterwards it is alone, so that what kills harms no other
MOST_HINTS: Final = 500  # messages of one `ask`; the sweep sends those of the rest
KILLED: Final = "the process ended in the middle of the work"


class Work(Base):
    """One piece of promised work."""

    __tablename__ = "work"
    __table_args__ = (
        Index("ix_work_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_work_given_up", "kind", "created_at", postgresql_where=text("due_at IS NULL")),
    )

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    due_at: Mapped[Moment | None] = mapped_column(server_default=func.now())
    """Not before this moment; empty: given up."""
    lease_until: Mapped[Moment | None]
    hinted_at: Mapped[Moment | None]
    """When a hint was last sent that nobody has followed yet."""
    error: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
    traceparent: Mapped[str | None] = mapped_column(Text)
    """Of the trace of that request, if there is one: here, and not in a message, so that it is not lost with one."""
    created_at: Mapped[Created]


@dataclass(frozen=True, slots=True)
class Claim:
    """A row taken for one attempt. Attempt, version and lease are the fence.

    The lease tells apart what the numbers cannot: a row that was finished and asked for again begins at one and one.
    """

    job: Job
    key: str
    version: int
    attempt: int
    lease_until: datetime
    request_id: str | None
    traceparent: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether the work is given up when this attempt fails."""
        return self.attempt >= self.job.attempts


class LostFence(Exception):  # noqa: N818 - not a fault: somebody else has the work now
    """The row was asked for anew, taken by another or cancelled: what was made from it must not be stored."""


_FREE: Final = or_(Work.lease_until.is_(None), Work.lease_until < func.now())


def ask(session: Session, job: Job, *keys: str, delay: timedelta = timedelta()) -> None:
    """Promise the work for each key, in this transaction.

    Asking for work that waits changes nothing but its version (and brings it forward, never back). Asking while it is
    being done makes it be done anew. Asking for work that was given up starts its attempts afresh.
    """
    hinted = MOST_HINTS * job.batch if not delay else 0
    rows = [
        {
            "kind": job.name,
            "key": key,
            "due_at": func.now() + delay,
            "hinted_at": func.now() if number < hinted else None,
            "request_id": log.current_request_id(),
            "traceparent": tracing.current(),
        }
        # sorted: two who ask for the same keys at once must lock them in one order
        for number, key in enumerate(sorted(set(keys)))
    ]
    for start in range(0, len(rows), 5000):
        statement = insert(Work).values(rows[start : start + 5000])
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[Work.kind, Work.key],
                set_={
                    "version": Work.version + 1,
                    "attempts": 0,
                    "due_at": func.least(Work.due_at, statement.excluded.due_at),  # `least` passes over an empty one
                    "hinted_at": statement.excluded.hinted_at,
                    "error": None,
                    "request_id": statement.excluded.request_id,
                    "traceparent": statement.excluded.traceparent,
                    "created_at": case((Work.due_at.is_(None), func.now()), else_=Work.created_at),
                },
            )
        )
    for row in rows[: hinted : job.batch]:
        queue.note(session, Hint(job, str(row["key"])))


def claim(session: Session, job: Job, key: str) -> Claim | None:
    """Take one row for an attempt; None when it is done, taken, not due or given up. Commit before working."""
    return next(iter(_claim(session, job, Work.key == key)), None)


def claim_batch(session: Session, job: Job, *, most: int) -> list[Claim]:
    """Take up to `most` rows of a kind that wait, the longest due first, passing over what others are taking.

    Rows that failed in TOGETHER attempts are left to `claim`.
    """
    waiting = chosen(
        select(Work.kind, Work.key)
        .where(Work.kind == job.name, Work.due_at <= func.now(), _FREE, Work.attempts < min(TOGETHER, job.attempts))
        .order_by(Work.due_at)
        .limit(most)
    )
    return _claim(session, job, Work.key == waiting.c.key)


def _claim(session: Session, job: Job, which: ColumnElement[bool]) -> list[Claim]:
    taken = session.execute(
        update(Work)
        .where(Work.kind == job.name, which, Work.due_at <= func.now(), _FREE, Work.attempts < job.attempts)
        .values(
            attempts=Work.attempts + 1,
            lease_until=func.clock_timestamp() + timedelta(seconds=job.lease_seconds),
            hinted_at=None,
        )
        .returning(Work.key, Work.version, Work.attempts, Work.lease_until, Work.request_id, Work.traceparent)
        .execution_options(synchronize_session=False)
    )
    return [
        Claim(job, key, version, attempt, lease_until, request_id, traceparent)
        for key, version, attempt, lease_until, request_id, traceparent in taken
        if lease_until is not None  # it has just been set
    ]


def finish(session: Session, claimed: Claim) -> None:
    """Delete the row; the last statement of the transaction that stores the result.

    Raises:
        LostFence: the work is no longer this worker's, or its input has changed; let it roll everything back.
    """
    done = session.execute(delete(Work).where(*_held(claimed)).execution_options(synchronize_session=False))
    if not _count(done):
        raise LostFence(claimed.job.name, claimed.key)


def finish_all(session: Session, claims: Sequence[Claim]) -> None:
    """Delete the rows of a batch, those that are still held; the others are freed to be taken again at once.

    For results that say themselves what they were made from, and so can be stored whoever has the work now: where the
    input may have changed, store only what still fits it.
    """
    released = []
    for claimed in sorted(claims, key=lambda one: one.key):
        try:
            finish(session, claimed)
        except LostFence:
            if _end_lease(session, claimed):
                released.append(Hint(claimed.job, claimed.key))
    if released:
        for hint in released[:: released[0].job.batch]:
            queue.note(session, hint)


def fail(session: Session, claimed: Claim, error: str, *, final: bool = False) -> None:
    """Free the row after a failed attempt, to come back later, or give it up when that was the last one.

    With `final` it is given up whichever attempt it was: trying again could not help.

    Raises:
        LostFence: the work is no longer this worker's; let it roll everything back.
    """
    given_up = final or claimed.is_last
    later = func.now() + timedelta(seconds=backoff(claimed.attempt, random.random()))  # noqa: S311 - jitter
    _free(session, claimed, hinted_at=None, error=error[:2000], due_at=None if given_up else later)


def hold(session: Session, claimed: Claim) -> None:
    """Make sure that the work is still this worker's; the last statement of a transaction that does a part of it.

    Raises:
        LostFence: it is not, or its input has changed; let it roll everything back.
    """
    if session.scalar(select(Work.key).where(*_held(claimed)).with_for_update()) is None:
        raise LostFence(claimed.job.name, claimed.key)


def put_off(session: Session, claimed: Claim, *, until: datetime | None = None) -> None:
    """Go on later, or at once: a part of the work is done, and so its attempts begin afresh.

    Raises:
        LostFence: the work is no longer this worker's; let it roll everything back.
    """
    if until is None:
        _free(session, claimed, attempts=0, error=None, due_at=func.now(), hinted_at=func.now())
        queue.note(session, Hint(claimed.job, claimed.key))
    else:  # nobody waits for it before that
        _free(session, claimed, attempts=0, error=None, due_at=until, hinted_at=None, created_at=until)


def release(session: Session, claimed: Claim) -> None:
    """After a lost fence: when the work was asked for anew under this lease, let it be taken again at once."""
    if _end_lease(session, claimed):
        queue.note(session, Hint(claimed.job, claimed.key))


def cancel(session: Session, job: Job, *keys: str) -> None:
    """Forget the work, whatever its state: its subject is gone. Whoever is at it loses the fence."""
    session.execute(delete(Work).where(Work.kind == job.name, Work.key.in_(keys)))


def exhausted(session: Session, job: Job, *, most: int) -> Sequence[str]:
    """Keys of rows whose last attempt ended without a word (a killed process), each to be given to `give_up`."""
    return session.scalars(select(Work.key).where(Work.kind == job.name, *_spent(job)).limit(most)).all()


def give_up(session: Session, job: Job, key: str) -> None:
    """Give up an exhausted row; the last statement of the transaction that tells whom it concerns.

    Raises:
        LostFence: it is not exhausted any more; let it roll everything back.
    """
    given_up = session.execute(
        update(Work)
        .where(Work.kind == job.name, Work.key == key, *_spent(job))
        .values(due_at=None, lease_until=None, error=func.coalesce(Work.error, literal(KILLED)))
        .execution_options(synchronize_session=False)
    )
    if not _count(given_up):
        raise LostFence(job.name, key)


def take_unhinted(session: Session, *, most: int) -> list[Hint]:
    """Rows that are due, free and not hinted at lately, marked as hinted; publish before committing.

    This is how every lost message comes back: hints that never reached Redis, that Redis lost, that died with a worker.
    """
    waited, (soon, late) = Work.hinted_at - Work.due_at, HINT_AGAIN
    waiting = chosen(
        select(Work.kind, Work.key)
        .where(
            Work.kind.in_(LEDGER_JOBS),
            Work.due_at <= func.now(),
            _FREE,
            or_(Work.hinted_at.is_(None), Work.hinted_at + func.least(func.greatest(waited, soon), late) < func.now()),
        )
        .order_by(Work.due_at)
        .limit(most)
    )
    marked = session.execute(
        update(Work)
        .where(Work.kind == waiting.c.kind, Work.key == waiting.c.key)
        .values(hinted_at=func.now())
        .returning(Work.kind, Work.key, Work.attempts)
        .execution_options(synchronize_session=False)
    )
    together: dict[Job, list[Hint]] = {}
    alone: list[Hint] = []
    for kind, key, attempts in marked:
        job = LEDGER_JOBS[kind]
        (alone if attempts >= TOGETHER else together.setdefault(job, [])).append(Hint(job, key))
    return alone + [hint for job, hints in together.items() for hint in hints[:: job.batch]]


def backoff(attempt: int, chance: float) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1); `chance` in 0..1 spreads what fails together.

    Exponential with equal jitter: between half and the whole of FIRST_DELAY doubled for each attempt, capped.
    """
    whole = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempt - 1, 30))
    return whole * (0.5 + chance / 2)


def unpromised(job: Job, key: SQLColumnExpression[uuid.UUID]) -> ColumnElement[bool]:
    """The condition on a column of keys that no row of this kind has them, not even one that was given up."""
    return ~exists().where(Work.kind == job.name, Work.key == as_type(key, Text))


def _free(session: Session, claimed: Claim, **values: object) -> None:
    freed = update(Work).where(*_held(claimed)).values(lease_until=None, **values)
    if not _count(session.execute(freed.execution_options(synchronize_session=False))):
        raise LostFence(claimed.job.name, claimed.key)


def _end_lease(session: Session, claimed: Claim) -> bool:
    """End the lease, if it is still this worker's; whether it was."""
    freed = session.execute(
        update(Work)
        .where(Work.kind == claimed.job.name, Work.key == claimed.key, Work.lease_until == claimed.lease_until)
        .values(lease_until=None)
        .execution_options(synchronize_session=False)
    )
    return bool(_count(freed))


def _spent(job: Job) -> tuple[ColumnElement[bool], ...]:
    return Work.due_at.is_not(None), Work.attempts >= job.attempts, _FREE


def _held(claimed: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        and_(Work.kind == claimed.job.name, Work.key == claimed.key),
        Work.attempts == claimed.attempt,
        Work.version == claimed.version,
        Work.lease_until == claimed.lease_until,
    )


def _count(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
