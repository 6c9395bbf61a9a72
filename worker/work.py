"""How a task does work of the ledger, and the tasks that keep the ledger going."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from sqlalchemy.orm import Session

from shared import clock, health, ledger, log, queue, tracing
from shared.database import database
from shared.jobs import HEARTBEATS, LEDGER_JOBS, SWEEP_WORK, Job
from shared.ledger import Claim, LostFence
from shared.queue import Hint
from worker.app import app

P = ParamSpec("P")
R = TypeVar("R", bound="Outcomes | None")
Outcomes = tuple[tuple[str, str, int], ...]
"""What a task came to, for whoever counts it: kind of work, outcome, and pieces of work with it."""
GiveUp = Callable[[Session, str, datetime], None]

MOST_EXHAUSTED = 100  # rows that one sweep gives up per kind
MOST_HINTS = 2000  # rows that one sweep hints at

BEAT_EVERY = 15.0  # seconds between the signs of life that a process gives while it is busy

DONE, FENCE_LOST, RETRIED, GIVEN_UP, HOPELESS = "done", "fence_lost", "retried", "given_up", "hopeless"

_told_alive: dict[str, float] = {}
_give_up: dict[str, GiveUp] = {}
_log = log.logger(__name__)


class Hopeless(Exception):  # noqa: N818 - not a fault of ours: it will be so tomorrow as well
    """Trying again cannot help, so the work is given up at once. The text tells an operator why."""


def _nobody_to_tell(session: Session, key: str, now: datetime) -> None:
    """Nothing but the ledger keeps the failure."""


def ledger_task(
    job: Job, *, give_up: GiveUp = _nobody_to_tell
) -> Callable[[Callable[[Claim], None]], Callable[[str], Outcomes]]:
    """Make a function of a claim the task of a kind of work: what is registered takes the row's key.

    The function must end its last transaction with `ledger.finish`. Whatever it raises is a failed attempt; after the
    last one, or `Hopeless`, `give_up(session, key, now)` runs in the transaction that gives the row up.
    """

    def register(work: Callable[[Claim], None]) -> Callable[[str], Outcomes]:
        _give_up[job.name] = give_up

        @_task(job)
        @wraps(work)
        def attempt(key: str) -> Outcomes:
            claimed = database().call(_claim, job, key)
            return () if claimed is None else ((job.name, _attempt(claimed, work), 1),)

        return attempt

    return register


def batch_task(job: Job) -> Callable[[Callable[[list[Claim]], None]], Callable[[str], Outcomes]]:
    """Make a function of claims the task of a kind of work that is cheaper together.

    Whatever message woke it, the task takes up to `job.batch` rows that wait. The function must end its last
    transaction with `ledger.finish_all`.
    """

    def register(work: Callable[[list[Claim]], None]) -> Callable[[str], Outcomes]:
        _give_up[job.name] = _nobody_to_tell

        @_task(job)
        @wraps(work)
        def attempt(key: str) -> Outcomes:
            claims = database().call(_claim_batch, job, key)
            return _attempt_batch(claims, work) if claims else ()

        return attempt

    return register


def periodic_task(job: Job) -> Callable[[Callable[[], R]], Callable[[], R]]:
    """Make a function the task of a row of beat's timetable."""

    def register(step: Callable[[], R]) -> Callable[[], R]:
        @_task(job)
        @wraps(step)
        def run() -> R:
            traced = nullcontext() if job.name.startswith("heartbeat.") else tracing.task(job.name)
            with log.context(request_id=log.request_id(), job=job.name), traced:
                return step()

        return run

    return register


def _task(job: Job) -> Callable[[Callable[P, R]], Callable[P, R]]:
    options: dict[str, Any] = {"name": job.name, "soft_time_limit": job.soft_limit, "time_limit": job.hard_limit}
    return cast("Callable[[Callable[P, R]], Callable[P, R]]", app.task(**options))


def _claim(session: Session, job: Job, key: str) -> Claim | None:
    """Claim, and now and then tell that this queue's messages are taken: its heartbeats wait behind a long backlog."""
    claimed = ledger.claim(session, job, key)
    if claimed is not None:
        _tell_alive(session, job)
    return claimed


def _claim_batch(session: Session, job: Job, key: str) -> list[Claim]:
    """Claim the row that the message names and with it what else waits; alone when it has failed too often."""
    named = ledger.claim(session, job, key)
    claims = [] if named is None else [named]
    if named is None or named.attempt <= ledger.TOGETHER:
        claims += ledger.claim_batch(session, job, most=job.batch - len(claims))
    if claims:
        _tell_alive(session, job)
    if len(claims) == job.batch:  # more may wait: said before the work, so that whoever ends in its middle has said it
        queue.note(session, Hint(job, claims[0].key))
    return claims


def _tell_alive(session: Session, job: Job) -> None:
    if time.monotonic() - _told_alive.get(job.queue, -BEAT_EVERY) >= BEAT_EVERY:
        health.beat(session, queue=job.queue)
        _told_alive[job.queue] = time.monotonic()


def _attempt(claimed: Claim, work: Callable[[Claim], None]) -> str:
    began = time.perf_counter()
    with (
        log.context(
            request_id=log.request_id(claimed.request_id),
            job=claimed.job.name,
            key=claimed.key,
            attempt=claimed.attempt,
        ),
        _traced([claimed]),
    ):
        try:
            work(claimed)
        except LostFence:
            _log.info("somebody else has this work now")
            database().call(ledger.release, claimed)
            outcome = FENCE_LOST
        except Hopeless as hopeless:
            _log.error("given up", error=str(hopeless))
            outcome = _fail(claimed, str(hopeless), final=True)
        except Exception as error:  # noqa: BLE001 - whatever it was, the attempt has failed
            _tell_of_failure(error, claimed)
            outcome = _fail(claimed, log.without_values(f"{type(error).__name__}: {error}"))
        else:
            _log.info("done", seconds=round(time.perf_counter() - began, 3))
            outcome = DONE
        tracing.note(**{"work.outcome": outcome})
        return outcome


def _attempt_batch(claims: list[Claim], work: Callable[[list[Claim]], None]) -> Outcomes:
    began = time.perf_counter()
    first = claims[0]
    with (
        log.context(request_id=log.request_id(first.request_id), job=first.job.name, key=first.key, batch=len(claims)),
        _traced(claims),
    ):
        try:
            work(claims)
        except Exception as error:  # noqa: BLE001 - whatever it was, the attempt has failed
            _tell_of_failure(error, *claims)
            words = log.without_values(f"{type(error).__name__}: {error}")
            outcomes = Counter(_fail(claimed, words) for claimed in claims)
        else:
            _log.info("done", seconds=round(time.perf_counter() - began, 3))
            outcomes = Counter({DONE: len(claims)})
        return tuple((first.job.name, outcome, rows) for outcome, rows in outcomes.items())


def _traced(claims: Sequence[Claim]) -> AbstractContextManager[object]:
    """The span of work together."""
    first = claims[0]
    facts: dict[str, str | int] = {"work.key": first.key, "work.attempt": first.attempt, "work.rows": len(claims)}
    if first.request_id is not None:
        facts["request.id"] = first.request_id
    return tracing.task(first.job.name, asked_by=[claimed.traceparent for claimed in claims], **facts)


def _tell_of_failure(error: Exception, *claims: Claim) -> None:
    """Log the exception: an error only where nothing more is tried."""
    tracing.note_error(error)
    last = any(claimed.is_last for claimed in claims)
    _log.log(logging.ERROR if last else logging.WARNING, "attempt failed", last=last, exc_info=error)


def _fail(claimed: Claim, error: str, *, final: bool = False) -> str:
    try:
        with database().transaction() as session:
            if final or claimed.is_last:
                _give_up[claimed.job.name](session, claimed.key, clock.now())
            ledger.fail(session, claimed, error, final=final)
    except LostFence:
        database().call(ledger.release, claimed)
        return FENCE_LOST
    if final:
        return HOPELESS
    return GIVEN_UP if claimed.is_last else RETRIED


@periodic_task(SWEEP_WORK)
def sweep() -> Outcomes:
    """Hint again at what nobody is working on, then give up what was tried too often."""
    with database().transaction() as session:
        hints = ledger.take_unhinted(session, most=MOST_HINTS)
        queue.publish(hints)  # inside the transaction: what cannot be sent stays unmarked
    if hints:
        _log.info("hinted again", rows=len(hints))
    given_up = Counter(
        job.name
        for job in LEDGER_JOBS.values()
        for key in database().call(ledger.exhausted, job, most=MOST_EXHAUSTED)
        if _give_up_exhausted(job, key)
    )
    return tuple((kind, GIVEN_UP, rows) for kind, rows in given_up.items())


def _give_up_exhausted(job: Job, key: str) -> bool:
    """Give up one row; whether that was done."""
    try:
        with database().transaction() as session:
            _give_up[job.name](session, key, clock.now())
            ledger.give_up(session, job, key)
    except LostFence:
        _log.info("no longer exhausted", kind=job.name, key=key)
    except Exception:  # noqa: BLE001 - one that cannot be given up must not stop the others
        _log.exception("could not give up", kind=job.name, key=key)
    else:
        _log.error("given up", kind=job.name, key=key, error=ledger.KILLED)
        return True
    return False


def _heartbeat(queue_name: str) -> None:
    @periodic_task(HEARTBEATS[queue_name])
    def beat() -> None:
        database().call(health.beat, queue=queue_name)


for _queue_name in HEARTBEATS:
    _heartbeat(_queue_name)
