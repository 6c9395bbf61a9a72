"""A night's run in real processes: killed in its middle it is completed, and nothing of it is done twice at once."""

import re
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench import population
from tests.stack import Stack

PEOPLE = 600
LEASES = "SELECT key, attempts, lease_until, now() FROM work WHERE kind = 'discovery.rank_region'"
PROJECT = "import os; from bench import population; population.project(os.environ['DATABASE_URL'])"
START = """
from shared import clock
from shared.database import database
from shared.discovery import nights
print(database().call(nights.start, now=clock.now()))
"""
FINISH = START.replace("nights.start", "nights.finish")


def python(stack: Stack, code: str) -> str:
    done = stack.run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.xdist_group("stack")
def test_a_night_whose_workers_are_killed_is_completed(folder: Path) -> None:
    stack = Stack(folder, {"LEASE_SCALE": "0.075", "DISCOVERY_QUEUE": "40"})
    stack.start()
    try:
        population.populate(stack.addresses()["DATABASE_URL"], PEOPLE)
        python(stack, PROJECT)
        with psycopg.connect(stack.addresses()["DATABASE_URL"]) as holding:
            holding.execute("LOCK TABLE discovery_queues IN EXCLUSIVE MODE")  # no region is done before the kill
            regions = int(python(stack, START))
            assert regions > 3
            Stack.wait_for(lambda: any(lease for _, _, lease, _ in stack.rows(LEASES)), seconds=60)
            killed = {key for key, _, lease, _ in stack.rows(LEASES) if lease}
            assert killed
            for name in stack.workers():
                stack.kill(name)
        assert python(stack, START) == "None", "there is one night in a day"
        leases: dict[str, tuple[int, datetime]] = {}
        deadline = time.monotonic() + 240
        while rows := stack.rows(LEASES):
            assert time.monotonic() < deadline, stack.log()[-4000:]
            for key, attempts, lease, now in rows:
                watch(leases, key, attempts, lease, now)
            time.sleep(0.1)
        Stack.wait_for(lambda: len(ranked(stack)) >= regions, seconds=10)  # the log is a little behind
        keys = ranked(stack)
        assert len(keys) == len(set(keys)) == regions
        assert killed <= set(keys)
        assert stack.rows("SELECT count(*) FROM discovery_queues") == [(PEOPLE,)]
        assert stack.rows("SELECT count(*) FROM discovery_queues WHERE cardinality(ids) > 0")[0][0] > PEOPLE / 2
        python(stack, FINISH)
        (night,) = stack.rows("SELECT finished_at, people, shown, gini, shown_to_nobody FROM discovery_runs")
        assert night[0] is not None
        assert night[1:3] == (PEOPLE, PEOPLE)
        assert 0 < night[3] < 1
    finally:
        stack.stop()


def ranked(stack: Stack) -> list[str]:
    """The regions that the log says are done."""
    done = [re.search(r"key=(\d+)", line) for line in list(stack.lines) if "done" in line and "rank_region" in line]
    return [found[1] for found in done if found]


def watch(leases: dict[str, tuple[int, datetime]], key: str, attempts: int, lease: Any, now: datetime) -> None:
    """Nobody takes a region again before the lease of whoever has it is over."""
    before = leases.get(key)
    if before is not None and attempts > before[0]:
        assert before[1] <= now
    if lease is not None:
        leases[key] = (attempts, lease)
