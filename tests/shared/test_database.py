"""The database edge: committed before anybody is answered, told after, and never stuck."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from api.app import create_app
from shared import events, ledger, queue, redis
from shared.accounts.models import User
from shared.database import Database, make_engine
from shared.errors import Refusal
from shared.jobs import PROCESS_PHOTO
from shared.ledger import Work
from shared.settings import Settings, settings
from tests.people import error_code, make_user
from tests.shared.test_events import subscribed

Configure = Callable[..., None]


@pytest.fixture
def closed_breaker() -> Iterator[None]:
    redis.BREAKER._closed_until = 0.0
    yield
    redis.BREAKER._closed_until = 0.0


@pytest.fixture
def empty_redis() -> Iterator[None]:
    redis.client().flushdb()
    yield
    redis.client().flushdb()


@pytest.fixture
def without_redis(configured: Configure, closed_breaker: None) -> Iterator[None]:
    configured(REDIS_URL="redis://127.0.0.1:1/0")
    queue.publisher.cache_clear()
    yield
    queue.publisher.cache_clear()


@pytest.fixture
def small() -> Iterator[Database]:
    """A database with three connections."""
    engine = make_engine(Settings(db_pool_size=2, db_max_overflow=1))
    yield Database(engine, threads=3)
    engine.dispose()


@pytest.fixture
def late(committed: Database) -> Iterator[None]:
    """A constraint that is looked at only when the transaction commits."""
    with committed.transaction() as session:
        session.execute(text("CREATE TABLE late (number int, UNIQUE (number) DEFERRABLE INITIALLY DEFERRED)"))
    yield
    with committed.transaction() as session:
        session.execute(text("DROP TABLE late"))


def count(db: Database) -> int:
    return db.call(lambda session: session.scalar(select(func.count()).select_from(User)) or 0)


def create(session: Session) -> User:
    return make_user(session)


def fail_at_commit(session: Session) -> str:
    session.execute(text("INSERT INTO late VALUES (1), (1)"))
    return "success"


def test_what_a_function_returns_is_committed(committed: Database) -> None:
    user = committed.call(create)
    assert count(committed) == 1
    assert user.name == "Ada", "readable after the end of its session"


def test_an_exception_rolls_everything_back(committed: Database) -> None:
    def create_and_fail(session: Session) -> None:
        make_user(session)
        raise Refusal("not_found")

    with pytest.raises(Refusal):
        committed.call(create_and_fail)
    assert count(committed) == 0


def test_a_failing_commit_is_no_success(committed: Database, late: None) -> None:
    with pytest.raises(IntegrityError):
        committed.call(fail_at_commit)
    with pytest.raises(IntegrityError):
        anyio.run(committed.run, fail_at_commit)
    assert committed.call(lambda session: session.scalar(text("SELECT count(*) FROM late"))) == 0


def test_a_failing_commit_is_answered_as_a_failure(real_client: TestClient, late: None) -> None:
    app = real_client.app
    assert isinstance(app, FastAPI)

    @app.post("/commit")
    async def commit() -> str:
        db: Database = app.state.database
        return await db.run(fail_at_commit)

    answer = real_client.post("/commit")
    assert (answer.status_code, error_code(answer)) == (500, "internal_error")


def test_a_lost_connection_is_answered_with_come_again(real_client: TestClient) -> None:
    app = real_client.app
    assert isinstance(app, FastAPI)

    @app.post("/lose")
    async def lose() -> None:
        db: Database = app.state.database
        await db.run(lambda session: session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())")))

    answer = real_client.post("/lose")
    assert (answer.status_code, error_code(answer)) == (503, "service_unavailable")
    assert "Retry-After" in answer.headers
    assert real_client.get("/v1/health").status_code == 200, "the next one has a connection that lives"


def test_hints_and_events_are_sent_after_the_commit(committed: Database, empty_redis: None) -> None:
    user_id = uuid.uuid4()
    with subscribed(user_id) as read:
        with committed.transaction() as session:
            ledger.ask(session, PROCESS_PHOTO, "key")
            events.note(session, user_id=user_id, kind="photo.ready", data={})
            session.flush()
            assert (redis.client().llen("photos"), read(0.05)) == (0, [])
        assert (redis.client().llen("photos"), len(read(1))) == (1, 1)


def test_nothing_is_sent_of_what_was_rolled_back(committed: Database, late: None, empty_redis: None) -> None:
    user_id = uuid.uuid4()

    def ask(session: Session) -> None:
        ledger.ask(session, PROCESS_PHOTO, "key")
        events.note(session, user_id=user_id, kind="photo.ready", data={})

    def ask_and_fail(session: Session) -> None:
        ask(session)
        raise Refusal("not_found")

    def ask_and_fail_at_commit(session: Session) -> None:
        ask(session)
        fail_at_commit(session)

    with subscribed(user_id) as read:
        with pytest.raises(Refusal):
            committed.call(ask_and_fail)
        with pytest.raises(IntegrityError):
            committed.call(ask_and_fail_at_commit)
        assert (redis.client().llen("photos"), read()) == (0, [])
    assert committed.call(lambda session: session.scalars(select(Work)).all()) == []


def test_without_redis_the_work_is_kept_and_only_the_first_call_waits(committed: Database, without_redis: None) -> None:
    def ask(session: Session, key: str) -> str:
        ledger.ask(session, PROCESS_PHOTO, key)
        events.note(session, user_id=uuid.uuid4(), kind="photo.ready", data={})
        return key

    times = []
    for key in ("a", "b", "c"):
        began = time.monotonic()
        assert committed.call(ask, key) == key
        times.append(time.monotonic() - began)
    assert times[0] < 1.5
    assert max(times[1:]) < 0.1
    assert len(committed.call(lambda session: session.scalars(select(Work)).all())) == 3


def test_the_breaker_tries_again_after_its_pause(closed_breaker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "PAUSE", 0.1)
    breaker, tries = redis.Breaker(), []

    def send() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError

    assert not breaker.attempt("test", send)
    assert not breaker.attempt("test", send)
    assert len(tries) == 1
    time.sleep(0.11)
    assert breaker.attempt("test", send)
    assert breaker.attempt("test", send)
    assert len(tries) == 3


def test_the_breaker_hides_no_mistake_of_ours() -> None:
    def broken() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        redis.Breaker().attempt("test", broken)


def test_more_runs_than_connections_wait_and_all_end(small: Database) -> None:
    together, most, lock = 0, 0, threading.Lock()

    def work(session: Session, number: int) -> int:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        session.execute(text("SELECT pg_sleep(0.02)"))
        with lock:
            together -= 1
        return number

    async def main() -> list[int]:
        done: list[int] = []

        async def one(number: int) -> None:
            done.append(await small.run(work, number))

        async with anyio.create_task_group() as group:
            for number in range(30):
                group.start_soon(one, number)
        return done

    assert sorted(anyio.run(main)) == list(range(30))
    assert most == 3


def test_the_event_loop_does_not_wait_for_the_database(small: Database) -> None:
    async def main() -> float:
        longest = 0.0
        async with anyio.create_task_group() as group:
            group.start_soon(small.run, lambda session: session.execute(text("SELECT pg_sleep(0.3)")))
            for _ in range(20):
                began = time.monotonic()
                await anyio.sleep(0.01)
                longest = max(longest, time.monotonic() - began)
        return longest

    assert anyio.run(main) < 0.2


def test_requests_beyond_the_pool_are_all_answered(small: Database) -> None:
    app = create_app(small)

    @app.get("/slow")
    async def slow() -> int:
        return await small.run(lambda session: session.scalar(text("SELECT 1 FROM pg_sleep(0.02)")) or 0)

    with TestClient(app) as client, ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: client.get("/slow").status_code, range(48)))
    assert answers == [200] * 48


def test_this_processs_limit_is_its_pool(committed: Database) -> None:
    assert committed._limiter.total_tokens == settings().db_pool_size + settings().db_max_overflow


def test_a_statement_that_takes_too_long_is_ended() -> None:
    engine = make_engine(Settings(db_statement_timeout_seconds=0.1))
    try:
        with pytest.raises(OperationalError, match="statement timeout"):
            Database(engine, threads=1).call(lambda session: session.execute(text("SELECT pg_sleep(5)")))
    finally:
        engine.dispose()


def test_the_time_zone_is_utc_whatever_the_server_thinks(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW timezone")) == "UTC"


def test_an_error_does_not_show_what_was_stored(committed: Database) -> None:
    def store(session: Session) -> None:
        session.execute(text("SELECT cast(:words AS int)"), {"words": "7531 words"})

    with pytest.raises(DBAPIError) as caught:
        committed.call(store)
    assert "hide_parameters" in str(caught.value)


def test_statements_are_prepared_unless_a_pooler_is_between() -> None:
    for prepare in (True, False):
        engine = make_engine(Settings(db_prepare_statements=prepare))
        with engine.connect() as connection:
            for _ in range(10):
                connection.execute(text("SELECT 1"))
            prepared = connection.scalar(text("SELECT count(*) FROM pg_prepared_statements"))
            assert bool(prepared) == prepare
        engine.dispose()


def test_a_probe_does_not_wait_for_a_database_that_hangs(committed: Database) -> None:
    def hang(session: Session) -> None:
        session.execute(text("SELECT pg_sleep(3)"))

    async def probe() -> None:
        with pytest.raises(TimeoutError):
            await committed.probe(hang, seconds=0.2)

    began = time.monotonic()
    anyio.run(probe)
    assert time.monotonic() - began < 2
