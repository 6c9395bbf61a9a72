"""A system that is copied while it runs, and set up anew from the copy, as docs/operations/backup.md says."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest

from dev import parts
from tests.end_to_end.conftest import LEASE_SCALE
from tests.people import PASSWORD
from tests.pictures import small_photo
from tests.stack import ROOT, LiveClient, Stack

TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
CHANGED = {"work", "heartbeats", "sessions", "email_tokens", "mails"}  # by what runs, or as one wants it
SWEEP = """
from datetime import timedelta
from shared import clock
from worker import photos
now, step = clock.now(), photos.SWEEP_EVERY
ahead = ({shard} - int(now.timestamp() // step.total_seconds())) % photos.SHARDS
clock.now = lambda: now + ahead * step
photos.sweep_files()
"""


def run(*argv: str, **env: str) -> str:
    path = f"{parts._BINARIES}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **env, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A new and empty server."""
    with parts.new_cluster(folder) as made:
        assert made is not None
        subprocess.run(made[0], user=made[1], cwd="/", check=True, stdout=subprocess.DEVNULL)
    part = parts.postgres(folder, port=parts.free_port(), durable=False)
    process = subprocess.Popen(part.argv, user=part.user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        Stack.wait_for(lambda: parts.ensure_database(part.url), seconds=30)
        yield part.url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def counts(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        tables = [row[0] for row in connection.execute(TABLES) if row[0] not in CHANGED]
        return {table: len(connection.execute(f'SELECT FROM "{table}"'.encode()).fetchall()) for table in tables}


def media(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def orphans(folder: Path, like: str) -> set[str]:
    """Files that no row names, beside some that one does, and all of them old enough to be swept."""
    made = {f"uploads/{uuid.uuid4()}", f"photos/{like[:2]}/{like[:2]}{str(uuid.uuid4())[2:]}/a.webp"}
    for key in made:
        (folder / key).parent.mkdir(exist_ok=True)
        (folder / key).write_bytes(b"nobody's")
    for key in media(folder):
        os.utime(folder / key, (time.time() - 7200,) * 2)
    return made


def copy(stack: Stack, target: Path) -> tuple[str, dict[str, int]]:
    """Copy a system while somebody's photo waits to be processed; which, and how much of everything there was."""
    for name in stack.workers():
        stack.kill(name, signal.SIGSTOP)
    try:
        waiting = stack.clients[-1].upload(small_photo(seed=2)).json()["id"]
        run("deploy/backup.sh", str(target), **stack.addresses(), JOBS="2")
        return waiting, counts(stack.addresses()["DATABASE_URL"])
    finally:
        for name in stack.workers():
            stack.kill(name, signal.SIGCONT)


@pytest.mark.xdist_group("stack")
def test_what_is_restored_is_what_was_copied_and_goes_on(stack: Stack, folder: Path) -> None:
    people = [stack.client() for _ in range(2)]
    ready = [person.processed(person.upload(small_photo()).json()["id"])["id"] for person in people]
    waiting, before = copy(stack, folder / "copy")
    with postgres(folder / "new") as url:
        run("pg_restore", "--jobs=2", "--no-owner", "--exit-on-error", f"--dbname={url}", f"{folder}/copy/database")
        run("psql", url, "-v", "ON_ERROR_STOP=1", "-1", "-f", "deploy/after-restore.sql")
        assert counts(url) == before
        assert "(head)" in run(sys.executable, "-m", "alembic", "current", DATABASE_URL=url)
        store = folder / "copy/media"
        stray = orphans(store, ready[0])
        env = {"DATABASE_URL": url, "STORAGE_URL": f"file://{store}", "LEASE_SCALE": str(LEASE_SCALE)}
        second = Stack(folder / "second", env)
        second.start()
        try:
            for person, photo_id in zip(people, ready, strict=True):
                back(person, second)
                assert picture(person.photo(photo_id), second) == 200
            assert people[1].processed(waiting)["status"] == "ready"
            swept = second.run(sys.executable, "-c", SWEEP.format(shard=int(ready[0][:2], 16)))
            assert swept.returncode == 0, swept.stderr
            assert not media(store) & stray
            for person, photo_id in zip(people, ready, strict=True):
                assert picture(person.photo(photo_id), second) == 200
        finally:
            second.stop()


def back(person: LiveClient, stack: Stack) -> None:
    """Go on with the system that was set up anew: sessions of before have ended."""
    token = person.http.headers["Authorization"]
    person.http.close()
    person.http = httpx2.Client(base_url=stack.url, timeout=30, headers={"Authorization": token})
    assert person.http.get("/v1/users/me").json()["error"]["code"] == "token_invalid"
    again = person.http.post("/v1/auth/login", json={"email": person.email, "password": PASSWORD})
    person.http.headers["Authorization"] = f"Bearer {again.json()['access_token']}"


def picture(photo: dict[str, Any], stack: Stack) -> int:
    """Whether a photo is served, by the link of whichever system it was asked for."""
    path = urlsplit(photo["urls"]["320"])
    return httpx2.get(f"{stack.url}{path.path}?{path.query}").status_code
