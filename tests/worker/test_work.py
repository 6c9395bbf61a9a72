"""How tasks do work of the ledger, called as functions, in every way they can end."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from shared import health, ledger, log, queue
from shared.database import Database
from shared.jobs import HEARTBEATS, LEDGER_JOBS, Job
from shared.ledger import Claim, Work
from worker.app import app
from worker.work import Hopeless, _give_up, _told_alive, ledger_task, sweep

JOB = Job("test.work", "default", lease=30, attempts=3)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, committed: Database) -> Iterator[Job]:
    monkeypatch.setitem(LEDGER_JOBS, JOB.name, JOB)
    yield JOB
    _give_up.pop(JOB.name, None)
    app.tasks.pop(JOB.name, None)


def rows(db: Database) -> list[Work]:
    with db.transaction() as session:
        return list(session.scalars(select(Work)))


def due(db: Database) -> None:
    with db.transaction() as session:
        session.execute(update(Work).where(Work.due_at.is_not(None)).values(due_at=func.now()))


def test_work_is_done_once_however_often_it_is_hinted_at(committed: Database, job: Job) -> None:
    done = []

    @ledger_task(job)
    def work(claimed: Claim) -> None:
        done.append((claimed.key, log.current_request_id()))
        committed.call(ledger.finish, claimed)

    with log.context(request_id="request-0001"):
        committed.call(ledger.ask, job, "a")
    for _ in range(3):
        work("a")
    assert done == [("a", "request-0001")]
    assert rows(committed) == []


@pytest.mark.parametrize("error", [ValueError("no"), SoftTimeLimitExceeded(), MemoryError()])
def test_whatever_is_raised_is_a_failed_attempt(committed: Database, job: Job, error: BaseException) -> None:
    told = []

    @ledger_task(job, give_up=lambda _session, key, _now: told.append(key))
    def work(_: Claim) -> None:
        raise error

    committed.call(ledger.ask, job, "a")
    for attempt in range(1, job.attempts + 1):
        assert told == []
        work("a")
        (row,) = rows(committed)
        assert (row.attempts, row.lease_until) == (attempt, None)
        assert row.error is not None
        assert type(error).__name__ in row.error
        due(committed)
    assert told == ["a"]
    assert row.due_at is None
    work("a")
    assert rows(committed)[0].attempts == job.attempts


def test_what_is_hopeless_is_given_up_at_once_and_can_be_asked_for_again(committed: Database, job: Job) -> None:
    told = []

    @ledger_task(job, give_up=lambda _session, key, _now: told.append(key))
    def work(_: Claim) -> None:
        raise Hopeless("it is refused for good")

    committed.call(ledger.ask, job, "a")
    work("a")
    (row,) = rows(committed)
    assert (row.attempts, row.due_at, row.lease_until, row.error) == (1, None, None, "it is refused for good")
    assert told == ["a"]
    committed.call(ledger.ask, job, "a")
    (row,) = rows(committed)
    assert (row.attempts, row.error) == (0, None)
    assert row.due_at is not None


def test_work_asked_for_anew_while_it_is_done_is_done_again_with_the_newer_input(committed: Database, job: Job) -> None:
    seen = []

    @ledger_task(job)
    def work(claimed: Claim) -> None:
        seen.append(claimed.version)
        if len(seen) == 1:
            committed.call(ledger.ask, job, "a")
        committed.call(ledger.finish, claimed)

    committed.call(ledger.ask, job, "a")
    work("a")
    assert len(rows(committed)) == 1
    work("a")
    assert seen == [1, 2]
    assert rows(committed) == []


def test_a_failure_of_work_that_somebody_else_has_changes_nothing(committed: Database, job: Job) -> None:
    told: list[str] = []

    @ledger_task(job, give_up=lambda _session, key, _now: told.append(key))
    def work(_: Claim) -> None:
        with committed.transaction() as session:
            session.execute(update(Work).values(attempts=Work.attempts + 1))
        raise ValueError("too late")

    committed.call(ledger.ask, job, "a")
    with committed.transaction() as session:
        session.execute(update(Work).values(attempts=job.attempts - 1))
    work("a")
    (row,) = rows(committed)
    assert row.error is None
    assert told == ["a"], "tried, and rolled back with the rest"


def test_the_sweep_gives_up_what_killed_its_process_and_tells_whom_it_concerns(committed: Database, job: Job) -> None:
    told: list[str] = []

    @ledger_task(job, give_up=lambda _session, key, _now: told.append(key))
    def work(_: Claim) -> None:
        """Never called."""

    committed.call(ledger.ask, job, "a", "b")
    with committed.transaction() as session:
        session.execute(
            update(Work)
            .where(Work.key == "a")
            .values(attempts=job.attempts, lease_until=func.now() - timedelta(seconds=1))
        )
    sweep()
    sweep()
    assert told == ["a"]
    assert {row.key: row.error for row in rows(committed)} == {"a": ledger.KILLED, "b": None}


def test_one_that_cannot_be_given_up_stops_no_other(committed: Database, job: Job) -> None:
    told: list[str] = []

    def stumble(_session: object, key: str, _now: object) -> None:
        if key == "a":
            raise ValueError("a bug in one domain")
        told.append(key)

    @ledger_task(job, give_up=stumble)
    def work(_: Claim) -> None:
        """Never called."""

    committed.call(ledger.ask, job, "a", "b", "waits")
    with committed.transaction() as session:
        session.execute(update(Work).where(Work.key != "waits").values(attempts=job.attempts))
        session.execute(update(Work).values(hinted_at=None))
    sweep()
    assert told == ["b"]
    found = {row.key: row for row in rows(committed)}
    assert found["a"].due_at is not None, "it comes again"
    assert found["waits"].hinted_at is not None


def test_a_sweep_that_cannot_publish_marks_nothing(
    committed: Database, job: Job, configured: Callable[..., None]
) -> None:
    committed.call(ledger.ask, job, "a")
    with committed.transaction() as session:
        session.execute(update(Work).values(hinted_at=None))
    configured(REDIS_URL="redis://127.0.0.1:1/0")
    queue.publisher.cache_clear()
    try:
        with pytest.raises(ConnectionError):
            sweep()
    finally:
        queue.publisher.cache_clear()
    assert [row.hinted_at for row in rows(committed)] == [None]


def test_when_the_database_is_away_the_attempt_is_left_to_its_lease(
    committed: Database, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    @ledger_task(job)
    def work(_: Claim) -> None:
        monkeypatch.setattr(ledger, "fail", away)
        raise ValueError("no")

    def away(*_: object, **__: object) -> None:
        raise OperationalError("x", {}, Exception("the server is gone"))

    committed.call(ledger.ask, job, "a")
    with pytest.raises(OperationalError):
        work("a")
    (row,) = rows(committed)
    assert row.lease_until is not None


def test_every_queue_has_a_heartbeat(committed: Database) -> None:
    for queue_name, beat in HEARTBEATS.items():
        app.tasks[beat.name]()
        assert committed.call(health.seconds_since_heartbeats)[queue_name] < 5
    assert set(committed.call(health.seconds_since_heartbeats)) == set(HEARTBEATS)


def test_a_busy_worker_is_alive_although_heartbeats_wait_behind_its_backlog(committed: Database, job: Job) -> None:
    _told_alive.clear()

    @ledger_task(job)
    def work(claimed: Claim) -> None:
        committed.call(ledger.finish, claimed)

    committed.call(ledger.ask, job, "a", "b")
    work("a")
    assert committed.call(health.seconds_since_heartbeats)[job.queue] < 5
    told = dict(_told_alive)
    work("b")
    assert _told_alive == told, "not with every claim"
