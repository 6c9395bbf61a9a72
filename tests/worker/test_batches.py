"""Work that is done in batches, whichever message woke the task."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import func, select, update

from shared import ledger, queue
from shared.database import Database
from shared.jobs import LEDGER_JOBS, Job
from shared.ledger import Claim, Work
from worker.app import app
from worker.work import Outcomes, _give_up, batch_task

JOB = Job("test.batch", "default", lease=30, attempts=5, batch=4)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, committed: Database) -> Iterator[Job]:
    monkeypatch.setitem(LEDGER_JOBS, JOB.name, JOB)
    yield JOB
    _give_up.pop(JOB.name, None)
    app.tasks.pop(JOB.name, None)


@pytest.fixture
def batches(committed: Database, job: Job) -> tuple[Callable[[str], Outcomes], list[list[str]]]:
    """A task that fails whatever has "poison" among it, and what it was given each time."""
    given: list[list[str]] = []

    @batch_task(job)
    def work(claims: list[Claim]) -> None:
        given.append([claimed.key for claimed in claims])
        if "poison" in given[-1]:
            raise ValueError("poison")
        committed.call(ledger.finish_all, claims)

    return work, given


def rows(db: Database) -> dict[str, Work]:
    with db.transaction() as session:
        return {row.key: row for row in session.scalars(select(Work))}


def due(db: Database) -> None:
    with db.transaction() as session:
        session.execute(update(Work).where(Work.due_at.is_not(None)).values(due_at=func.now()))


def test_one_message_does_what_waits_the_named_first(
    committed: Database, job: Job, batches: tuple[Callable[[str], Outcomes], list[list[str]]]
) -> None:
    work, given = batches
    committed.call(ledger.ask, job, *"abcdef")
    work("e")
    assert given[0][0] == "e"
    assert len(set(given[0])) == 4
    work("e")
    assert {*given[0], *given[1]} == {*"abcdef"}
    work("e")
    assert len(given) == 2
    assert rows(committed) == {}


def test_what_spoils_batches_ends_up_alone_and_harms_no_other(
    committed: Database, job: Job, batches: tuple[Callable[[str], Outcomes], list[list[str]]]
) -> None:
    work, given = batches
    committed.call(ledger.ask, job, "a", "b", "poison")
    for _ in range(5):
        due(committed)
        for key in ("poison", "a", "b"):
            work(key)
    left = rows(committed)
    assert list(left) == ["poison"]
    assert (left["poison"].due_at, left["poison"].attempts) == (None, 5)
    assert left["poison"].error == "ValueError: poison"
    assert [len(batch) for batch in given if "poison" in batch] == [3, 3, 1, 1, 1]


def test_asked_anew_meanwhile_it_comes_back_and_the_others_are_done(committed: Database, job: Job) -> None:
    seen = []

    @batch_task(job)
    def work(claims: list[Claim]) -> None:
        seen.append({claimed.key for claimed in claims})
        if len(seen) == 1:
            committed.call(ledger.ask, job, "b")
        committed.call(ledger.finish_all, claims)

    committed.call(ledger.ask, job, *"abc")
    work("a")
    left = rows(committed)
    assert list(left) == ["b"]
    assert left["b"].lease_until is None
    work("b")
    assert seen == [{*"abc"}, {"b"}]
    assert rows(committed) == {}


def test_a_full_batch_says_that_more_may_wait_before_it_begins(
    committed: Database, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a message that is lost with its worker, the next is on its way already."""
    said: list[str] = []
    monkeypatch.setattr(queue, "publish", lambda hints: said.extend(hint.key for hint in hints))

    @batch_task(job)
    def work(claims: list[Claim]) -> None:
        assert said == [claims[0].key] * (len(claims) == job.batch)
        committed.call(ledger.finish_all, claims)

    committed.call(ledger.ask, job, *"abcdef")
    for expected in (4, 2):
        said.clear()
        before = len(rows(committed))
        work("a")
        assert before - len(rows(committed)) == expected
    assert rows(committed) == {}
