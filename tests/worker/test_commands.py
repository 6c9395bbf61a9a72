"""The commands that operators type."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from shared import ledger
from shared.database import Database
from shared.jobs import EMBED_ANSWER, PROCESS_PHOTO
from shared.ledger import Work
from shared.photos import service
from tests.answers import say
from tests.people import make_user
from tests.shared.badges.people import score
from worker import commands


def run(*words: str) -> Result:
    command = {"reindex": commands.reindex, "work": commands.work}[words[0]]
    return CliRunner().invoke(command, words[1:])


@pytest.fixture
def failed(committed: Database) -> Database:
    committed.call(ledger.ask, PROCESS_PHOTO, "a", "b", "waits")
    with committed.transaction() as session:
        session.execute(
            update(Work).where(Work.key.in_(["a", "b"])).values(due_at=None, attempts=5, error="ValueError: no")
        )
    return committed


def waiting(db: Database) -> set[str]:
    with db.transaction() as session:
        return set(session.scalars(select(Work.key).where(Work.due_at.is_not(None))))


def test_work_is_listed_with_what_failed_and_why(failed: Database) -> None:
    said = run("work", "list").output
    assert "photos.process: 1 unfinished, the oldest for 0 s; 2 failed" in said
    assert "photos.process a  5 attempts  ValueError: no" in said
    assert "photos.process a" not in run("work", "list", "--kind", "photos.delete_files").output


def test_failed_work_is_retried_by_key_or_altogether(failed: Database) -> None:
    assert run("work", "retry", "photos.process", "a", "waits", "unknown").output == "Queued 1.\n"
    assert waiting(failed) == {"a", "waits"}
    assert run("work", "retry", "photos.process", "--all").output == "Queued 1.\n"
    assert waiting(failed) == {"a", "b", "waits"}


def test_failed_work_is_dropped_and_waiting_work_is_not(failed: Database) -> None:
    assert run("work", "drop", "photos.process", "a", "waits").output == "Dropped 1.\n"
    assert run("work", "drop", "photos.process", "--all").output == "Dropped 1.\n"
    assert waiting(failed) == {"waits"}


@pytest.mark.parametrize(
    "words",
    [
        ("work", "retry", "photos.process"),
        ("work", "drop", "photos.process", "a", "--all"),
        ("work", "retry", "nothing.known", "a"),
        ("reindex", "photos"),
        ("reindex", "horses", "--all"),
        ("reindex", "photos", "--user", "ada"),
    ],
)
def test_unclear_commands_say_what_to_do(failed: Database, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert "Error: " in result.output
    assert waiting(failed) == {"waits"}


def test_reindexing_goes_through_everything_in_batches(committed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "BATCH", 2)
    with committed.transaction() as session:
        user = make_user(session)
        ids = {str(service.submit(session, user, photo_id=uuid.uuid4()).id) for _ in range(5)}
        ledger.cancel(session, PROCESS_PHOTO, *ids)
    for option in ("--all", "--stale"):
        assert "Queued 5 photos." in run("reindex", "photos", option).output
        assert waiting(committed) == ids
    assert "Queued 5 photos." in run("reindex", "photos", "--user", str(user.id)).output
    assert "Queued 0 photos." in run("reindex", "photos", "--user", str(uuid.uuid4())).output


def test_reindexing_can_be_watched_until_it_is_done(committed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with committed.transaction() as session:
        user = make_user(session)
        for number in range(3):
            say(session, user, "The same again.", question=number)
    worked = []

    def work(_seconds: float) -> None:
        with committed.transaction() as session:
            done = ledger.claim_batch(session, EMBED_ANSWER, most=2)
            ledger.finish_all(session, done)
        worked.append(len(done))

    monkeypatch.setattr("worker.commands.time.sleep", work)
    result = run("reindex", "embeddings", "--stale", "--wait")
    assert "Done: 3 embeddings." in result.output
    assert worked == [2, 1]
    assert waiting(committed) == set()


def test_without_the_model_embeddings_are_reindexed_but_not_judged(
    committed: Database, configured: Callable[..., None], tmp_path: Path
) -> None:
    configured(EMBEDDING_MODEL=str(tmp_path / "no-model"), EMBEDDING_DIR=str(tmp_path))
    assert "Queued 0 embeddings." in run("reindex", "embeddings", "--all").output
    judged = run("reindex", "embeddings", "--stale")
    assert judged.exit_code == 1
    assert "Error: EMBEDDING_MODEL" in judged.output


def test_badges_are_reindexed_by_person(committed: Database) -> None:
    with committed.transaction() as session:
        user, _nobody = make_user(session), make_user(session)
        score(session, user)
    for option in ("--all", "--stale"):
        assert "Queued 1 badges." in run("reindex", "badges", option).output
    assert waiting(committed) == {str(user.id)}
