"""The database edge: one call is one transaction, committed before anybody is answered, hints and events sent after."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Concatenate, ParamSpec, TypeVar

from anyio import CapacityLimiter, fail_after, to_thread
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.orm import Session

from shared import events, queue
from shared.redis import BREAKER
from shared.settings import Settings, settings

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """Runs domain functions in transactions of `bind`.

    As many worker threads as the pool has connections, so no thread ever waits for a connection.
    """

    def __init__(self, bind: Engine | Connection, *, threads: int) -> None:
        self.bind = bind
        self._limiter = CapacityLimiter(threads)
        self._probes = CapacityLimiter(2)

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
            BREAKER.attempt("events", partial(events.publish, news))

    def call(self, function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`function(session, …)` in a transaction of its own."""
        with self.transaction() as session:
            return function(session, *args, **kwargs)

    async def run(self, function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`call` on a worker thread: the event loop never waits for the database."""
        return await to_thread.run_sync(partial(self.call, function, *args, **kwargs), limiter=self._limiter)

    async def probe(self, function: Callable[[Session], T], *, seconds: float) -> T:
        """`run` that waits only so long, on threads of its own: while the database hangs, those of requests do too.

        Raises:
            TimeoutError: there was no answer in time.
        """
        with fail_after(seconds):
            return await to_thread.run_sync(partial(self.call, function), limiter=self._probes, abandon_on_cancel=True)


def make_engine(values: Settings) -> Engine:
    """The engine with every time limit set: a lost peer or a runaway statement must not hold a connection for ever."""
    timeout = int(values.db_statement_timeout_seconds * 1000)
    arguments: dict[str, object] = {
        "connect_timeout": 5,
        "keepalives_idle": 30,
        "tcp_user_timeout": 20_000,  # ms until a peer that does not acknowledge is taken for lost
        "options": f"-c statement_timeout={timeout} -c idle_in_transaction_session_timeout={timeout} -c timezone=UTC",
        "application_name": "delete",
    }
    if not values.db_prepare_statements:
        arguments["prepare_threshold"] = None
    return create_engine(
        values.sqlalchemy_url,
        pool_size=values.db_pool_size,
        max_overflow=values.db_max_overflow,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args=arguments,
        hide_parameters=True,  # a logged statement must not carry anybody's words
    )


@lru_cache
def database() -> Database:
    """The database of this process."""
    values = settings()
    return Database(make_engine(values), threads=values.db_pool_size + values.db_max_overflow)
