"""P12 to P16: everybody's queue, made by two workers, against the machine's own speed and against SQL."""

import random
import statistics
import sys
import uuid
from functools import partial
from typing import Final

import numpy as np
import psycopg

from bench import stages
from bench.everybody import Everybody, everybody
from bench.report import Figure
from bench.workers import WORKERS

PEOPLE: Final = 100_000
FEW: Final = 10_000
ROUNDS: Final = 5
GROWN: Final = 3  # rounds of both sizes
STORED: Final = 3  # rounds of storing
ASKED: Final = 300
COMPARED: Final = 200
_VACUUM: Final = ("VACUUM (ANALYZE) plain_queues", "VACUUM (ANALYZE) discovery_queues", "CHECKPOINT")


def measure() -> list[Figure]:
    """Ranking is timed on arrays that are loaded; what comes before and after is told on the terminal.

    Of exact SQL only the statement is timed, not that a viewer's own row is made anew before it. Workers are processes
    with one thread each, and the floors have just as many.
    """
    with everybody(FEW) as few, everybody(PEOPLE) as many:
        load, growth, of_reading, of_ranking = _growth(few, many)
        rank, speed, ratio, pairs = _ranking(many)
        asked = _asked(many)
        agreed = _agreed(many)
        store, plain = _storing(many)
        _tell(many, load=load, rank=rank, store=store, pairs=pairs)
    each = (load + rank) / PEOPLE
    return [
        Figure(
            id="P12",
            what=f"ranking {PEOPLE} people, best 100 each, {WORKERS} workers: floor = sgemm of {pairs:,.0f} pairs each",
            unit="people/s",
            product=PEOPLE / rank,
            floor=speed / (2 * stages.INNER * pairs),
            ratio=ratio,
            must=0.25,
            reach=0.40,
            better="higher",
        ),
        Figure(
            id="P13",
            what=f"a person's queue, with reading: floor = exact SQL, its statement alone, {WORKERS} connections",
            unit="ms",
            product=each * 1e3,
            floor=asked * 1e3,
            ratio=asked / each,
            must=30,
            reach=60,
            better="higher",
        ),
        Figure(
            id="P14",
            what=f"places that are the same as exact SQL's, {COMPARED} people",
            unit="",
            product=agreed,
            must=1,
            reach=1,
            better="higher",
        ),
        Figure(
            id="P15",
            what=f"reading and ranking everybody, {PEOPLE} people against {FEW}"
            f" (reading alone: {of_reading:.1f}x, ranking: {of_ranking:.1f}x)",
            unit="x",
            product=growth,
            must=15,
            reach=10,
            better="lower",
        ),
        Figure(
            id="P16",
            what=f"storing the queues of {PEOPLE} people: floor = DELETE + COPY of a row for each place",
            unit="s",
            product=store,
            floor=plain,
            ratio=store / plain,
            must=0.10,
            reach=0.05,
            better="lower",
        ),
    ]


def _growth(few: Everybody, many: Everybody) -> tuple[float, float, float, float]:
    """(seconds of reading many, growth from few to many, that of reading, that of ranking): medians of rounds."""
    rounds = []
    for _ in range(GROWN + 1):  # in the first all is compiled, and caches are filled
        (few_load, few_rank), (load, rank) = ((stack.load(), stack.rank()[0]) for stack in (few, many))
        rounds.append((load, (load + rank) / (few_load + few_rank), load / few_load, rank / few_rank))
    load, growth, of_reading, of_ranking = (statistics.median(column) for column in zip(*rounds[1:], strict=True))
    return load, growth, of_reading, of_ranking


def _ranking(stack: Everybody) -> tuple[float, float, float, float]:
    """(seconds, floating-point operations a second of sgemm, share of them, pairs each).

    Medians of rounds of which each has its own floor, before and after it: the machine is not always as fast.
    """
    rounds = []
    before = _speed(stack)
    for _ in range(ROUNDS):
        took, pairs = stack.rank()
        after = _speed(stack)
        speed = (before + after) / 2
        rounds.append((took, speed, 2 * stages.INNER * pairs / took / speed, pairs / stack.people))
        before = after
    took, speed, ratio, each = (statistics.median(column) for column in zip(*rounds, strict=True))
    return took, speed, ratio, each


def _speed(stack: Everybody) -> float:
    return sum(stack.workers.each(stages.multiply, [None] * WORKERS)[1])


def _asked(stack: Everybody) -> float:
    """Seconds per person of exact SQL, with a connection for each worker."""
    with psycopg.connect(stack.url) as connection:
        ids: list[uuid.UUID] = [row[0] for row in connection.execute("SELECT user_id FROM candidates ORDER BY user_id")]
    chosen = random.Random(3).sample(ids, ASKED + 20 * WORKERS)
    warm, chosen = chosen[ASKED:], chosen[:ASKED]
    ask = partial(stages.ask, now=stack.now)
    stack.workers.each(ask, [warm[number::WORKERS] for number in range(WORKERS)])
    took = stack.workers.each(ask, [chosen[number::WORKERS] for number in range(WORKERS)])[1]
    return statistics.mean(took) / ASKED


def _agreed(stack: Everybody) -> float:
    """The mean share of places that are the same."""
    with psycopg.connect(stack.url) as connection:
        rows = connection.execute("SELECT user_id, region FROM candidates ORDER BY user_id").fetchall()
    sample = random.Random(4).sample(rows, COMPARED)
    wanted = [
        {region: [user_id for user_id, theirs in sample if theirs == region] for region in share}
        for share in stack.shares
    ]
    _, shares = stack.workers.each(partial(stages.agreement, now=stack.now), wanted)
    return float(np.mean(np.concatenate(shares)))


def _storing(stack: Everybody) -> tuple[float, float]:
    """(product, floor) in seconds, both having stored before."""
    with psycopg.connect(stack.url, autocommit=True) as connection:
        connection.execute(stages.PLAIN)
        rounds = []
        for _ in range(STORED + 1):
            for tidy in _VACUUM:
                connection.execute(tidy)
            took = stack.store()
            connection.execute("CHECKPOINT")
            rounds.append((took, stack.workers.each(stages.store_all_plainly, stack.shares)[0]))
    product, floor = (statistics.median(column) for column in zip(*rounds[1:], strict=True))
    return product, floor


def _tell(stack: Everybody, *, load: float, rank: float, store: float, pairs: float) -> None:
    took = {"making what is known": stack.prepared, "reading": load, "ranking": rank, "storing": store}
    lines = [f"  {name}: {seconds:.1f} s, {seconds / stack.people * 1e6:.0f} us each" for name, seconds in took.items()]
    whole = sum(took.values())
    print(
        f"The whole night of {stack.people} people in {len(stack.regions)} regions, {pairs:,.0f} pairs each:",
        *lines,
        f"  from end to end: {whole:.1f} s, {stack.people / whole:,.0f} people/s",
        sep="\n",
        file=sys.stderr,
        flush=True,
    )
