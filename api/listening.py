"""Open connections of people, and the events that reach them: through Redis, so whichever process made them."""

import asyncio
import json
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sqlalchemy.exc import SQLAlchemyError

from shared import clock, events, log, redis
from shared.accounts import sign_in
from shared.accounts.tokens import Claims
from shared.database import Database

MOST_WAITING: Final = 300  # events that wait for one connection: all that a stream keeps, and some that came meanwhile
MOST_BYTES: Final = 1_000_000
MOST_EACH: Final = 20  # connections of a person to one process; the oldest gives way, which is most likely dead
LOOK_AGAIN: Final = 15.0  # seconds between two looks whether sessions have ended
SILENCE: Final = 15.0  # seconds without a word, not even to a ping, after which Redis is taken for lost
PAUSE: Final = 1.0  # seconds between two tries to reach it
ALWAYS: Final = "events:"  # a channel of nobody's, before all others: without one there is nothing to wait for
BEGINNING: Final = ""
PATIENCE: Final = 2.0  # seconds that a new connection waits to be subscribed; later it is, too

NO_LONGER_SIGNED_IN: Final = 4401
TOO_SLOW: Final = 4408
CROWDED_OUT: Final = 4409
RESTARTING: Final = 1012

Rows = list[tuple[str, dict[str, str]]]
_log = log.logger(__name__)


@dataclass(frozen=True, slots=True)
class Frame:
    """What is sent to a client: an event as JSON, with its id and type beside it."""

    id: str | None
    type: str
    at: datetime
    text: str


class Listener:
    """One open connection of somebody, and what it has not been sent yet."""

    def __init__(self, claims: Claims, *, since: str | None, asks: bool) -> None:
        """`asks` to be told when it has everything from the event `since` on."""
        self.claims = claims
        self.since = since
        """The last event that it has; BEGINNING when there was none to have, None when that is not known."""
        self.asks = asks
        self.ended = asyncio.Event()
        self.code: int | None = None
        self.reason = ""
        self._waiting: deque[Frame] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._replayed: set[str] = set()
        self._expiry: asyncio.TimerHandle | None = None
        self.renew(claims)

    def renew(self, claims: Claims) -> None:
        """Stay open as long as these claims are good."""
        self.claims = claims
        if self._expiry is not None:
            self._expiry.cancel()
        assert claims.expires_at is not None
        seconds = (claims.expires_at - clock.now()).total_seconds()
        self._expiry = asyncio.get_running_loop().call_later(seconds, self.end, NO_LONGER_SIGNED_IN, "token_expired")

    def offer(self, frame: Frame) -> None:
        """Have it sent after all before it, unless it has been; end a connection that lets too much wait."""
        if self.ended.is_set() or frame.id in self._replayed:
            return
        self._waiting.append(frame)
        self._bytes += len(frame.text)
        self.since = frame.id or self.since
        if len(self._waiting) > MOST_WAITING or self._bytes > MOST_BYTES:
            self.end(TOO_SLOW, "too slow: connect again")
        self._arrived.set()

    def replay(self, kept: list[Frame], *, unsure_until: datetime | None) -> None:
        """Offer what was kept while this one did not listen, before what has arrived since; then say so if it asks.

        What happened before `unsure_until` may not have been kept.
        """
        places = {frame.id: place for place, frame in enumerate(kept)} | {BEGINNING: -1}
        place = places.get(self.since, len(kept))
        known = place < len(kept) and self.since is not None
        sure = known and (unsure_until is None or (place >= 0 and kept[place].at > unsure_until))
        arrived, self._waiting, self._bytes = list(self._waiting), deque(), 0
        if not known:
            self.since = kept[-1].id if kept else BEGINNING
        self._replayed = set()
        missed = kept[place + 1 :]
        for frame in missed:
            self.offer(frame)
        self._replayed = {frame.id for frame in missed if frame.id}
        if self.asks:
            self.offer(_ready(complete=sure))
        for frame in arrived:
            self.offer(frame)

    def end(self, code: int | None = None, reason: str = "") -> None:
        """Have the connection closed, with a code if it is still there."""
        if not self.ended.is_set():
            self.code, self.reason = code, reason
            self._waiting.clear()
            if self._expiry is not None:
                self._expiry.cancel()
            self.ended.set()
            self._arrived.set()

    async def next(self) -> Frame | None:
        """The next thing to send; None when it has ended."""
        while not self._waiting:
            if self.ended.is_set():
                return None
            self._arrived.clear()
            await self._arrived.wait()
        frame = self._waiting.popleft()
        self._bytes -= len(frame.text)
        return frame


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
        self._tasks: set[asyncio.Task[None]] = set()
        self._redis: Redis = Redis.from_url(
            redis_url,
            socket_timeout=redis.SOCKET_TIMEOUT,
            socket_connect_timeout=redis.CONNECT_TIMEOUT,
            retry=Retry(NoBackoff(), 1),
            decode_responses=True,
        )

    async def open(self) -> None:
        """Begin to listen, on the running event loop."""
        self._start(self._follow())
        self._start(self._watch())

    async def close(self) -> None:
        """End every connection, so that clients go to another process."""
        for listener in self._listeners():
            listener.end(RESTARTING, "restarting")
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
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
                if asks:
                    listener.offer(_ready(complete=False))
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
            await asyncio.sleep(PAUSE)

    async def _connect(self, pubsub: PubSub) -> None:
        """Subscribe to the channels of all who are here, and give them what they have missed."""
        await pubsub.subscribe(*self._subscribed, ALWAYS)
        self._heard_at = time.monotonic()
        while await self._hear(pubsub) != ALWAYS:
            pass
        self._pubsub = pubsub
        if self._interrupted_at is not None:
            _log.info("redis answers again", what="events")
            await self._catch_up(self._listeners())

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
            return channel
        return None

    def _deliver(self, channel: str, text: str) -> None:
        everyone = self._people.get(uuid.UUID(channel.removeprefix(ALWAYS)), ())
        frame = _frame(text)
        if frame.type == events.ENDED:
            self._start(self._look_at(list(everyone)))
            return
        for listener in everyone:
            listener.offer(frame)

    async def _catch_up(self, listeners: Iterable[Listener]) -> None:
        """Give each what was kept for it since the last that it has, once it is subscribed to what follows."""
        for listener in listeners:
            kept, newest_only = events.stream(listener.claims.user_id), 1 if listener.since is None else None
            rows = cast("Rows", await self._redis.xrevrange(kept, count=newest_only))
            frames = [_frame(row["frame"]) for _, row in reversed(rows)]
            listener.replay(frames, unsure_until=self._interrupted_at)

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
        except SQLAlchemyError as error:
            _log.warning("could not look whose sessions have ended", error=type(error).__name__)
            return
        for listener in listeners:
            if listener.claims.session_id not in living:
                listener.end(NO_LONGER_SIGNED_IN, "token_invalid")


def _frame(text: str) -> Frame:
    said = json.loads(text)
    return Frame(said["id"], said["type"], datetime.fromisoformat(said["at"]), text)


def _ready(*, complete: bool) -> Frame:
    said = {"type": "ready", "id": None, "at": clock.now().isoformat(), "data": {"complete": complete}}
    return _frame(json.dumps(said))
