"""Exports made for real: everything about a person, nothing of others, and no longer than its time."""

import asyncio
import io
import json
import re
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from obstore.exceptions import BaseError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared import clock, ledger
from shared.accounts.models import Status, User
from shared.database import Database
from shared.jobs import MAKE_EXPORT, SEND_MAIL
from shared.ledger import Work
from shared.matching.models import Pair
from shared.notifications.models import Notification
from shared.privacy import exports
from shared.privacy.archive import Picture, Table, archive
from shared.privacy.models import Export, ExportStatus
from shared.settings import settings
from shared.storage import Storage, storage
from tests.lives import SECRETS, Life, live
from tests.mail_server import html_of, text_of
from worker.exporting import make, tidy
from worker.mail import send

NOW = datetime(2026, 11, 25, 18, tzinfo=UTC)


@pytest.fixture
def media(configured: Callable[..., None], tmp_path: Path, committed: Database) -> Path:
    configured(STORAGE_URL=f"file://{tmp_path}/media", MAIL_DIR=f"{tmp_path}/mail")
    return tmp_path / "media"


@pytest.fixture
def life(committed: Database, media: Path) -> Life:
    made = committed.call(live)
    with committed.transaction() as session:
        session.execute(update(Export).values(created_at=clock.now() - timedelta(days=3)))
    return made


def asked(db: Database, user_id: uuid.UUID) -> uuid.UUID:
    def ask(session: Session) -> uuid.UUID:
        return exports.ask(session, session.get_one(User, user_id), now=clock.now()).id

    return db.call(ask)


def export(db: Database, export_id: uuid.UUID) -> Export:
    return db.call(lambda session: session.get_one(Export, export_id))


def made(db: Database, user_id: uuid.UUID) -> zipfile.ZipFile:
    export_id = asked(db, user_id)
    make(str(export_id))
    ready = export(db, export_id)
    assert ready.key is not None
    data = storage().get(ready.key)
    assert ready.size_bytes == len(data)
    return zipfile.ZipFile(io.BytesIO(data))


def rows(whole: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(whole.read(f"{name}.json"))
    return found


def test_an_export_has_everything_and_says_what_is_where(committed: Database, life: Life) -> None:
    whole = made(committed, life.ada)
    assert whole.testzip() is None
    tables = {name.removesuffix(".json") for name in whole.namelist() if name.endswith(".json")}
    assert tables >= {"account", "answers", "badges", "likes_sent", "matches", "messages", "photos", "quiz", "traits"}
    empty = {name for name in tables if not rows(whole, name)}
    assert empty == set(), "the life has something in each"
    page, words = whole.read("index.html").decode(), whole.read("README.txt").decode()
    assert set(re.findall(r'<a href="([^"]+)">', page)) == set(whole.namelist()) - {"index.html", "README.txt"}
    assert "index.html" in words
    assert rows(whole, "account")[0]["email"] == "ada@example.com"
    assert rows(whole, "answers")[0]["answer"] == "Mangoes."
    assert rows(whole, "decisions_about_you")[0]["facts"] == "Hidden."
    assert whole.read("photos/1.jpg") == b"jpeg.jpg"
    assert rows(whole, "photos")[0]["number"] == 1


def test_messages_are_ones_own_and_those_to_one_with_no_more_than_a_first_name(committed: Database, life: Life) -> None:
    whole = made(committed, life.ada)
    said = {(one["with"], one["by"], one["text"]) for one in rows(whole, "messages")}
    assert said == {
        ("Bob", "you", "adas words 1"),
        ("Bob", "them", "bobs own words 2"),
        ("Bob", "you", "adas words 3"),
        ("Deleted person", "you", "adas words 1"),
        ("Deleted person", "them", "eves words 2"),
        ("Deleted person", "you", "adas words 3"),
        (None, "you", "adas words 1"),  # a block hides the other, and what they said
        (None, "you", "adas words 3"),
    }
    assert {one["first_name"] for one in rows(whole, "matches")} == {"Bob", "Dora", "Deleted person"}


def test_nothing_of_others_is_in_it(committed: Database, life: Life) -> None:
    whole = made(committed, life.ada)
    everything = "\n".join(whole.read(name).decode(errors="replace") for name in whole.namelist())
    for secret in {*SECRETS, str(life.bob), str(life.carl), str(life.eve)} - {"bobs own words"}:
        assert secret not in everything, secret
    assert "password" not in rows(whole, "account")[0]
    assert rows(whole, "reports_about_you") == [{"reason": "spam", "month": f"{clock.now():%Y-%m}"}]
    assert rows(whole, "reports_by_you")[0]["details"] == "He does not stop."
    assert len(rows(whole, "blocks")) == 1, "by whom one is blocked is not told"


def test_a_like_by_somebody_whom_a_block_keeps_apart_is_not_told(committed: Database, life: Life) -> None:
    assert [one["comment"] for one in rows(made(committed, life.ada), "likes_received")] == ["Hello Ada!"]
    with committed.transaction() as session:
        session.execute(update(Pair).values(blocked=True))
    whole = made(committed, life.ada)
    assert rows(whole, "likes_received") == rows(whole, "likes_sent") == []


def test_many_rows_come_page_by_page_each_once(
    committed: Database, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "ROWS", 7)
    life = committed.call(live, messages=50)
    with committed.transaction() as session:
        session.execute(update(Export).values(created_at=clock.now() - timedelta(days=3)))
    said = rows(made(committed, life.ada), "messages")
    assert len(said) == 50 + 50 + 25
    assert [one["number"] for one in said if one["with"] == "Bob"] == list(range(1, 51))


def test_a_finished_export_is_told_and_its_link_mailed(committed: Database, life: Life, tmp_path: Path) -> None:
    export_id = asked(committed, life.ada)
    make(str(export_id))
    with committed.transaction() as session:
        told = session.scalars(select(Notification).where(Notification.kind == "export.ready")).one()
        assert (told.user_id, told.data) == (life.ada, {"export_id": str(export_id)})
        keys = session.scalars(select(Work.key).where(Work.kind == SEND_MAIL.name)).all()
        user = session.get_one(User, life.ada)
        user.status = Status.SUSPENDED  # who may have their data too
    for key in keys:
        send(key)
    (path,) = (tmp_path / "mail").glob("*export_ready*")
    mail = message_from_bytes(path.read_bytes(), policy=default)
    ready = export(committed, export_id)
    assert ready.key is not None
    assert ready.expires_at is not None
    link = settings().public_url + storage().link(ready.key, until=ready.expires_at)
    assert link in text_of(mail)
    assert link.replace("&", "&amp;") in html_of(mail)


def test_making_it_again_changes_nothing(committed: Database, life: Life, media: Path) -> None:
    export_id = asked(committed, life.ada)
    make(str(export_id))
    before = export(committed, export_id).key
    with committed.transaction() as session:
        ledger.ask(session, MAKE_EXPORT, str(export_id))
    make(str(export_id))
    assert export(committed, export_id).key == before
    assert len(list((media / "exports" / str(export_id)).iterdir())) == 1


def test_while_the_storage_fails_nothing_is_ready_and_the_last_attempt_says_so(
    committed: Database, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise BaseError("no space left on device")

    export_id = asked(committed, life.ada)
    monkeypatch.setattr(Storage, "put_download", full)
    for attempt in range(1, MAKE_EXPORT.attempts + 1):
        assert export(committed, export_id).status == ExportStatus.PENDING, attempt
        with committed.transaction() as session:
            session.execute(update(Work).values(due_at=func.now()))
        make(str(export_id))
    assert export(committed, export_id).status == ExportStatus.FAILED
    monkeypatch.undo()


def test_a_lost_fence_leaves_no_file(
    committed: Database, life: Life, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = asked(committed, life.ada)
    put = Storage.put_download

    def erased_meanwhile(self: Storage, *args: Any, **more: Any) -> None:
        put(self, *args, **more)
        committed.call(ledger.cancel, MAKE_EXPORT, str(export_id))

    monkeypatch.setattr(Storage, "put_download", erased_meanwhile)
    make(str(export_id))
    assert export(committed, export_id).status == ExportStatus.PENDING
    folder = media / "exports" / str(export_id)
    assert not folder.exists() or not list(folder.iterdir())


def test_when_its_time_is_over_the_file_goes(
    committed: Database, life: Life, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = asked(committed, life.ada)
    make(str(export_id))
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(hours=settings().export_hours, seconds=5))
    tidy()
    after = export(committed, export_id)
    assert (after.status, after.key) == (ExportStatus.EXPIRED, None)
    assert [path for path in (media / "exports").rglob("*.zip") if str(export_id) in str(path)] == []


def test_tidying_finds_what_was_left_behind_and_what_was_forgotten(
    committed: Database, life: Life, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = asked(committed, life.ada)
    make(str(export_id))
    left, foreign = media / "exports" / str(export_id) / "of-a-killed-worker.zip", media / "exports" / "README"
    left.write_bytes(b"half")
    foreign.write_bytes(b"an operator's")
    waiting = asked(committed, life.bob)
    committed.call(ledger.cancel, MAKE_EXPORT, str(waiting))
    tidy()
    assert left.exists(), "it may be about to be named"
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(hours=2))
    tidy()
    assert not left.exists()
    assert foreign.exists()
    kept = export(committed, export_id).key
    assert kept is not None
    assert storage().get(kept)
    with committed.transaction() as session:
        assert session.get(Work, (MAKE_EXPORT.name, str(waiting))) is not None


def test_a_link_is_good_for_its_time_and_for_nothing_else(
    committed: Database, life: Life, real_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = asked(committed, life.ada)
    make(str(export_id))
    ready = export(committed, export_id)
    assert ready.key is not None
    assert ready.expires_at is not None
    link = storage().link(ready.key, until=ready.expires_at)
    answer = real_client.get(link)
    assert answer.status_code == 200
    assert answer.content == storage().get(ready.key)
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    for other in (
        link.replace("expires=1", "expires=2"),
        link.replace(".zip", ".jpg"),
        link[:-9] + link[-9:].swapcase(),
    ):
        assert real_client.get(other).status_code == 404
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(hours=settings().export_hours, seconds=5))
    assert real_client.get(link).status_code == 404


def test_an_archive_is_never_whole_in_memory() -> None:
    """Its pieces come as its sources do, however many there are."""
    taken = 0

    def many() -> Iterator[dict[str, Any]]:
        nonlocal taken
        for number in range(100_000):
            taken = number
            yield {"number": number, "text": f"words {number * 7919 % 100_003} of {number * 104_729 % 1_000_003}"}

    pieces = archive([Table("many", "Many.", many())], [Picture("a.jpg", iter([b"a" * 1000] * 3))], now=NOW)
    largest, first = 0, 0
    for piece in pieces:
        if piece and taken and not first:
            first = taken
        largest = max(largest, len(piece))
    assert largest < 300_000
    assert 0 < first < 10_000


def test_storing_a_download_whose_source_fails_stores_nothing(media: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 12_000_000
        raise ValueError("the source is gone")

    with pytest.raises(ValueError, match="the source is gone"):
        storage().put_download("exports/x/y.zip", broken(), "application/zip", name="y.zip")
    with pytest.raises(FileNotFoundError):
        storage().get("exports/x/y.zip")

    async def size() -> int:
        storage().put_download("exports/x/z.zip", iter([b"x" * 1_000_000] * 12), "application/zip", name="z.zip")
        number, chunks = await storage().chunks_async("exports/x/z.zip")
        assert number == sum([len(chunk) async for chunk in chunks])
        return number

    assert asyncio.run(size()) == 12_000_000
