"""One open connection of somebody: what waits to be sent to it, and what it has missed."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Final

from shared import clock
from shared.accounts.tokens import Claims

MOST_WAITING: Final = 300  # events that wait for one connection: all that a stream keeps, and some that came meanwhile
MOST_BYTES: Final = 1_000_000
BEGINNING: Final = ""  # before all events: where somebody is for whom there were none

NO_LONGER_SIGNED_IN: Final = 4401
TOO_SLOW: Final = 4408
SLOW: Final = "too slow: connect again"


@dataclass(frozen=True, slots=True)
class Frame:
    """What is sent to a client: an event as JSON, with its id and type beside it."""

    id: str | None
    type: str
    at: datetime
    text: str


class Listener:
    """One open connection of somebody, and what it has not been sent yet.

    While it is behind (until what it has missed was looked up), what arrives waits for that.
    """

    def __init__(self, claims: Claims, *, since: str | None, asks: bool) -> None:
        """`since` is the last event that it has; `asks` to be told when it has everything from there on."""
        self.claims = claims
        self.since = since
        self.asks = asks
        self.ended = asyncio.Event()
        self.code: int | None = None
        self.reason = ""
        self._behind = True
        self._begun = False
        self._held: list[Frame] = []
        self._waiting: list[Frame] = []  # short; an empty deque would take most of a kilobyte
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._seen: dict[str, None] = {}
        """The last events that it was given: after a break the same may come again."""
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
        if self.ended.is_set():
            return
        if self._behind:
            self._held.append(frame)
            if len(self._held) > MOST_WAITING:
                self.end(TOO_SLOW, SLOW)
        elif frame.id not in self._seen:
            self._give(frame)

    def fall_behind(self) -> None:
        """The subscription broke: whatever arrives from now on comes after something that is still to be looked up."""
        self._behind = True

    def catch_up(self, kept: list[Frame] | None, *, unsure_until: datetime | None) -> None:
        """Give what was kept while this one did not listen, then, if it asks, say so, then what has arrived meanwhile.

        None: that could not be looked up. What happened before `unsure_until` may not have been kept.
        """
        missed, sure = self._missed(kept or [], unsure_until)
        if kept is not None and not self._begun:
            self._begun = True
            if not missed:
                self.since = kept[-1].id if kept else BEGINNING
        held, self._held, self._behind = self._held, [], False
        for frame in missed:
            self.offer(frame)
        if self.asks:
            self._give(ready(complete=sure and kept is not None))
        for frame in held:
            self.offer(frame)

    def _missed(self, kept: list[Frame], unsure_until: datetime | None) -> tuple[list[Frame], bool]:
        """(what of it comes after the last that this one has, whether that is all there was)."""
        places = {frame.id: place for place, frame in enumerate(kept)} | {BEGINNING: -1}
        place = places.get(self.since, -1 if self._begun else len(kept))  # streams forget the oldest, never the newest
        missed = kept[place + 1 :]
        sizes = accumulate(len(frame.text) for frame in reversed(missed))
        most = sum(size <= MOST_BYTES // 2 for size in sizes)  # of the newest
        fit = missed[len(missed) - most :]
        known = self.since is not None and self.since in places
        then = kept[place].at if 0 <= place < len(kept) else None
        sure = (
            known and len(fit) == len(missed) and (unsure_until is None or (then is not None and then > unsure_until))
        )
        return fit, sure

    def _give(self, frame: Frame) -> None:
        if frame.id is not None:
            self.since = frame.id
            self._seen[frame.id] = None
            if len(self._seen) > MOST_WAITING:
                del self._seen[next(iter(self._seen))]
        self._waiting.append(frame)
        self._bytes += len(frame.text)
        if len(self._waiting) > MOST_WAITING or self._bytes > MOST_BYTES:
            self.end(TOO_SLOW, SLOW)
        self._arrived.set()

    def end(self, code: int | None = None, reason: str = "") -> None:
        """Have the connection closed, with a code if it is still there."""
        if not self.ended.is_set():
            self.code, self.reason = code, reason
            self._waiting.clear()
            self._held.clear()
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
        frame = self._waiting.pop(0)
        self._bytes -= len(frame.text)
        return frame


def read(text: str) -> Frame:
    """An event as it was published.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    said = json.loads(text)
    return Frame(said["id"], said["type"], datetime.fromisoformat(said["at"]), text)


def ready(*, complete: bool) -> Frame:
    """What a client is told that asks what it has missed: it has that now, and whether that was all."""
    said = {"type": "ready", "id": None, "at": clock.now().isoformat(), "data": {"complete": complete}}
    return read(json.dumps(said))
