"""The database edge: one call is one transaction, committed before anybody is answered, hints and events sent after."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Concatenate, Final, ParamSpec, TypeVar

from anyio import CapacityLimiter, fail_after, to_thread
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from shared import events, queue
from shared.events import Event
from shared.lean import LeanPool, Pool, Row, Statement
from shared.redis import BREAKER
from shared.settings import Settings, settings

P = ParamSpec("P")
T = TypeVar("T")

GATHER: Final = 0.05  # seconds between two sendings of events of the lean path


class Database:
    """Runs domain functions in transactions of `bind`.

    As many worker threads as the pool has connections, so no thread ever waits for a connection.
    """

    def __init__(self, bind: Engine | Connection, *, threads: int, lean: LeanPool | None = None) -> None:
        self.bind = bind
        self._lean = lean
        self._unsent: list[Event] = []
        self._sending: asyncio.Task[None] | None = None
        self._limiter = CapacityLimiter(threads)
        self._probes = CapacityLimiter(2)

    def pools(self) -> dict[str, Pool]:
        """How full each of its pools is, by name."""
        found = {}
        if isinstance(self.bind, Engine) and isinstance(self.bind.pool, QueuePool):
            pool, threads = self.bind.pool, self._limiter.statistics()
            in_use = pool.checkedout()
            found["shared"] = Pool(in_use, in_use + pool.checkedin(), int(threads.total_tokens), threads.tasks_waiting)
        if self._lean is not None and (lean := self._lean.state()) is not None:
            found["lean"] = lean
        return found

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose transaction is committed at the end, or rolled back by any exception.

        What was noted on the session is sent after the commit. If Redis does not answer, nothing is lost: work is in
        the ledger, and what an event tells is in the tables.
        """
        with Session(self.bind, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            with session.begin():
                yield session
            hints, news = queue.noted(session), events.noted(session)
        if hints:
            BREAKER.attempt("hints", partial(queue.publish, hints))
        if news:
            events.send(news)

    def call(self, function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`function(session, …)` in a transaction of its own."""
        with self.transaction() as session:
            return function(session, *args, **kwargs)

    async def run(self, function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`call` on a worker thread: the event loop never waits for the database."""
        return await to_thread.run_sync(partial(self.call, function, *args, **kwargs), limiter=self._limiter)

    async def open(self) -> None:
        """Make ready what belongs to the running event loop."""
        if self._lean is not None:
            await self._lean.open()

    async def close(self) -> None:
        """Send what is unsent, and give up what `open` made ready."""
        try:
            if self._sending is not None:
                await self._sending
        finally:
            if self._lean is not None:
                await self._lean.close()

    async def one(self, statement: Statement, values: Mapping[str, object]) -> Row | None:
        """The first row of a statement that is a transaction of its own, with one round trip and no thread.

        Raises:
            psycopg.Error: what the database says.
        """
        if self._lean is not None:
            return await self._lean.one(statement, values)
        return await self.run(one, statement, values)

    def send(self, news: Sequence[Event]) -> None:
        """Send events of a statement of `one`; those of many requests go together, on a thread."""
        self._unsent.extend(news)
        if self._unsent and (self._sending is None or self._sending.done()):
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        while self._unsent:
            news, self._unsent = self._unsent, []
            await to_thread.run_sync(events.send, news)
            await asyncio.sleep(GATHER)  # the first goes at once; under load, those of many requests go together

    async def probe(self, function: Callable[[Session], T], *, seconds: float) -> T:
        """`run` that waits only so long, on threads of its own: while the database hangs, those of requests do too.

        Raises:
            TimeoutError: there was no answer in time.
        """
        with fail_after(seconds):
            return await to_thread.run_sync(partial(self.call, function), limiter=self._probes, abandon_on_cancel=True)


def one(session: Session, statement: Statement, values: Mapping[str, object]) -> Row | None:
    """The first row of a statement in the transaction of a session."""
    connection = session.connection().connection.driver_connection
    assert connection is not None
    return statement.one(connection, values)


def _connect_arguments(values: Settings) -> dict[str, object]:
    """Every time limit: a lost peer or a runaway statement must not hold a connection for ever."""
    limits = {
        "statement_timeout": values.db_statement_timeout_seconds,
        "lock_timeout": values.db_lock_timeout_seconds,
        "idle_in_transaction_session_timeout": values.db_idle_transaction_timeout_seconds,
    }
    options = " ".join(f"-c {name}={seconds * 1000:.0f}" for name, seconds in limits.items())
    arguments: dict[str, object] = {
        "connect_timeout": values.db_connect_timeout_seconds,
        "keepalives_idle": 30,
        "tcp_user_timeout": 20_000,  # ms until a peer that does not acknowledge is taken for lost
        "options": f"{options} -c timezone=UTC",
        "application_name": "delete",
    }
    if not values.db_prepare_statements:
        arguments["prepare_threshold"] = None
    return arguments


def make_engine(values: Settings) -> Engine:
    """The engine, with its pool."""
    return create_engine(
        values.sqlalchemy_url,
        pool_size=values.db_pool_size,
        max_overflow=values.db_max_overflow,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args=_connect_arguments(values),
        hide_parameters=True,  # a logged statement must not carry anybody's words
    )


@lru_cache
def database() -> Database:
    """The database of this process."""
    values = settings()
    lean = LeanPool(values.libpq_url, _connect_arguments(values), size=values.db_lean_pool_size)
    return Database(make_engine(values), threads=values.db_pool_size + values.db_max_overflow, lean=lean)
