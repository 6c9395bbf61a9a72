"""One soak: start a system, find what it can take, hold half of it, and look at everything every ten seconds."""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil
import psycopg
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from bench import serving
from bench.soak.load import Load, Person, Tally
from bench.soak.sampling import Sample, Sampler
from tests.stack import Stack

PEOPLE: Final = 300
SOCKETS: Final = 200
EVERY: Final = 10.0  # seconds between two looks
WARM_UP: Final = 10.0
"""Minutes whose memory does not count, of a long soak; of a short one a third. In ten, everything of the timetable has
been done once: who ranks a region for the first time loads a compiler for it, and keeps it."""

# Finding out what it can take
FIRST_RATE: Final = 20.0
STEP: Final = 8.0  # seconds at one rate
FASTER: Final = 1.4
LONGEST_RAMP: Final = 120.0
SLOWEST: Final = 0.75  # seconds: a p99 beyond is too much
MOST_WAITING: Final = 150  # rows of the ledger, or requests on their way

ENVIRONMENT: Final = {
    **{f"RATE_LIMIT_{name}": "1000000/minute" for name in ("LOGIN", "LOGIN_ADDRESS", "REFRESH", "DEFAULT")},
    "BCRYPT_ROUNDS": "12",
    "LIKES_PER_DAY": "1000",
    "LIKES_PER_MINUTE": "1000",
    "REFUSALS_UNTIL_PAUSE": "100",
    "DEMO_PEOPLE": str(PEOPLE),
    "LOG_LEVEL": "WARNING",
}


@dataclass
class Minute:
    """What was sent in a minute, and what came of it."""

    second: float
    requests: int
    errors: dict[str, int]
    refused: dict[str, int]
    p50_ms: float
    p99_ms: float
    generator_percent: float
    """Of one processor, that sending took."""


@dataclass
class Soak:
    """Everything that was seen."""

    minutes: float
    capacity: float
    """Things a second that were the most that the machine could take, of those tried."""
    rate: float
    """That was held; one thing may be several requests."""
    warm_up: float = 0.0
    """Minutes that do not count."""
    by_minute: list[Minute] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    events: int = 0
    sockets_opened: int = 0
    sockets_lost: int = 0


def soak(minutes: float, say: Callable[[str], None]) -> Soak:
    """Run one."""
    with _stack(say) as stack:
        return asyncio.run(_soak(stack, minutes, say))


@contextmanager
def _stack(say: Callable[[str], None]) -> Iterator[Stack]:
    with ExitStack() as closing:
        folder = Path(closing.enter_context(TemporaryDirectory(prefix="delete-soak-", ignore_cleanup_errors=True)))
        folder.chmod(0o755)
        stack = Stack(folder / "dev", ENVIRONMENT)
        say(f"Starting a system of its own, with {PEOPLE} people and their photos; that takes some minutes")
        stack.start()
        closing.callback(stack.stop)
        stack.wait_for(lambda: stack.said(rf"^demo .*{PEOPLE} people are here"), seconds=1200, every=1)
        _wait_for_rest(stack)
        yield stack


def _wait_for_rest(stack: Stack) -> None:
    stack.wait_for(lambda: not stack.rows("SELECT 1 FROM work WHERE due_at IS NOT NULL"), seconds=300, every=1)


async def _soak(stack: Stack, minutes: float, say: Callable[[str], None]) -> Soak:
    load = Load(stack.api_port, _sign_in(stack), seed=1)
    sampler = Sampler(stack)
    seen = Soak(minutes, capacity=0, rate=0)
    sockets = [asyncio.create_task(_listen(stack, person, seen)) for person in load.people[:SOCKETS]]
    try:
        while seen.sockets_opened < SOCKETS:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.2)
        seen.capacity = await _find_capacity(load, sampler, say)
        seen.rate = seen.capacity / 2
        say(f"The machine takes {seen.capacity:.0f} things a second; holding {seen.rate:.0f} for {minutes:g} minutes")
        await asyncio.to_thread(_wait_for_rest, stack)
        load.take_tally()
        await _hold(load, Sampler(stack), seen, say)
    finally:
        await load.close()
        for socket in sockets:
            socket.cancel()
        await asyncio.gather(*sockets, return_exceptions=True)
        sampler.close()
    return seen


def _sign_in(stack: Stack) -> list[Person]:
    with psycopg.connect(stack.addresses()["DATABASE_URL"], autocommit=True) as connection:
        emails: dict[object, str] = dict(connection.execute("SELECT id, email FROM users").fetchall())
        signed_in = serving.sign_in(connection, "SELECT id FROM users", hours=24)
    return [Person(str(user_id), emails[user_id], token) for user_id, token in signed_in]


async def _listen(stack: Stack, person: Person, seen: Soak) -> None:
    """A WebSocket that reads, and comes back when it is lost."""
    url = f"ws://127.0.0.1:{stack.api_port}/v1/ws"
    while True:
        with suppress(OSError, WebSocketException, TimeoutError):
            async with connect(url, compression=None, open_timeout=60) as socket:
                await socket.send(json.dumps({"type": "auth", "token": person.token}))
                seen.sockets_opened += 1
                async for _ in socket:
                    seen.events += 1
        seen.sockets_lost += 1
        await asyncio.sleep(1)


async def _find_capacity(load: Load, sampler: Sampler, say: Callable[[str], None]) -> float:
    """The last rate before the one that is too much."""
    rate, began, was_too_much = FIRST_RATE, time.monotonic(), False
    running = asyncio.create_task(load.run(lambda: rate, began + LONGEST_RAMP))
    await asyncio.sleep(STEP)  # everything for the first time
    try:
        while time.monotonic() - began < LONGEST_RAMP:
            load.take_tally()
            await asyncio.sleep(STEP)
            tally, waiting = load.take_tally(), sum((await asyncio.to_thread(sampler.look)).ledger.values())
            slow = _quantile(tally, 99)
            problem = _problem(tally, slow, waiting, load.under_way)
            say(f"  {rate:5.0f} a second: p99 {slow * 1000:.0f} ms, {waiting} rows of work wait{problem}")
            if problem and was_too_much:  # once may be chance
                break
            was_too_much = bool(problem)
            rate *= 1 if problem else FASTER
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return rate / FASTER


def _problem(tally: Tally, slow: float, waiting: int, under_way: int) -> str:
    if tally.errors:
        return f"; errors: {dict(tally.errors.most_common(3))}"
    if slow > SLOWEST:
        return "; too slow"
    return "; too much waits" if max(waiting, under_way) > MOST_WAITING else ""


async def _hold(load: Load, sampler: Sampler, seen: Soak, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    until = began + seen.minutes * 60
    seen.warm_up = min(WARM_UP, seen.minutes / 3)
    running = asyncio.create_task(load.run(lambda: seen.rate, until))
    generator, minute_ends = psutil.Process(), began + 60
    generator.cpu_percent()
    while time.monotonic() < until:
        await asyncio.sleep(min(EVERY, max(0.1, until - time.monotonic())))
        seen.samples.append(await asyncio.to_thread(sampler.look))
        if time.monotonic() >= min(minute_ends, until):
            minute_ends += 60
            seen.by_minute.append(_minute(load.take_tally(), seen, generator.cpu_percent(), time.monotonic() - began))
            say(_progress(seen))
    await running
    sampler.close()


def _minute(tally: Tally, seen: Soak, generator: float, second: float) -> Minute:
    for name, number in tally.sent.items():
        seen.sent[name] = seen.sent.get(name, 0) + number
    return Minute(
        second=round(second, 1),
        requests=len(tally.times),
        errors=dict(tally.errors),
        refused=dict(tally.refused),
        p50_ms=_quantile(tally, 50) * 1000,
        p99_ms=_quantile(tally, 99) * 1000,
        generator_percent=generator,
    )


def _progress(seen: Soak) -> str:
    minute, sample = seen.by_minute[-1], seen.samples[-1]
    memory = sum(role.get("mb", 0) for role in sample.roles.values())
    return (
        f"  minute {minute.second / 60:4.1f}: {minute.requests} answers, {sum(minute.errors.values())} errors, "
        f"p50 {minute.p50_ms:.0f} ms, p99 {minute.p99_ms:.0f} ms; {sum(sample.ledger.values())} rows of work wait, "
        f"the oldest {sample.oldest_seconds:.1f} s; {memory:.0f} MB in all; processors {sample.busy_percent:.0f} % "
        f"busy, of one by sending {minute.generator_percent:.0f} %"
    )


def _quantile(tally: Tally, percent: int) -> float:
    return statistics.quantiles(tally.times, n=100)[percent - 1] if len(tally.times) > 1 else 0.0
