"""The lean path for the few hot routes: one statement, one round trip, on the event loop's own connections.

What an ordinary route pays for is a thread, a session of SQLAlchemy, BEGIN and COMMIT: about three times the processor
time of the statement itself. See docs/decisions/0012-lean-path.md.
"""

import re
import select
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from psycopg import AsyncConnection, AsyncRawCursor, Connection, OperationalError, RawCursor
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from shared import tracing

_NAMED: Final = re.compile(r"(?<![:\w]):([a-z_]+)\b")
_COMMENTS: Final = re.compile(r"--[^\n]*")

PATIENCE: Final = 2.0  # seconds that a request waits for a connection

Row = tuple[Any, ...]


class Statement:
    """SQL with `:name` for each parameter, of the Postgres type given for that name.

    The driver gets it with numbered parameters, as Postgres itself wants it: named ones would be looked for in the text
    at each execution, which takes as long as the rest.
    """

    def __init__(self, sql: str, *, binary: bool = False, **types: str) -> None:
        """`binary`: the answer comes as Postgres keeps it, which spares long bytes the way through hexadecimal text."""
        self._names = tuple(types)
        self._binary = binary
        numbers = {name: number for number, name in enumerate(types, start=1)}
        numbered = _NAMED.sub(lambda found: f"${numbers[found[1]]}::{types[found[1]]}", _COMMENTS.sub("", sql))
        self._sql = " ".join(numbered.split()).encode()

    def one(self, connection: Connection[Any], values: Mapping[str, object]) -> Row | None:
        """The first row of the statement run on this connection, in whatever transaction that is in."""
        return RawCursor(connection).execute(self._sql, self._ordered(values), binary=self._binary).fetchone()

    async def one_async(self, connection: AsyncConnection[Any], values: Mapping[str, object]) -> Row | None:
        """The same on a connection of the event loop."""
        with tracing.statement(self._sql):
            cursor = await AsyncRawCursor(connection).execute(self._sql, self._ordered(values), binary=self._binary)
            return await cursor.fetchone()

    def _ordered(self, values: Mapping[str, object]) -> tuple[object, ...]:
        return tuple(values[name] for name in self._names)


@dataclass(frozen=True, slots=True)
class Pool:
    """How full a pool of connections is: in use, open, at most open, and requests that wait for one."""

    in_use: int
    open: int
    most: int
    waiting: int


class LeanPool:
    """Connections on which every statement is a transaction of its own."""

    def __init__(self, url: str, arguments: Mapping[str, Any], *, size: int) -> None:
        self._make = partial(
            AsyncConnectionPool,
            make_conninfo(url),
            kwargs={**arguments, "autocommit": True},
            min_size=1,
            max_size=size,
            timeout=PATIENCE,
            reconnect_timeout=PATIENCE,  # then given up: the next request begins anew, and not after a growing pause
            max_lifetime=1800,
            open=False,
        )
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] | None = None

    async def open(self) -> None:
        """Begin to connect, on the running event loop; whether the database answers shows when it is asked."""
        self._pool = self._make()
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Give up the connections."""
        if self._pool is not None:
            await self._pool.close()

    def state(self) -> Pool | None:
        """How full it is; None before it is opened."""
        if self._pool is None:
            return None
        found = self._pool.get_stats()
        size, free = found["pool_size"], found["pool_available"]
        return Pool(size - free, size, found["pool_max"], found.get("requests_waiting", 0))

    async def one(self, statement: Statement, values: Mapping[str, object]) -> Row | None:
        """The first row of a statement.

        Raises:
            psycopg.Error: what the database says, or that it does not answer.
        """
        assert self._pool is not None, "not opened"
        for _ in range(self._pool.max_size + 1):  # all that are open may be dead, and then there is a new one
            connection = await self._pool.getconn()
            try:
                if not _server_has_left(connection):
                    return await statement.one_async(connection, values)
                await connection.close()  # which makes the pool open another
            finally:
                await self._pool.putconn(connection)
        raise OperationalError("the server has closed every connection")


def _server_has_left(connection: AsyncConnection[Any]) -> bool:
    """Without asking: nothing comes on an idle connection, unless it is that the server has left."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
