"""People who use a system that breaks, and remember what it told them."""

import asyncio
import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.journal import Journal
from tests.faults.trouble import Trouble
from tests.wire import Answer, Lost, Wire

PATIENCE = 20.0  # seconds that a person waits for an answer
AGAIN = 0.7  # seconds until somebody who got none asks again
OUTAGE = 90.0  # seconds for which they do: no fault lasts so long


@dataclass
class Town:
    """Everybody, where they ask, what breaks, and what went wrong."""

    port: int
    random: random.Random
    journal: Journal = field(default_factory=Journal)
    trouble: Trouble = field(default_factory=Trouble)
    people: list["Person"] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    mailed: dict[str, list[str]] = field(default_factory=dict)
    """Tokens of the mails that somebody got, by address."""
    matches: dict[str, set[str]] = field(default_factory=dict)
    """Whom each match is between, as they were told."""
    gone: dict[str, float] = field(default_factory=dict)
    """Who has deleted their account, by id, and when they were promised that nobody sees them any more."""
    broken: list[str] = field(default_factory=list)

    def note_broken(self, what: str) -> None:
        self.broken.append(what)

    def here(self, but: "Person | None" = None) -> list["Person"]:
        """Those who have joined and not left."""
        return [person for person in self.people if person.id and not person.has_left and person is not but]

    def left(self) -> list["Person"]:
        """Those who have deleted their account."""
        return [person for person in self.people if person.has_left]


class Person:
    """Somebody with an account, a login and some memory."""

    def __init__(self, town: Town, number: int) -> None:
        self.town, self.number = town, number
        self.random = random.Random(f"{town.random.random()}/{number}")
        self.wire = Wire(town.port, timeout=PATIENCE)
        self.email = f"{number}.{uuid.UUID(int=town.random.getrandbits(128)).hex[:8]}@example.com"
        self.id = self.token = self.refresh_token = ""
        self.used_tokens: list[str] = []
        """Refresh tokens of this login that were traded for others."""
        self.matches: dict[str, str] = {}
        """Id of a match to that of the other."""
        self.avoided: set[str] = set()
        """Whom they must not be shown any more."""
        self.passed = ""
        """Whom they have passed last."""
        self.ended_tokens: list[str] = []
        """Access tokens of logins that they have ended."""
        self.is_proven = self.has_left = False
        self.unsure = False
        """Whether an earlier try of what was asked last may have been done."""

    @property
    def is_late(self) -> bool:
        """Whether they join when everything breaks already."""
        return self.number % 3 == 0

    def __str__(self) -> str:
        return self.email

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        picture: bytes | None = None,
        key: str = "",
        may: Sequence[str] = (),
        wire: Wire | None = None,
    ) -> Answer | None:
        """The answer, good or a refusal that `may` come; None when there is none, or only that it is not possible now.

        Whatever else comes is noted as broken, and so is an error that no fault explains.
        """
        began, town = time.monotonic(), self.town
        what = f"{method} {path.partition('?')[0]} of {self}"
        try:
            answer = await (wire or self.wire).ask(method, path, body, token=self.token, picture=picture, key=key)
        except Lost as lost:
            town.answers["none"] += 1
            if not town.trouble.explains("no answer", began):
                town.note_broken(f"{what}: no answer, and nothing was broken ({lost})")
            return None
        town.answers[str(answer.status)] += 1
        if answer.status // 100 == 2:
            kind = _kind(method, path)
            town.slowest[kind] = max(town.slowest[kind], answer.seconds)
            return answer
        if answer.code in may:
            return answer
        if answer.status == 503 and answer.code == "service_unavailable":
            if not town.trouble.explains("upload 503" if picture else "503", began):
                town.note_broken(f"{what}: 503, and nothing was broken")
            return None
        town.note_broken(f"{what}: {answer.status} {answer.content[:300].decode(errors='replace')}")
        return None

    async def insist(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        picture: bytes | None = None,
        key: str = "",
        may: Sequence[str] = (),
    ) -> Answer | None:
        """Ask until there is an answer."""
        until = time.monotonic() + OUTAGE
        self.unsure = False
        while (answer := await self.ask(method, path, body, picture=picture, key=key, may=may)) is None:
            if time.monotonic() > until:
                break
            self.unsure = True
            await asyncio.sleep(AGAIN)
        return answer

    def match(self, match_id: str, user_id: str) -> None:
        """Remember a match with somebody."""
        self.matches[match_id] = user_id
        self.town.matches[match_id] = {self.id, user_id}

    def sign_in(self, tokens: Mapping[str, Any]) -> None:
        """Go on with these tokens."""
        self.token, self.refresh_token = tokens["access_token"], tokens["refresh_token"]


def _kind(method: str, path: str) -> str:
    parts = path.partition("?")[0].split("/")
    return f"{method} {'/'.join('{}' if len(part) == 36 else part for part in parts)}"
