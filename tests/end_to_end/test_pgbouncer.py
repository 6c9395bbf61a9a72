"""The whole system with pgbouncer in transaction mode before Postgres, set up as `deploy/pgbouncer.ini` says."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from dev import parts
from dev.temporary import stores
from tests.end_to_end.conftest import LEASE_SCALE, open_folder
from tests.pictures import small_photo
from tests.stack import ROOT, Stack

BINARY = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer")
SETTINGS = "SELECT current_setting('statement_timeout'), current_setting('timezone')"

pytestmark = [
    pytest.mark.skipif(BINARY is None, reason="no pgbouncer: install it, or let PGBOUNCER name one"),
    pytest.mark.xdist_group("stack"),
]


class Pooler:
    """A pgbouncer that can be killed and started again."""

    def __init__(self, folder: Path, database_url: str) -> None:
        assert BINARY is not None
        found = re.search(r"PgBouncer (\d+)\.(\d+)", subprocess.check_output([BINARY, "--version"], text=True))
        assert found is not None
        self.prepares = (int(found[1]), int(found[2])) >= (1, 21)
        self.port, self.direct_url = parts.free_port(), database_url
        self.url = f"postgresql://postgres@{parts.HOST}:{self.port}/{parts.DATABASE}"
        self._file = folder / "pgbouncer.ini"
        with self._file.open("w") as file:
            self._told(urlsplit(database_url).port).write(file)
        self._argv, self._user = parts.not_as_root(folder, [BINARY, str(self._file)])
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._argv, user=self._user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        Stack.wait_for(lambda: parts.answers(self.port), seconds=10)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _told(self, port: int | None) -> ConfigParser:
        """What we recommend, but for where things are, and for passwords, which the embedded Postgres has none of."""
        told = ConfigParser(interpolation=None)
        told.read(ROOT / "deploy/pgbouncer.ini")
        database, ours = told["databases"], told["pgbouncer"]
        database["delete"] = database["delete"].replace("port=5432", f"port={port} user=postgres")
        ours.update({"listen_port": str(self.port), "auth_type": "any", "default_pool_size": "5"})
        del ours["auth_file"]
        if not self.prepares:
            del ours["max_prepared_statements"]
        return told


@pytest.fixture(scope="module")
def pooler() -> Iterator[Pooler]:
    with stores() as values, open_folder() as folder:
        pooler = Pooler(folder, values["DATABASE_URL"])
        yield pooler
        pooler.kill()


@pytest.fixture(scope="module")
def pooled(pooler: Pooler) -> Iterator[Stack]:
    with open_folder() as folder:
        env = {
            "DATABASE_URL": pooler.url,
            "DIRECT_DATABASE_URL": pooler.direct_url,
            "DB_PREPARE_STATEMENTS": str(pooler.prepares).lower(),
            "LEASE_SCALE": str(LEASE_SCALE),
        }
        stack = Stack(folder, env)
        stack.start()
        yield stack
        stack.stop()


def test_every_connection_has_the_limits_that_the_pooler_sets(pooler: Pooler, pooled: Stack) -> None:
    with psycopg.connect(pooler.direct_url, autocommit=True) as direct:
        direct.execute("ALTER DATABASE delete SET timezone = 'Asia/Tokyo'")
    assert pooled.rows(SETTINGS) == [("15s", "UTC")]


def test_two_who_like_each_other_at_once_match_and_talk(pooled: Stack) -> None:
    two = [pooled.client(), pooled.client()]
    ids = [person.http.get("/v1/users/me").json()["id"] for person in two]
    words = ["Your bread looks better than mine.", "A boat made of newspaper? Tell me more."]
    for person, number in zip(two, (1, 2), strict=True):
        assert person.processed(person.upload(small_photo(seed=number)).json()["id"])["status"] == "ready"
    likes = [{"user_id": other, "comment": comment} for other, comment in zip(reversed(ids), words, strict=True)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda who, like: who.http.post("/v1/matching/like", json=like), two, likes))
    assert [answer.status_code for answer in answers] == [201, 201]
    (match,) = [found for answer in answers if (found := answer.json()["match"]) is not None]
    messages = f"/v1/matching/matches/{match['id']}/messages"
    for number in range(30):  # more than it takes until a statement is prepared
        sent = two[number % 2].http.post(messages, json={"text": f"Hello {number}", "client_id": str(number)})
        assert sent.status_code == 201, sent.text
    assert len(two[0].http.get(messages).json()["items"]) == 30


def test_nothing_needs_a_restart_after_one_of_the_pooler(pooler: Pooler, pooled: Stack) -> None:
    people = [pooled.client() for _ in range(4)]
    before = [person.upload(small_photo(seed=10 + number)) for number, person in enumerate(people)]
    pooler.kill()
    away = people[0].http.get("/v1/users/me")
    assert (away.status_code, away.json()["error"]["code"]) == (503, "service_unavailable")
    assert "Retry-After" in away.headers
    pooler.start()
    Stack.wait_for(lambda: people[0].http.get("/v1/users/me").status_code == 200, seconds=10)
    after = [person.upload(small_photo(seed=20 + number)) for number, person in enumerate(people)]
    assert {answer.status_code for answer in before + after} == {202}
    for person, answer in zip(people + people, before + after, strict=True):
        assert person.processed(answer.json()["id"])["status"] == "ready"
