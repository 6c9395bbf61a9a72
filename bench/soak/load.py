"""A steady mixed load of what people do, sent at a rate whether or not earlier answers have come."""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dev.demo.cast import PASSWORD
from tests.answers import corpus
from tests.pictures import small_photo
from tests.wire import Answer, Lost, Wire

PATIENCE: Final = 30.0  # seconds that a request waits
MOST_AT_ONCE: Final = 200  # requests on their way; more are not sent, and counted as errors

# What may come of asking at random, and is no error: somebody has been liked, or left, or has nothing to read.
EXPECTED: Final = frozenset(
    {
        "already_liked",
        "already_matched",
        "match_closed",
        "not_in_match",
        "not_found",
        "photo_limit",
        "comment_duplicated",
    }
)


@dataclass(slots=True)
class Person:
    """Somebody who is signed in."""

    id: str
    email: str
    token: str
    refresh_token: str = ""
    shown: list[str] = field(default_factory=list)
    """Whom discovery showed last."""
    matches: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """What was sent within some time, how long it took and what went wrong."""

    times: list[float] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)


class Load:
    """Everybody, and the connections over which they ask."""

    def __init__(self, port: int, people: list[Person], *, seed: int) -> None:
        self.people = people
        self.random = random.Random(seed)
        self.tally = Tally()
        self.words = sorted({word for one in corpus() for word in one["answer"].split() if word.isalpha()})
        self.questions: list[str] = []
        self._port = port
        self._free: list[Wire] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._weights = [weight for _, weight in MIX]

    @property
    def under_way(self) -> int:
        """Requests that wait for an answer."""
        return len(self._under_way)

    def take_tally(self) -> Tally:
        """What has happened since this was asked last."""
        taken, self.tally = self.tally, Tally()
        return taken

    async def run(self, rate: Callable[[], float], until: float) -> None:
        """Begin so many things a second, at moments of chance, until then."""
        due = time.monotonic()
        while due < until:
            due += self.random.expovariate(rate())
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if len(self._under_way) >= MOST_AT_ONCE:
                self.tally.errors["not sent: too many wait"] += 1
                continue
            (act, _), person = self.random.choices(MIX, self._weights)[0], self.random.choice(self.people)
            task = asyncio.create_task(act(self, person))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        """Wait for the last answers, and hang up."""
        await asyncio.gather(*self._under_way, return_exceptions=True)
        for wire in self._free:
            wire.close()

    async def ask(
        self,
        person: Person,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        picture: bytes | None = None,
    ) -> Answer | None:
        """The answer, if it is a good one."""
        wire, token = self._free.pop() if self._free else Wire(self._port, timeout=PATIENCE), person.token
        name = f"{method} {'/'.join('…' if len(part) == 36 else part for part in path.partition('?')[0].split('/'))}"
        self.tally.sent[name] += 1
        try:
            answer = await wire.ask(method, path, body, token=token, picture=picture)
        except Lost as lost:
            self.tally.errors[f"{name}: {lost}"] += 1
            return None
        finally:
            self._free.append(wire)
        self.tally.times.append(answer.seconds)
        if answer.status // 100 == 2:
            return answer
        if answer.code == "token_expired":  # and as any client, ask again with a new one
            if person.token == token:
                await _refresh(self, person)
            if person.token != token:
                return await self.ask(person, method, path, body, picture=picture)
        if answer.code in EXPECTED:
            self.tally.refused[answer.code] += 1
        else:
            self.tally.errors[f"{name}: {answer.status} {answer.code}"] += 1
        return None

    def say(self, number: int) -> str:
        """Words, most likely never said before."""
        return " ".join(self.random.choices(self.words, k=number))


Act = Callable[[Load, Person], Coroutine[Any, Any, None]]


async def _discover(load: Load, person: Person) -> None:
    answer = await load.ask(person, "GET", "/v1/discovery?limit=10")
    if answer is not None:
        person.shown = [card["user"]["id"] for card in answer.json["items"]]


async def _matches(load: Load, person: Person) -> None:
    answer = await load.ask(person, "GET", "/v1/matching/matches?limit=30")
    if answer is not None:
        person.matches = [one["id"] for one in answer.json["items"]]


async def _messages(load: Load, person: Person) -> None:
    if (match_id := await _a_match(load, person)) is not None:
        await load.ask(person, "GET", f"/v1/matching/matches/{match_id}/messages?limit=30")


async def _read(load: Load, person: Person) -> None:
    if (match_id := await _a_match(load, person)) is not None:
        await load.ask(person, "POST", f"/v1/matching/matches/{match_id}/read")


async def _write(load: Load, person: Person) -> None:
    if (match_id := await _a_match(load, person)) is not None:
        body = {"text": load.say(load.random.randint(3, 30)), "client_id": str(uuid.uuid4())}
        await load.ask(person, "POST", f"/v1/matching/matches/{match_id}/messages", body)


async def _a_match(load: Load, person: Person) -> str | None:
    if not person.matches:
        await _matches(load, person)
    return load.random.choice(person.matches) if person.matches else None


async def _decide(load: Load, person: Person, path: str, **more: str) -> None:
    if not person.shown:
        await _discover(load, person)
    if person.shown:
        await load.ask(person, "POST", path, {"user_id": person.shown.pop(0), **more})


async def _like(load: Load, person: Person) -> None:
    await _decide(load, person, "/v1/matching/like", comment=load.say(9))


async def _pass(load: Load, person: Person) -> None:
    await _decide(load, person, "/v1/matching/pass")


def _get(path: str) -> Act:
    async def get(load: Load, person: Person) -> None:
        await load.ask(person, "GET", path)

    return get


async def _edit(load: Load, person: Person) -> None:
    await load.ask(person, "PATCH", "/v1/users/me", {"bio": load.say(12)})


async def _answer(load: Load, person: Person) -> None:
    """Write one's first answer anew: it is embedded, and badges and queue are made anew."""
    answer = await load.ask(person, "GET", "/v1/profile/prompts")
    if answer is not None and answer.json["items"]:
        body = {"answer": load.say(10)}
        await load.ask(person, "PUT", f"/v1/profile/prompts/{answer.json['items'][0]['id']}", body)


async def _upload(load: Load, person: Person) -> None:
    """Another photo in the place of the last, once there are four."""
    answer = await load.ask(person, "GET", "/v1/profile/photos")
    if answer is None:
        return
    photos = answer.json["items"]
    if len(photos) > 3:
        await load.ask(person, "DELETE", f"/v1/profile/photos/{photos[-1]['id']}")
    picture = await asyncio.to_thread(small_photo, seed=load.random.getrandbits(32))
    await load.ask(person, "POST", "/v1/profile/photos", picture=picture)


async def _log_in(load: Load, person: Person) -> None:
    answer = await load.ask(person, "POST", "/v1/auth/login", {"username": person.email, "password": PASSWORD})
    if answer is not None:
        person.token, person.refresh_token = answer.json["access_token"], answer.json["refresh_token"]


async def _refresh(load: Load, person: Person) -> None:
    token, person.refresh_token = person.refresh_token, ""  # whoever trades it at the same time logs in instead
    if not token:
        await _log_in(load, person)
        return
    answer = await load.ask(person, "POST", "/v1/auth/refresh", {"refresh_token": token})
    if answer is not None:
        person.token, person.refresh_token = answer.json["access_token"], answer.json["refresh_token"]


# What is done, and how many of a thousand.
MIX: Final[tuple[tuple[Act, float], ...]] = (
    (_discover, 190),
    (_messages, 190),
    (_matches, 140),
    (_write, 130),
    (_get("/v1/users/me"), 110),
    (_get("/v1/profile/photos"), 50),
    (_get("/v1/matching/likes?limit=20"), 50),
    (_get("/v1/notifications?limit=20"), 40),
    (_like, 20),
    (_pass, 20),
    (_read, 30),
    (_edit, 10),
    (_refresh, 10),
    (_answer, 5),
    (_upload, 3),
    (_log_in, 2),
)
