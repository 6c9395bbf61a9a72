"""Open connections of people, and the events that reach them: through Redis, so whichever process made them."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Final, cast

from anyio import to_thread
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from api.listener import NO_LONGER_SIGNED_IN, Listener, read
from shared import clock, events, log, redis
from shared.accounts import sign_in
from shared.accounts.tokens import Claims
from shared.database import Database

MOST_EACH: Final = 20  # connections of a person to one process; the oldest gives way, which is most likely dead
LOOK_AGAIN: Final = 15.0  # seconds between two looks whether sessions have ended
SILENCE: Final = 15.0  # seconds without a word, not even to a ping, after which Redis is taken for lost
PAUSE: Final = 1.0  # seconds between two tries to reach it
ALWAYS: Final = "events:"  # a channel of nobody's, before all others: without one there is nothing to wait for
TOGETHER: Final = 100  # connections that are caught up by one message to Redis
PATIENCE: Final = 2.0  # seconds that a new connection waits to be subscribed; later it is, too

CROWDED_OUT: Final = 4409
RESTARTING: Final = 1012

_SUBSCRIBED: Final = asyncio.Event()  # of all channels that are: each its own would take a kilobyte
_SUBSCRIBED.set()

Rows = list[tuple[str, dict[str, str]]]
_log = log.logger(__name__)


class _Channels(PubSub):
    """Subscriptions that end with their connection; the library's would be made anew, and not say what they missed."""

    async def on_connect(self, connection: object) -> None:  # noqa: ARG002 - the library calls it
        """A connection was lost, and another is there."""
        raise exceptions.ConnectionError("interrupted")


class Hub:
    """All open connections of this process, subscribed in Redis for those who have one and nobody else.

    While Redis is away connections stay and nothing reaches them; what they have missed follows when it is back.
    """

    def __init__(self, redis_url: str, db: Database) -> None:
        self._db = db
        self._people: dict[uuid.UUID, list[Listener]] = {}
        self._subscribed: dict[str, asyncio.Event] = {}
        self._pubsub: PubSub | None = None
        self._interrupted_at: datetime | None = None
        self._heard_at = 0.0
        self.delivered = 0
        """Events that were offered to connections."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._redis: Redis = Redis.from_url(
            redis_url,
            socket_timeout=redis.SOCKET_TIMEOUT,
            socket_connect_timeout=redis.CONNECT_TIMEOUT,
            retry=Retry(NoBackoff(), 1),
            decode_responses=True,
        )

    def connections(self) -> int:
        """How many are open."""
        return len(self._listeners())

    async def open(self) -> None:
        """Begin to listen, on the running event loop."""
        self._start(self._follow())
        self._start(self._watch())

    async def close(self) -> None:
        """End every connection, so that clients go to another process."""
        for listener in self._listeners():
            listener.end(RESTARTING, "restarting")
        while tasks := list(self._tasks):  # redis may swallow one: `asyncio.wait_for` does before Python 3.12
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=0.1)
        await self._redis.aclose()

    @asynccontextmanager
    async def listening(self, claims: Claims, *, since: str | None, asks: bool) -> AsyncIterator[Listener]:
        """Receive somebody's events from now on, after those since some event that are still kept."""
        listener = Listener(claims, since=since or None, asks=asks)
        everyone = self._people.setdefault(claims.user_id, [])
        everyone.append(listener)
        for oldest in everyone[:-MOST_EACH]:
            oldest.end(CROWDED_OUT, "too many connections")
        try:
            await self._subscribe(claims.user_id)
            try:
                await self._catch_up([listener])
            except redis.FAILURES:  # whoever follows notices too, and does this again for all
                listener.catch_up(None, unsure_until=None)
            yield listener
        finally:
            listener.end()
            everyone.remove(listener)
            if not everyone and self._people.get(claims.user_id) is everyone:
                del self._people[claims.user_id]
                await self._unsubscribe(claims.user_id)

    def _start(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _listeners(self) -> list[Listener]:
        return [listener for everyone in self._people.values() for listener in everyone]

    async def _subscribe(self, user_id: uuid.UUID) -> None:
        channel = events.channel(user_id)
        known = self._subscribed.get(channel)
        if known is None:
            known = self._subscribed[channel] = asyncio.Event()
            if self._pubsub is not None:
                with suppress(*redis.FAILURES):  # whoever follows notices too, and subscribes to all anew
                    await self._pubsub.subscribe(channel)
        if self._pubsub is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(known.wait(), PATIENCE)

    async def _unsubscribe(self, user_id: uuid.UUID) -> None:
        channel = events.channel(user_id)
        self._subscribed.pop(channel, None)
        if self._pubsub is not None:
            with suppress(*redis.FAILURES):
                await self._pubsub.unsubscribe(channel)
                if channel in self._subscribed:  # they have come back meanwhile
                    await self._pubsub.subscribe(channel)

    async def _follow(self) -> None:
        """Hand on what Redis says, connecting again and again."""
        while True:
            try:
                async with _Channels(self._redis.connection_pool) as pubsub:
                    try:
                        await self._connect(pubsub)
                        while True:
                            await self._hear(pubsub)
                    finally:
                        self._pubsub, self._interrupted_at = None, clock.now()
            except redis.FAILURES as error:
                _log.warning("redis does not answer", what="events", error=str(error))
            except Exception:  # noqa: BLE001 - whatever it was, somebody has to go on listening
                _log.exception("could not follow events")
            await asyncio.sleep(PAUSE)

    async def _connect(self, pubsub: PubSub) -> None:
        """Subscribe to the channels of all who are here, and give them what they have missed."""
        self._fall_behind()
        known = set(self._subscribed)
        await pubsub.subscribe(*known, ALWAYS)
        self._heard_at = time.monotonic()
        while await self._hear(pubsub) != ALWAYS:
            pass
        self._pubsub = pubsub
        self._fall_behind()
        if newcomers := self._subscribed.keys() - known:
            await pubsub.subscribe(*newcomers)
        await self._catch_up(self._listeners())
        if self._interrupted_at is not None:
            _log.info("redis answers again", what="events")
            self._start(self._send_unsent())

    def _fall_behind(self) -> None:
        for listener in self._listeners():
            listener.fall_behind()

    async def _hear(self, pubsub: PubSub) -> str | None:
        """Wait for one message, and hand it on; the channel, if it says that this is subscribed now.

        Raises:
            ConnectionError: nothing has come for too long, not even the answer to a ping.
        """
        message = await pubsub.get_message(timeout=SILENCE / 3)
        if message is None:
            if time.monotonic() - self._heard_at > SILENCE:
                raise ConnectionError("nothing is heard")
            await pubsub.ping()
            return None
        self._heard_at = time.monotonic()
        if message["type"] == "message":
            self._deliver(message["channel"], message["data"])
        elif message["type"] == "subscribe":
            channel: str = message["channel"]
            if channel in self._subscribed:
                self._subscribed[channel].set()
                self._subscribed[channel] = _SUBSCRIBED
            return channel
        return None

    def _deliver(self, channel: str, text: str) -> None:
        try:
            everyone = self._people.get(uuid.UUID(channel.removeprefix(ALWAYS)), ())
            frame = read(text)
        except (ValueError, KeyError, TypeError):
            _log.exception("not an event", channel=channel)
            return
        if frame.type == events.ENDED:
            self._start(self._look_at(list(everyone)))
            return
        for listener in everyone:
            listener.offer(frame)
            self.delivered += 1

    async def _catch_up(self, listeners: Sequence[Listener]) -> None:
        """Give each what was kept for it since the last that it has, once it is subscribed to what follows."""
        for start in range(0, len(listeners), TOGETHER):
            some = listeners[start : start + TOGETHER]
            pipeline = self._redis.pipeline(transaction=False)
            for listener in some:
                newest_only = 1 if listener.since is None else None
                pipeline.xrevrange(events.stream(listener.claims.user_id), count=newest_only)
            for listener, rows in zip(some, cast("list[Rows]", await pipeline.execute()), strict=True):
                kept = [read(row["frame"]) for _, row in reversed(rows)]
                listener.catch_up(kept, unsure_until=self._interrupted_at)

    async def _send_unsent(self) -> None:
        """What this process itself could not send meanwhile, once it tries to again."""
        await asyncio.sleep(redis.PAUSE)
        await to_thread.run_sync(events.send, ())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            await self._look_at(self._listeners())

    async def _look_at(self, listeners: list[Listener]) -> None:
        """End the connections whose sessions have ended."""
        if not listeners:
            return
        ids = {listener.claims.session_id for listener in listeners}
        try:
            living = await self._db.run(sign_in.still_signed_in, session_ids=ids, now=clock.now())
        except Exception:  # noqa: BLE001 - whatever it was, it is looked at again
            _log.exception("could not look whose sessions have ended")
            return
        for listener in listeners:
            if listener.claims.session_id not in living:
                listener.end(NO_LONGER_SIGNED_IN, "token_invalid")
