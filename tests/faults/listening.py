"""Somebody's WebSocket: it comes back after every break, asks what it has missed, and remembers what it was told."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.faults.people import Person

PAUSE = 1.0  # seconds until a client connects again


class Ear:
    """One person's open connection."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.last: str | None = None
        self.told: Counter[str] = Counter()
        self.messages: dict[str, dict[str, Any]] = {}
        """Those that events told of, by id, and `match_id` beside them."""

    async def listen(self) -> None:
        """Connect, and connect again, until cancelled or gone."""
        url = f"ws://127.0.0.1:{self.person.town.port}/v1/ws"
        while not self.person.has_left:
            with suppress(OSError, WebSocketException, TimeoutError):
                async with connect(url, compression=None, open_timeout=10) as socket:
                    said = {"type": "auth", "token": self.person.token, "since": self.last}
                    await socket.send(json.dumps(said))
                    self.told["connections"] += 1
                    seen: set[str] = set()
                    async for text in socket:
                        self._hear(json.loads(text), seen)
            await asyncio.sleep(PAUSE)

    def _hear(self, frame: dict[str, Any], seen: set[str]) -> None:
        self.told[frame["type"]] += 1
        if frame["type"] == "ready":
            self.told["ready, complete"] += frame["data"]["complete"]
            return
        if frame["id"] in seen:
            self.person.town.note_broken(f"{self.person} was told of event {frame['id']} twice on one connection")
        seen.add(frame["id"])
        self.last = frame["id"]
        if frame["type"] == "message.created":
            message = frame["data"]["message"]
            self.messages[message["id"]] = {**message, "match_id": frame["data"]["match_id"]}
