"""How long the database may take, against a real one: statements, locks, pauses in transactions, and connecting."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from api.app import create_app
from shared.database import Database, database, make_engine
from shared.lean import LeanPool, Statement
from shared.settings import Settings, settings
from tests.people import error_code
from tests.races import beside
from tests.test_wiring import ROOT

SHORT = {
    "db_statement_timeout_seconds": 0.5,
    "db_lock_timeout_seconds": 0.2,
    "db_idle_transaction_timeout_seconds": 0.3,
}


@pytest.fixture
def hasty() -> Iterator[Database]:
    """A database of little patience."""
    engine = make_engine(Settings(db_pool_size=2, db_max_overflow=0, **SHORT))  # type: ignore[arg-type]
    yield Database(engine, threads=2)
    engine.dispose()


@pytest.fixture
def client(hasty: Database) -> Iterator[TestClient]:
    """A client of an application on it, with routes that take too long."""
    app = create_app(hasty)

    @app.post("/sleep")
    async def sleep() -> None:
        await hasty.run(lambda session: session.execute(text("SELECT pg_sleep(5)")))

    @app.post("/pause")
    async def pause() -> None:
        await hasty.run(pause_in_the_middle)

    @app.post("/wait")
    async def wait() -> None:
        await hasty.run(lambda session: session.execute(text("LOCK TABLE users")))

    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def pause_in_the_middle(session: Session) -> None:
    session.execute(text("SELECT 1"))
    time.sleep(1)
    session.execute(text("SELECT 1"))


def require_unavailable(client: TestClient, path: str, *, seconds: float) -> None:
    began = time.monotonic()
    answer = client.post(path)
    assert time.monotonic() - began < seconds
    assert (answer.status_code, error_code(answer)) == (503, "service_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "statement" not in answer.text


def test_a_statement_that_takes_too_long_is_ended(client: TestClient) -> None:
    require_unavailable(client, "/sleep", seconds=2)
    assert client.get("/v1/health").status_code == 200


def test_a_transaction_that_pauses_too_long_is_ended(client: TestClient, hasty: Database) -> None:
    require_unavailable(client, "/pause", seconds=3)
    assert hasty.call(lambda session: session.scalar(text("SELECT 1"))) == 1, "the next has another connection"


def test_a_lock_that_others_keep_is_not_waited_for_long(client: TestClient) -> None:
    with database().transaction() as session:
        session.execute(text("LOCK TABLE users"))
        require_unavailable(client, "/wait", seconds=2)


def test_what_was_begun_before_is_undone(hasty: Database) -> None:
    def change_and_sleep(session: Session) -> None:
        session.execute(text("CREATE TABLE left_over ()"))
        session.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(OperationalError):
        hasty.call(change_and_sleep)
    assert hasty.call(lambda session: session.scalar(text("SELECT to_regclass('left_over')"))) is None


def test_the_hot_routes_and_workers_have_the_same_patience() -> None:
    """Both take their connections from where everything else does."""
    shown = database().call(
        lambda session: session.execute(
            text(
                "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
                " current_setting('idle_in_transaction_session_timeout')"
            )
        ).one()
    )
    assert tuple(shown) == ("15s", "10s", "15s")
    statement = Statement("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
    lean = database()._lean
    assert isinstance(lean, LeanPool)

    async def ask() -> object:
        await lean.open()
        try:
            return await lean.one(statement, {})
        finally:
            await lean.close()

    assert anyio.run(ask) == ("15s", "10s")


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        engine = make_engine(
            Settings(database_url=f"postgresql://postgres@127.0.0.1:{port}/delete", db_connect_timeout_seconds=2)
        )
        began = time.monotonic()
        with pytest.raises(DBAPIError):
            engine.connect()
        assert time.monotonic() - began < 4


def test_migrations_take_their_time() -> None:
    def migrate() -> subprocess.CompletedProcess[str]:
        hasty = {name.upper(): "0.1" for name in SHORT}
        env = {**os.environ, "DATABASE_URL": settings().database_url, **hasty}
        words = [sys.executable, "-m", "alembic", "current"]
        return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(1) as pool:
        with database().transaction() as session:
            session.execute(text("LOCK TABLE alembic_version"))
            migration = beside(session, pool, migrate)
            time.sleep(0.5)
            assert not migration.done(), "it waits for longer than anything else may"
        assert migration.result().returncode == 0, migration.result().stderr
