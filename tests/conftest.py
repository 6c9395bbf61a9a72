"""Real parts for every test: one Postgres and one Redis for the run, a database of its own for each process."""

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
import structlog
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from redis import Redis
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.orm import Session

from api.app import create_app
from dev.temporary import stores
from shared import redis
from shared.accounts import passwords
from shared.database import Database, database, make_engine
from shared.models import Base
from shared.settings import settings
from shared.storage import storage
from tests.unlimited import UNLIMITED

_STORES = pytest.StashKey[ExitStack]()

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
        config.stash[_STORES] = ExitStack()
        values = config.stash[_STORES].enter_context(stores())
        os.environ.update({f"TEST_{name}": value for name, value in values.items()})
    migrated = os.environ["TEST_DATABASE_URL"]
    server, _, template = migrated.rpartition("/")
    name = f"delete_{worker or 'single'}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    number = int((worker or "gw0").removeprefix("gw"))
    os.environ.update(
        DATABASE_URL=f"{server}/{name}",
        REDIS_URL=f"{os.environ['TEST_REDIS_URL'].rpartition('/')[0]}/{number + 1}",
        STORAGE_URL=f"{os.environ['TEST_STORAGE_URL']}-{name}",
        MAIL_DIR=f"{os.environ['TEST_STORAGE_URL'].removeprefix('file://')}-mail-{name}",
        BCRYPT_ROUNDS="4",
        **UNLIMITED,
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started here."""
    if _STORES in config.stash:
        config.stash[_STORES].close()


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:

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
def db(connection: Connection) -> Database:
    """A database whose changes vanish with the test. One connection: for tests that do one thing at a time."""
    return Database(connection, threads=1)


@pytest.fixture
def session(connection: Connection) -> Iterator[Session]:
    """A session that sees what `db` has done; flushed changes vanish with the test."""
    with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
        yield session


@pytest.fixture
def queries(connection: Connection) -> Iterator[list[str]]:
    """The statements run on `connection`, but for those about transactions, to be counted."""
    run: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "SAVEPOINT" not in statement:
            run.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield run
    event.remove(connection, "before_cursor_execute", note)


@pytest.fixture
def committed() -> Iterator[Database]:
    """The process's real database, with real commits from as many threads as wanted; emptied at the end."""

    yield database()
    seeded = {"prompts"}
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables if table.name not in seeded)
    with database().transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))  # or the audit log would not let go
        session.execute(text(f"TRUNCATE {tables} CASCADE"))


_CLIENTS: list[Redis] = []
"""Those of before: one that nobody holds closes its connections, over which a thread may still be sending."""


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Set settings by their environment names for one test."""

    def clear() -> None:
        if redis.client.cache_info().currsize:
            _CLIENTS.append(redis.client())
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
def logging_restored() -> Iterator[None]:
    """What a test does to the log of this process ends with it."""
    root = logging.getLogger()
    handlers, level, before = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


@pytest.fixture
def rounds(configured: Callable[..., None]) -> Iterator[Callable[[int], None]]:
    """Change how much work a password is."""

    def forget() -> None:
        passwords._policy.cache_clear()
        passwords.dummy_hash.cache_clear()

    def change(number: int) -> None:
        configured(BCRYPT_ROUNDS=str(number))
        forget()

    yield change
    forget()


@pytest.fixture
def client(db: Database) -> Iterator[TestClient]:
    """A client of the application on `db`."""

    with TestClient(create_app(db), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def real_client(committed: Database) -> Iterator[TestClient]:
    """A client of the application on the real database: for requests that race."""

    with TestClient(create_app(committed), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def superuser() -> Iterator[Engine]:
    """An engine on the server itself, for tests that make databases."""
    server = create_engine(
        settings().sqlalchemy_url.rpartition("/")[0] + "/postgres",
        isolation_level="AUTOCOMMIT",
    )
    yield server
    server.dispose()


@pytest.fixture
def unique() -> str:
    return uuid.uuid4().hex[:12]
