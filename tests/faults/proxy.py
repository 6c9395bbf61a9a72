"""A connection that can be slow, dead or cut: it stands between the system and one of its stores."""

import asyncio
import random
from contextlib import suppress
from types import TracebackType
from typing import Self

from dev import parts

CHUNK = 65_536
AFTER = 1.0  # seconds that a store gets to do what it was told before it learns that nobody waits for the answer


class Proxy:
    """Passes everything on, unless told to misbehave.

    `delay` is between how many seconds each chunk waits. `lose` is the chance of each request that its sender loses the
    connection, in half of the cases after the store has got the request: then it is done, and nobody knows.
    """

    def __init__(self, target: int, *, seed: int = 0) -> None:
        self.port, self._target = parts.free_port(), target
        self.delay = (0.0, 0.0)
        self.lose = 0.0
        self.lost = 0
        self._moving = asyncio.Event()
        self._moving.set()
        self._random = random.Random(seed)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, parts.HOST, self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stall(self) -> None:
        """Take connections and bytes, and pass nothing on: the other side seems to be there."""
        self._moving.clear()

    def move(self) -> None:
        """Pass on again, also what waited."""
        self._moving.set()

    def cut(self) -> int:
        """End every connection at once; how many there were."""
        cut = len(self._writers) // 2
        for writer in list(self._writers):
            writer.transport.abort()
        return cut

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            other_reader, other_writer = await asyncio.open_connection(parts.HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, other_writer}
        self._writers |= both
        ways = [
            asyncio.create_task(self._ask(reader, other_writer, writer)),
            asyncio.create_task(self._pass(other_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._writers -= both
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for one in both:
                one.transport.abort()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asker: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._wait()
                if self._random.random() < self.lose:
                    self.lost += 1
                    asker.transport.abort()
                    if self._random.random() < 0.5:
                        writer.write(data)
                        await asyncio.sleep(AFTER)
                    return
                writer.write(data)
                await writer.drain()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._wait()
                writer.write(data)
                await writer.drain()

    async def _wait(self) -> None:
        await self._moving.wait()
        if self.delay[1]:
            await asyncio.sleep(self._random.uniform(*self.delay))
