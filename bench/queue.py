"""P5: draining tasks that do nothing, with the settings that survive crashes, against a loop written by hand."""

import os
import statistics
import subprocess
import sys
import time
from typing import Final

from redis import Redis

from bench.report import Figure
from dev.temporary import stores

NAME: Final = "bench.noop"
TASKS: Final = 6000
ROUNDS: Final = 3
PROCESSES: Final = 2
_QUEUE: Final = "bench"

# Takes a message, keeps it on a list of its own until done, and removes it: what a safe queue does at the very least.
_LOOP: Final = """
import sys
from redis import Redis
queue = Redis.from_url(sys.argv[1])
mine = f"{sys.argv[2]}:taken:{sys.argv[3]}"
while (message := queue.lmove(sys.argv[2], mine, "RIGHT", "LEFT")) is not None:
    queue.lrem(mine, 1, message)
"""


def measure() -> list[Figure]:
    """Tasks per second of two worker processes against messages per second of two hand-written loops."""
    with stores() as values:
        os.environ.update(values)
        redis = Redis.from_url(values["REDIS_URL"])
        rounds = [(_floor(redis, values), _product(redis, values)) for _ in range(ROUNDS)]
    floor, product = (statistics.median(column) for column in zip(*rounds, strict=True))
    return [
        Figure(
            id="P5",
            what=f"draining {TASKS} no-op tasks, {PROCESSES} processes, floor = LMOVE + LREM loop",
            unit="/s",
            product=product,
            floor=floor,
            ratio=product / floor,
            must=0.12,
            reach=0.16,
            better="higher",
        )
    ]


def _floor(redis: Redis, values: dict[str, str]) -> float:
    redis.lpush(_QUEUE, *(b"x" * 500 for _ in range(TASKS)))
    loops = [
        subprocess.Popen([sys.executable, "-c", _LOOP, values["REDIS_URL"], _QUEUE, str(number)])
        for number in range(PROCESSES)
    ]
    took = _drain(redis)
    for loop in loops:
        loop.wait(30)
    return TASKS / took


def _product(redis: Redis, values: dict[str, str]) -> float:
    from shared.queue import publisher  # noqa: PLC0415 - only now do the settings point at these stores

    with publisher().producer_pool.acquire(block=True) as producer:
        for number in range(TASKS):
            publisher().send_task(NAME, (str(number),), queue=_QUEUE, producer=producer, ignore_result=True)
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "bench.noop", "worker", "-Q", _QUEUE, "-c", "1"]
    flags = ["--without-gossip", "--without-mingle", "-l", "WARNING"]
    env = {**os.environ, **values, "PYTHONWARNINGS": "ignore"}
    nodes = [
        subprocess.Popen([*command, "-n", f"bench{number}@%h", *flags], env=env, stdout=subprocess.DEVNULL)
        for number in range(PROCESSES)
    ]
    try:
        return TASKS / _drain(redis)
    finally:
        for node in nodes:
            node.terminate()
        for node in nodes:
            node.wait(30)


def _drain(redis: Redis) -> float:
    """Seconds from the first message taken to the last, per TASKS."""
    while (left := redis.llen(_QUEUE)) == TASKS:
        time.sleep(0.001)
    began, first = time.perf_counter(), left
    while redis.llen(_QUEUE):
        time.sleep(0.005)
    return (time.perf_counter() - began) * TASKS / max(1, int(first))
