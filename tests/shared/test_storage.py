"""Files in a local folder and in a bucket: the same promises for both."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import boto3
import httpx2
import pytest
from moto.server import ThreadedMotoServer

from dev.parts import free_port
from shared import clock
from shared.storage import Storage, older_than, storage


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    port = free_port()
    server = ThreadedMotoServer("127.0.0.1", port)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(params=["local", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    if request.param == "local":
        return Storage(f"file://{tmp_path}/with%20space", secret="s", link_life=timedelta(hours=2))
    endpoint = request.getfixturevalue("s3")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"b{tmp_path.name.lower().replace('_', '-')}"
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket=bucket)
    return Storage(f"s3://{bucket}/media", secret="s", link_life=timedelta(hours=2))


def test_what_is_put_can_be_got_listed_and_deleted(files: Storage) -> None:
    files.put("a/one.webp", b"1", "image/webp")
    files.put("a/b/two.webp", b"2", "image/webp")
    files.put("c/three.webp", b"3", "image/webp")
    files.put("a/one.webp", b"new", "image/webp")
    assert files.get("a/one.webp") == b"new"
    assert asyncio.run(files.get_async("a/b/two.webp")) == b"2"
    assert sorted(key for key, _ in files.list("a")) == ["a/b/two.webp", "a/one.webp"]
    assert not any(older_than(modified, timedelta(minutes=5)) for _, modified in files.list("a"))
    files.delete(["a/one.webp", "never/there.webp"])
    assert [key for key, _ in files.list("a")] == ["a/b/two.webp"]
    assert list(files.list("nothing")) == []
    with pytest.raises(FileNotFoundError):
        files.get("a/one.webp")


def test_a_stream_is_stored_whole_or_not_at_all(files: Storage) -> None:
    async def chunks(*, fail: bool) -> AsyncIterator[bytes]:
        for _ in range(7):
            yield b"x" * 1024**2
        if fail:
            raise ValueError("the client hung up")

    asyncio.run(files.put_stream("whole", chunks(fail=False), "image/webp"))
    assert len(files.get("whole")) == 7 * 1024**2
    with pytest.raises(ValueError, match="hung up"):
        asyncio.run(files.put_stream("broken", chunks(fail=True), "image/webp"))
    with pytest.raises(FileNotFoundError):
        files.get("broken")


def test_a_download_is_stored_as_it_comes_and_read_in_pieces(files: Storage) -> None:
    def pieces(*, fail: bool) -> Iterator[bytes]:
        for number in range(120):
            yield bytes([number]) * 100_000
        if fail:
            raise ValueError("the source is gone")

    whole = b"".join(pieces(fail=False))
    assert files.put_download("exports/a.zip", pieces(fail=False), "application/zip", name="mine.zip") == len(whole)
    read = list(files.chunks("exports/a.zip"))
    assert b"".join(read) == whole
    assert max(map(len, read)) < len(whole) / 4
    files.put_download("exports/small.zip", [b"", b"small"], "application/zip", name="mine.zip")
    assert files.get("exports/small.zip") == b"small"

    async def of_a_loop() -> tuple[int, bytes]:
        size, chunks = await files.chunks_async("exports/a.zip")
        return size, b"".join([chunk async for chunk in chunks])

    assert asyncio.run(of_a_loop()) == (len(whole), whole)
    with pytest.raises(ValueError, match="the source is gone"):
        files.put_download("exports/broken.zip", pieces(fail=True), "application/zip", name="mine.zip")
    assert sorted(key for key, _ in files.list("exports")) == ["exports/a.zip", "exports/small.zip"]
    for absent in ("exports/broken.zip", "never"):
        with pytest.raises(FileNotFoundError):
            files.chunks(absent)


def test_a_download_has_a_link_to_the_second_and_a_name(files: Storage) -> None:
    files.put_download("exports/a.zip", [b"zip"], "application/zip", name="mine.zip")
    until = clock.now() + timedelta(minutes=7)
    url = files.link("exports/a.zip", until=until)
    if files.is_local:
        query = dict(part.split("=") for part in url.partition("?")[2].split("&"))
        assert int(query["expires"]) == int(until.timestamp())
        for key, good in (("exports/a.zip", True), ("exports/b.zip", False)):
            left = files.seconds_left(key, expires=int(query["expires"]), signature=query["signature"])
            assert bool(left) == good
        return
    answer = httpx2.get(url)
    assert (answer.status_code, answer.content) == (200, b"zip")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mine.zip"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert 410 < int(url.partition("X-Amz-Expires=")[2].partition("&")[0]) <= 420


def test_a_buckets_link_is_presigned_and_works(files: Storage) -> None:
    files.put("a/one.webp", b"1", "image/webp")
    url = files.url("a/one.webp")
    if files.is_local:
        assert url.startswith("/media/a/one.webp?expires=")
        return
    answer = httpx2.get(url)
    assert (answer.status_code, answer.content) == (200, b"1")
    assert answer.headers["Content-Type"] == "image/webp"


def test_a_link_is_good_for_at_least_half_its_life(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = Storage(f"file://{tmp_path}", secret="s", link_life=timedelta(hours=2))
    began = clock.now()
    for minutes in range(0, 180, 7):
        moment = began + timedelta(minutes=minutes)
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        query = dict(part.split("=") for part in files.url("k").partition("?")[2].split("&"))
        left = files.seconds_left("k", expires=int(query["expires"]), signature=query["signature"])
        assert left is not None
        assert 3600 <= left <= 7200


def test_a_strange_url_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="STORAGE_URL must begin with"):
        Storage("ftp://somewhere", secret="s", link_life=timedelta(hours=1))


def test_the_process_has_one_storage(configured: Callable[..., None], tmp_path: Path) -> None:
    configured(STORAGE_URL=f"file://{tmp_path}")
    assert storage() is storage()
