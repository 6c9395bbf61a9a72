"""What an orchestrator is told about a queue."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, update
from sqlalchemy.exc import OperationalError

from shared import health
from shared.database import Database
from shared.health import STALE_AFTER, Heartbeat
from worker.health import main

Ask = Callable[[str], Result]


@pytest.fixture
def ask(db: Database, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setattr("worker.health.database", lambda: db)
    return lambda queue: CliRunner().invoke(main, [queue])


def _age(db: Database, *, queue: str, seconds: float) -> None:
    db.call(health.beat, queue=queue)
    with db.transaction() as session:
        session.execute(
            update(Heartbeat)
            .where(Heartbeat.queue == queue)
            .values(at=func.clock_timestamp() - timedelta(seconds=seconds))
        )


def test_a_fresh_heartbeat_is_healthy(ask: Ask, db: Database) -> None:
    _age(db, queue="photos", seconds=STALE_AFTER - 5)
    answer = ask("photos")
    assert answer.exit_code == 0
    assert len(answer.output.splitlines()) == 1


def test_another_queues_heartbeat_does_not_count(ask: Ask, db: Database) -> None:
    _age(db, queue="mail", seconds=0)
    answer = ask("photos")
    assert answer.exit_code == 1
    assert "no worker has taken a heartbeat yet" in answer.output


def test_a_stale_heartbeat_is_unhealthy(ask: Ask, db: Database) -> None:
    _age(db, queue="photos", seconds=STALE_AFTER + 5)
    answer = ask("photos")
    assert answer.exit_code == 1
    assert "65 s ago" in answer.output


def test_a_database_that_does_not_answer_is_unhealthy_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Database:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr("worker.health.database", away)
    answer = CliRunner().invoke(main, ["photos"])
    assert answer.exit_code == 1
    assert "the database does not answer" in answer.output
    assert len(answer.output.splitlines()) == 1


def test_an_unknown_queue_is_refused(ask: Ask) -> None:
    assert ask("phot0s").exit_code == 2
