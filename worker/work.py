"""How a task does work of the ledger, and the tasks that keep the ledger going."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, cast

from sqlalchemy.orm import Session

from shared import clock, health, ledger, log, queue
from shared.database import database
from shared.jobs import HEARTBEATS, LEDGER_JOBS, SWEEP_WORK, Job
from shared.ledger import Claim, LostFence
from shared.queue import Hint
from worker.app import app

P = ParamSpec("P")
GiveUp = Callable[[Session, str, datetime], None]

MOST_EXHAUSTED = 100  # rows that one sweep gives up per kind
MOST_HINTS = 2000  # rows that one sweep hints at

BEAT_EVERY = 15.0  # seconds between the signs of life that a process gives while it is busy

_told_alive: dict[str, float] = {}
_give_up: dict[str, GiveUp] = {}
_log = log.logger(__name__)


class Hopeless(Exception):  # noqa: N818 - not a fault of ours: it will be so tomorrow as well
    """Trying again cannot help, so the work is given up at once. The text tells an operator why."""


def _nobody_to_tell(session: Session, key: str, now: datetime) -> None:
    """Nothing but the ledger keeps the failure."""


def ledger_task(
    job: Job, *, give_up: GiveUp = _nobody_to_tell
) -> Callable[[Callable[[Claim], None]], Callable[[str], None]]:
    """Make a function of a claim the task of a kind of work: what is registered takes the row's key.

    The function must end its last transaction with `ledger.finish`. Whatever it raises is a failed attempt; after the
    last one, or `Hopeless`, `give_up(session, key, now)` runs in the transaction that gives the row up.
    """

    def register(work: Callable[[Claim], None]) -> Callable[[str], None]:
        _give_up[job.name] = give_up

        @_task(job)
        @wraps(work)
        def attempt(key: str) -> None:
            claimed = database().call(_claim, job, key)
            if claimed is not None:
                _attempt(claimed, work)

        return attempt

    return register


def batch_task(job: Job) -> Callable[[Callable[[list[Claim]], None]], Callable[[str], None]]:
    """Make a function of claims the task of a kind of work that is cheaper together.

    Whatever message woke it, the task takes up to `job.batch` rows that wait. The function must end its last
    transaction with `ledger.finish_all`.
    """

    def register(work: Callable[[list[Claim]], None]) -> Callable[[str], None]:
        _give_up[job.name] = _nobody_to_tell

        @_task(job)
        @wraps(work)
        def attempt(key: str) -> None:
            claims = database().call(_claim_batch, job, key)
            if claims:
                _attempt_batch(claims, work)

        return attempt

    return register


def periodic_task(job: Job) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Make a function the task of a row of beat's timetable."""

    def register(step: Callable[[], None]) -> Callable[[], None]:
        @_task(job)
        @wraps(step)
        def run() -> None:
            with log.context(request_id=log.request_id(), job=job.name):
                step()

        return run

    return register


def _task(job: Job) -> Callable[[Callable[P, None]], Callable[P, None]]:
    options: dict[str, Any] = {"name": job.name, "soft_time_limit": job.soft_limit, "time_limit": job.hard_limit}
    return cast("Callable[[Callable[P, None]], Callable[P, None]]", app.task(**options))


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


def _attempt(claimed: Claim, work: Callable[[Claim], None]) -> None:
    began = time.perf_counter()
    with log.context(
        request_id=log.request_id(claimed.request_id), job=claimed.job.name, key=claimed.key, attempt=claimed.attempt
    ):
        try:
            work(claimed)
        except LostFence:
            _log.info("somebody else has this work now")
            database().call(ledger.release, claimed)
        except Hopeless as hopeless:
            _log.error("given up", error=str(hopeless))
            _fail(claimed, str(hopeless), final=True)
        except Exception as error:  # noqa: BLE001 - whatever it was, the attempt has failed
            _log.exception("attempt failed", last=claimed.is_last)
            _fail(claimed, f"{type(error).__name__}: {error}")
        else:
            _log.info("done", seconds=round(time.perf_counter() - began, 3))


def _attempt_batch(claims: list[Claim], work: Callable[[list[Claim]], None]) -> None:
    began = time.perf_counter()
    first = claims[0]
    with log.context(request_id=log.request_id(first.request_id), job=first.job.name, key=first.key, batch=len(claims)):
        try:
            work(claims)
        except Exception as error:  # noqa: BLE001 - whatever it was, the attempt has failed
            _log.exception("attempt failed", last=first.is_last)
            for claimed in claims:
                _fail(claimed, f"{type(error).__name__}: {error}")
        else:
            _log.info("done", seconds=round(time.perf_counter() - began, 3))


def _fail(claimed: Claim, error: str, *, final: bool = False) -> None:
    try:
        with database().transaction() as session:
            if final or claimed.is_last:
                _give_up[claimed.job.name](session, claimed.key, clock.now())
            ledger.fail(session, claimed, error, final=final)
    except LostFence:
        database().call(ledger.release, claimed)


@periodic_task(SWEEP_WORK)
def sweep() -> None:
    """Hint again at what nobody is working on, then give up what was tried too often."""
    with database().transaction() as session:
        hints = ledger.take_unhinted(session, most=MOST_HINTS)
        queue.publish(hints)  # inside the transaction: what cannot be sent stays unmarked
    if hints:
        _log.info("hinted again", rows=len(hints))
    for job in LEDGER_JOBS.values():
        for key in database().call(ledger.exhausted, job, most=MOST_EXHAUSTED):
            _give_up_exhausted(job, key)


def _give_up_exhausted(job: Job, key: str) -> None:
    try:
        with database().transaction() as session:
            _give_up[job.name](session, key, clock.now())
            ledger.give_up(session, job, key)
        _log.error("given up", kind=job.name, key=key, error=ledger.KILLED)
    except LostFence:
        _log.info("no longer exhausted", kind=job.name, key=key)
    except Exception:  # noqa: BLE001 - one that cannot be given up must not stop the others
        _log.exception("could not give up", kind=job.name, key=key)


def _heartbeat(queue_name: str) -> None:
    @periodic_task(HEARTBEATS[queue_name])
    def beat() -> None:
        database().call(health.beat, queue=queue_name)


for _queue_name in HEARTBEATS:
    _heartbeat(_queue_name)
