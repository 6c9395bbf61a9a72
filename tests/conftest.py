"""Real parts for every test: one Postgres and one Redis for the run, a database of its own for each process."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.orm import Session

from dev import parts

TEMPLATE = "delete_template"
ROOT = Path(__file__).parent.parent

hypothesis_settings.register_profile(
    "house",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    max_examples=60,
)
hypothesis_settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Start the stores once, in the process that starts the others, and point every process at its own part."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        folder = Path(tempfile.mkdtemp(prefix="delete-tests-"))
        config.stash[_STORES] = _start_stores(folder)
    number = int((worker or "gw0").removeprefix("gw"))
    server = os.environ["TEST_DATABASE_SERVER"]
    name = f"delete_{worker or 'single'}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
    os.environ.update(
        DATABASE_URL=f"{server}/{name}",
        REDIS_URL=f"{os.environ['TEST_REDIS_SERVER']}/{number + 1}",
        STORAGE_URL=f"file://{os.environ['TEST_FOLDER']}/media-{name}",
        BCRYPT_ROUNDS="4",
        **{f"RATE_LIMIT_{what}": "100000/minute" for what in ("SIGNUP", "LOGIN", "LOGIN_ADDRESS", "REFRESH", "LOGOUT")},
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started here."""
    for process in config.stash.get(_STORES, []):
        process.send_signal(signal.SIGINT)  # Postgres takes SIGTERM for: once all clients have gone
        process.wait(20)
    if _STORES in config.stash:
        shutil.rmtree(os.environ["TEST_FOLDER"], ignore_errors=True)


_STORES = pytest.StashKey[list[subprocess.Popen[bytes]]]()


def _start_stores(folder: Path) -> list[subprocess.Popen[bytes]]:
    folder.chmod(0o755)
    postgres = parts.postgres(folder / "postgres", port=parts.free_port(), durable=False)
    redis = parts.redis(folder / "redis", port=parts.free_port(), durable=False)
    started = []
    for part in (postgres, redis):
        with (folder / "output").open("ab") as output:
            started.append(subprocess.Popen(part.argv, user=part.user, stdout=output, stderr=output))
    deadline = time.monotonic() + 60
    while not parts.ensure_database(postgres.url, TEMPLATE):
        assert time.monotonic() < deadline, (folder / "output").read_text()
        time.sleep(0.1)
    server = postgres.url.rpartition("/")[0]
    os.environ.update(
        TEST_FOLDER=str(folder), TEST_DATABASE_SERVER=server, TEST_REDIS_SERVER=redis.url.rpartition("/")[0]
    )
    environment = {**os.environ, "DATABASE_URL": f"{server}/{TEMPLATE}"}
    subprocess.run([sys.executable, "-m", "alembic", "upgrade", "head"], env=environment, cwd=ROOT, check=True)
    return started


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    from shared.database import make_engine
    from shared.settings import settings

    engine = make_engine(settings())
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection inside a transaction that is rolled back at the end: what the test commits are savepoints."""
    with engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def db(connection: Connection) -> "Database":
    """A database whose changes vanish with the test. One connection: for tests that do one thing at a time."""
    return Database(connection, threads=1)


@pytest.fixture
def session(connection: Connection) -> Iterator[Session]:
    """A session that sees what `db` has done; flushed changes vanish with the test."""
    with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
        yield session


@pytest.fixture
def committed() -> Iterator["Database"]:
    """The process's real database, with real commits from as many threads as wanted; emptied at the end."""
    from shared.database import database
    from shared.models import Base

    yield database()
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with database().transaction() as session:
        session.execute(text(f"TRUNCATE {tables} CASCADE"))


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Set settings by their environment names for one test."""
    from shared import redis
    from shared.settings import settings
    from shared.storage import storage

    def clear() -> None:
        for cached in (settings, storage, redis.client):
            cached.cache_clear()

    def configure(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        clear()

    yield configure
    monkeypatch.undo()
    clear()


@pytest.fixture
def client(db: "Database") -> Iterator[TestClient]:
    """A client of the application on `db`."""
    from api.app import create_app

    with TestClient(create_app(db), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def real_client(committed: "Database") -> Iterator[TestClient]:
    """A client of the application on the real database: for requests that race."""
    from api.app import create_app

    with TestClient(create_app(committed), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def superuser() -> Iterator[Engine]:
    """An engine on the server itself, for tests that make databases."""
    server = create_engine(
        os.environ["TEST_DATABASE_SERVER"].replace("postgresql://", "postgresql+psycopg://") + "/postgres",
        isolation_level="AUTOCOMMIT",
    )
    yield server
    server.dispose()


@pytest.fixture
def unique() -> str:
    return uuid.uuid4().hex[:12]


from shared.database import Database  # noqa: E402 - only now do the settings point at the test's own parts
