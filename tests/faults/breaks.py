"""What breaks, as a table, and the schedule by which it does. Each function breaks something, and mends it."""

import asyncio
import itertools
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil
import psycopg

from dev import parts
from dev.supervisor import wait_for
from tests.faults.system import System, second_beat
from tests.faults.trouble import Trouble

NOTHING: frozenset[str] = frozenset()
AWAY = frozenset({"503", "upload 503"})
GONE = AWAY | {"no answer"}


@dataclass(frozen=True)
class Break:
    """A way to break something. Two of one `part` never happen at once.

    `explains` names the errors that people may get meanwhile: most of what breaks must make none at all.
    `loses_results`: it can keep a worker from noting what it has done, so that it is done again.
    """

    name: str
    part: str
    explains: frozenset[str]
    do: Callable[[System, random.Random], Awaitable[None]]
    loses_results: bool = False


async def _kill_worker(system: System, chance: random.Random) -> None:
    await _kill(system, chance.choice(system.stack.workers()))


async def _kill_workers(system: System, _chance: random.Random) -> None:
    for name in system.stack.workers():
        await _kill(system, name)


async def _kill_child(system: System, chance: random.Random) -> None:
    pid = system.stack.pids()[chance.choice(system.stack.workers())]
    children = psutil.Process(pid).children(recursive=True)
    if children:
        chance.choice(children).kill()


async def _freeze_worker(system: System, chance: random.Random) -> None:
    """For longer than any lease but that of a mail: when it goes on, others have had its work.

    In the middle of a transaction it holds locks, until Postgres ends that. Who waits for one is told to come later.
    """
    pid = system.stack.pids()[chance.choice(system.stack.workers())]
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGSTOP)
        await asyncio.sleep(chance.uniform(7, 12))
        os.killpg(pid, signal.SIGCONT)


async def _stop_workers(system: System, _chance: random.Random) -> None:
    """As a deployment does."""
    for name in system.stack.workers():
        await _kill(system, name, signal.SIGTERM)


async def _stop_api(system: System, _chance: random.Random) -> None:
    await _kill(system, "api", signal.SIGTERM)
    await asyncio.sleep(1)
    await system.until_api_answers()


async def _kill_api(system: System, _chance: random.Random) -> None:
    await _kill(system, "api")
    await asyncio.sleep(0.3)
    await system.until_api_answers()


async def _kill_beat(system: System, _chance: random.Random) -> None:
    await _kill(system, "beat")


async def _two_beats(system: System, _chance: random.Random) -> None:
    other = second_beat(system.stack)
    await asyncio.sleep(12)
    other.kill()
    await asyncio.to_thread(other.communicate)


async def _kill_redis(system: System, _chance: random.Random) -> None:
    system.kill_store("redis", signal.SIGKILL)
    await asyncio.sleep(1)


async def _stop_redis(system: System, chance: random.Random) -> None:
    system.kill_store("redis", signal.SIGSTOP)
    await asyncio.sleep(chance.uniform(3, 8))
    system.kill_store("redis", signal.SIGCONT)


async def _flush_redis(system: System, _chance: random.Random) -> None:
    await asyncio.to_thread(system.flush)


async def _slow_redis(system: System, _chance: random.Random) -> None:
    system.redis.delay = (0.05, 0.3)
    await asyncio.sleep(5)
    system.redis.delay = (0, 0)


async def _half_open_redis(system: System, chance: random.Random) -> None:
    system.redis.stall()
    await asyncio.sleep(chance.uniform(4, 8))
    system.redis.cut()
    system.redis.move()


async def _fill_redis(system: System, chance: random.Random) -> None:
    await asyncio.to_thread(system.limit_redis, 1)
    await asyncio.sleep(chance.uniform(3, 6))
    await asyncio.to_thread(system.limit_redis, 0)


async def _crash_postgres(system: System, _chance: random.Random) -> None:
    system.kill_store("postgres", signal.SIGQUIT)  # immediate: as if the machine lost power
    await asyncio.sleep(0.3)
    assert await wait_for(lambda: asyncio.to_thread(parts.ensure_database, system.database_url), timeout=60)
    await system.until_api_answers()


async def _terminate(system: System, _chance: random.Random) -> None:
    """End whoever is in the middle of a transaction, again and again for two seconds."""
    query = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE application_name = 'delete' AND state IN ('active', 'idle in transaction')"""

    def end_them() -> None:
        with psycopg.connect(system.database_url, autocommit=True) as connection:
            until = time.monotonic() + 2
            while time.monotonic() < until:
                connection.execute(query)
                time.sleep(0.01)

    await asyncio.to_thread(end_them)


async def _cut_postgres(system: System, _chance: random.Random) -> None:
    for _ in range(5):
        system.database.cut()
        await asyncio.sleep(0.3)


async def _lose_answers(system: System, _chance: random.Random) -> None:
    system.database.lose = 0.04
    await asyncio.sleep(3)
    system.database.lose = 0


async def _slow_postgres(system: System, _chance: random.Random) -> None:
    system.database.delay = (0.02, 0.15)
    await asyncio.sleep(5)
    system.database.delay = (0, 0)


async def _half_open_postgres(system: System, chance: random.Random) -> None:
    system.database.stall()
    await asyncio.sleep(chance.uniform(3, 6))
    system.database.cut()
    system.database.move()


async def _fill_disk(system: System, chance: random.Random) -> None:
    await asyncio.to_thread(system.disk.fill, system.stack)
    await asyncio.sleep(chance.uniform(4, 7))
    await asyncio.to_thread(system.disk.free, system.stack)


async def _no_mail(system: System, chance: random.Random) -> None:
    await asyncio.to_thread(system.close_mail)
    await asyncio.sleep(chance.uniform(4, 10))
    await asyncio.to_thread(system.open_mail)


async def _kill(system: System, name: str, how: signal.Signals = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError):  # it is just being started again
        await asyncio.to_thread(system.stack.kill, name, how)


BREAKS = (
    Break("a worker killed", "workers", NOTHING, _kill_worker, loses_results=True),
    Break("every worker killed", "workers", NOTHING, _kill_workers, loses_results=True),
    Break("a worker's child killed", "workers", NOTHING, _kill_child, loses_results=True),
    Break("workers stopped", "workers", NOTHING, _stop_workers, loses_results=True),
    Break("a worker frozen", "workers", AWAY, _freeze_worker, loses_results=True),
    Break("the API killed", "api", GONE, _kill_api),
    Break("the API stopped", "api", GONE, _stop_api),
    Break("beat killed", "beat", NOTHING, _kill_beat),
    Break("two beats at once", "beat", NOTHING, _two_beats),
    Break("Redis killed", "redis", NOTHING, _kill_redis),
    Break("Redis stopped", "redis", NOTHING, _stop_redis),
    Break("Redis flushed", "redis", NOTHING, _flush_redis),
    Break("Redis slow", "redis", NOTHING, _slow_redis),
    Break("Redis half-open", "redis", NOTHING, _half_open_redis),
    Break("Redis full", "redis", NOTHING, _fill_redis),
    Break("Postgres crashed", "postgres", AWAY, _crash_postgres, loses_results=True),
    Break("transactions ended by Postgres", "postgres", AWAY, _terminate, loses_results=True),
    Break("connections to Postgres cut", "postgres", AWAY, _cut_postgres, loses_results=True),
    Break("answers of Postgres lost", "postgres", AWAY, _lose_answers, loses_results=True),
    Break("Postgres slow", "postgres", AWAY, _slow_postgres, loses_results=True),
    Break("Postgres half-open", "postgres", AWAY, _half_open_postgres, loses_results=True),
    Break("disk full", "disk", frozenset({"upload 503"}), _fill_disk),
    Break("mail server away", "mail", NOTHING, _no_mail),
)
LOSES_RESULTS = frozenset(one.name for one in BREAKS if one.loses_results)


async def go_wrong(
    system: System,
    trouble: Trouble,
    *,
    breaks: tuple[Break, ...],
    seconds: float,
    every: float,
    seed: int,
    say: Callable[[str], None],
) -> None:
    """Break something every so often, everything equally often, in an order of chance."""
    chance, began = random.Random(seed), time.monotonic()
    held: dict[str, asyncio.Lock] = {one.part: asyncio.Lock() for one in breaks}
    bag = itertools.chain.from_iterable(chance.sample(breaks, len(breaks)) for _ in itertools.count())

    async def happen(one: Break) -> None:
        async with held[one.part]:
            say(f"{time.monotonic() - began:5.1f} s  {one.name}")
            with trouble.now(one.name, one.explains):
                await one.do(system, chance)

    async with asyncio.TaskGroup() as group:
        await asyncio.sleep(every / 2)
        while time.monotonic() - began < seconds:
            group.create_task(happen(next(bag)))
            await asyncio.sleep(every)
