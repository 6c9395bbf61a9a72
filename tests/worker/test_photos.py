"""The tasks of photos, called as functions, twice, and when things vanish under them."""

import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from shared import backlog, clock, ledger
from shared.accounts.models import LoginSession
from shared.database import Database
from shared.jobs import DELETE_FILES, PROCESS_PHOTO, REFRESH_QUEUE
from shared.ledger import Work
from shared.photos import pipeline, processing, service
from shared.photos.models import Photo
from shared.photos.processing import Processed, process
from shared.photos.rules import Rejection
from shared.storage import storage
from tests.people import make_user
from tests.pictures import camera_photo, small_photo
from worker import photos as tasks
from worker.accounts import purge_sessions

OLD = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def media(configured: Callable[..., None], tmp_path: Path, committed: Database) -> Path:
    configured(STORAGE_URL=f"file://{tmp_path}")
    return tmp_path


def files(media: Path) -> list[str]:
    return sorted(str(path.relative_to(media)) for path in media.rglob("*") if path.is_file())


def upload(db: Database, data: bytes) -> str:
    photo_id = uuid.uuid4()
    storage().put(service.upload_key(photo_id), data, "application/octet-stream")
    with db.transaction() as session:
        service.submit(session, make_user(session), photo_id=photo_id)
    return str(photo_id)


def photo(db: Database, key: str) -> Photo:
    with db.transaction() as session:
        found = session.get(Photo, uuid.UUID(key))
    assert found is not None
    return found


def work(db: Database) -> set[tuple[str, str]]:
    with db.transaction() as session:
        return {(row.kind, row.key) for row in session.scalars(select(Work).where(Work.kind != REFRESH_QUEUE.name))}


def test_a_photo_is_processed_and_its_upload_deleted(committed: Database, media: Path) -> None:
    key = upload(committed, small_photo())
    for _ in range(2):
        tasks.process(key)
        ready = photo(committed, key)
        assert ready.status == "ready"
        assert ready.renditions is not None
        assert files(media) == sorted(ready.renditions.values())
        assert work(committed) == set()


def test_processing_again_by_request_keeps_the_largest_and_leaves_no_old_files(
    committed: Database, media: Path
) -> None:
    key = upload(committed, small_photo())
    tasks.process(key)
    before = photo(committed, key).renditions
    for _ in range(2):
        committed.call(ledger.ask, PROCESS_PHOTO, key)
        tasks.process(key)
        after = photo(committed, key).renditions
        assert before is not None
        assert after is not None
        assert files(media) == sorted(after.values())
        assert (after["jpeg"], after["1080"]) == (before["jpeg"], before["1080"])
        assert after["320"] != before["320"]


def test_a_bad_picture_is_rejected_and_deleted(committed: Database, media: Path) -> None:
    key = upload(committed, small_photo()[:5000])
    tasks.process(key)
    assert photo(committed, key).rejection == "corrupt"
    assert files(media) == []
    assert work(committed) == set()


def test_a_duplicates_files_are_deleted(committed: Database, media: Path) -> None:
    first = upload(committed, small_photo())
    tasks.process(first)
    second = upload(committed, small_photo())
    with committed.transaction() as session:
        session.execute(
            update(Photo)
            .where(Photo.id == uuid.UUID(second))
            .values(user_id=photo(committed, first).user_id, position=1)
        )
    before = files(media)
    tasks.process(second)
    assert photo(committed, second).rejection == "duplicate"
    assert files(media) == [name for name in before if not name.startswith("uploads/")]


def test_an_upload_that_cannot_be_read_is_tried_again_and_then_given_up(committed: Database, media: Path) -> None:
    key = upload(committed, small_photo())
    storage().delete([service.upload_key(uuid.UUID(key))])
    for _ in range(PROCESS_PHOTO.attempts):
        assert photo(committed, key).status == "processing"
        with committed.transaction() as session:
            session.execute(update(Work).values(due_at=clock.now() - timedelta(seconds=1)))
        tasks.process(key)
    assert photo(committed, key).rejection == "could_not_process"
    with committed.transaction() as session:
        (failure,) = backlog.failures(session)
    assert failure.error is not None
    assert failure.error.startswith("FileNotFoundError")


def test_after_a_mended_fault_a_retry_makes_a_given_up_photo_ready(committed: Database, media: Path) -> None:
    key = upload(committed, small_photo())
    committed.call(pipeline.give_up, key, datetime.now(UTC))
    committed.call(ledger.ask, PROCESS_PHOTO, key)
    tasks.process(key)
    assert photo(committed, key).status == "ready"


def test_a_photo_deleted_while_it_is_processed_leaves_nothing(
    committed: Database, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = upload(committed, small_photo())

    def deleted_meanwhile(data: bytes, **more: int) -> Processed:
        with committed.transaction() as session:
            session.execute(delete(Photo).where(Photo.id == uuid.UUID(key)))
            ledger.cancel(session, PROCESS_PHOTO, key)
            ledger.ask(session, DELETE_FILES, key)
        tasks.delete_files(key)
        return process(data, **more)

    monkeypatch.setattr(processing, "process", deleted_meanwhile)
    tasks.process(key)
    assert files(media) == []
    assert work(committed) == set()


def test_a_slow_worker_leaves_the_files_to_whoever_has_the_work_now(
    committed: Database, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused past its lease, it loses the fence just as the other has stored the same files and not committed yet."""
    key = upload(committed, small_photo())

    def overtaken(data: bytes, **more: int) -> Processed:
        made = process(data, **more)
        with committed.transaction() as session:
            session.execute(update(Work).values(attempts=2))
        tasks._store(uuid.UUID(key), made)
        return made

    monkeypatch.setattr(processing, "process", overtaken)
    tasks.process(key)
    assert photo(committed, key).status == "processing"
    assert len(files(media)) == 5


def test_a_ready_panorama_can_be_made_again(committed: Database, media: Path) -> None:
    key = upload(committed, camera_photo(3000, 600, orientation=1))
    tasks.process(key)
    committed.call(ledger.ask, PROCESS_PHOTO, key)
    tasks.process(key)
    assert photo(committed, key).status == "ready"
    assert work(committed) == set()


def test_a_ready_photo_whose_rendition_is_damaged_is_a_failure_to_be_seen(committed: Database, media: Path) -> None:
    key = upload(committed, small_photo())
    tasks.process(key)
    renditions = photo(committed, key).renditions
    assert renditions is not None
    storage().put(renditions["jpeg"], small_photo()[:3000], "image/jpeg")
    committed.call(ledger.ask, PROCESS_PHOTO, key)
    tasks.process(key)
    assert photo(committed, key).status == "ready"
    with committed.transaction() as session:
        assert session.scalars(select(Work.error).where(Work.kind == PROCESS_PHOTO.name)).one() == "Rejected: corrupt"


def test_work_for_a_photo_that_is_gone_is_finished(committed: Database, media: Path) -> None:
    key = str(uuid.uuid4())
    committed.call(ledger.ask, PROCESS_PHOTO, key)
    tasks.process(key)
    assert work(committed) == set()


def test_deleting_files_twice_is_no_error_and_spares_what_a_row_names(committed: Database, media: Path) -> None:
    key = upload(committed, small_photo())
    tasks.process(key)
    kept = files(media)
    storage().put(f"photos/{key[:2]}/{key}/0000-320.webp", b"old", "image/webp")
    for _ in range(2):
        committed.call(ledger.ask, DELETE_FILES, key)
        tasks.delete_files(key)
        assert files(media) == kept


def test_files_that_no_row_names_are_swept_when_they_are_old(
    committed: Database, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, ready = upload(committed, small_photo(seed=1)), upload(committed, small_photo(seed=2))
    tasks.process(ready)
    named = files(media)
    orphan = uuid.uuid4()
    storage().put(service.upload_key(orphan), b"x", "application/octet-stream")
    storage().put(f"photos/{orphan.hex[:2]}/{orphan}/1-320.webp", b"x", "image/webp")
    for foreign in ("uploads/not-an-id", f"photos/{orphan.hex[:2]}/stray"):
        storage().put(foreign, b"x", "application/octet-stream")
    tasks.sweep_files()
    assert len(files(media)) == len(named) + 4, "they may belong to an upload that has just begun"
    shard = int(orphan.hex[:2], 16)
    round_ = timedelta(minutes=10) * 256
    began = datetime.fromtimestamp(0, UTC) + round_ * (clock.now().timestamp() // round_.total_seconds() + 1)
    then = began + tasks.SWEEP_EVERY * shard + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: then)
    tasks.sweep_files()
    assert files(media) == sorted([*named, "uploads/not-an-id", f"photos/{orphan.hex[:2]}/stray"])
    assert photo(committed, waiting).status == "processing"


def test_what_an_upload_left_behind_that_ended_with_its_process_is_deleted(committed: Database, media: Path) -> None:
    (media / "uploads").mkdir()
    for name, age in (("old#1", 7200), ("fresh#1", 60)):
        path = media / "uploads" / name
        path.touch()
        os.utime(path, (time.time() - age, time.time() - age))
    tasks.sweep_files()
    assert files(media) == ["uploads/fresh#1"]


def test_the_tidying_tasks_do_what_is_due(committed: Database, media: Path) -> None:
    key = upload(committed, b"x")
    committed.call(pipeline.reject, photo_id=uuid.UUID(key), reason=Rejection.CORRUPT, now=OLD)
    with committed.transaction() as session:
        user = make_user(session)
        session.add(LoginSession(user_id=user.id, token_hash=b"", idle_until=OLD, expires_at=OLD))
    tasks.tidy()
    purge_sessions()
    with committed.transaction() as session:
        assert session.get(Photo, uuid.UUID(key)) is None
        assert session.scalars(select(LoginSession)).all() == []
