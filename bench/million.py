"""`python -m bench.million [people]`: a whole night for a million people, with its time and memory.

Not part of `make bench`: it takes half an hour or so, and 20 GB of /tmp. It makes stores of its own, and removes them.
Two workers take the regions, the largest first: all are prepared, then each is read, ranked and stored.
"""

import sys
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Final, Self

import psutil
import psycopg

from bench import population, stages
from bench.everybody import DECISIONS_EACH, sizes
from bench.workers import Workers
from dev.temporary import stores

PEOPLE: Final = 1_000_000
_OFTEN: Final = 0.2  # seconds between two looks at the memory


class Memory:
    """The most memory that processes have had at one time: Python's workers, and the backends of Postgres.

    It is resident memory; of backends only what is not shared with others, which all have in common besides.
    """

    def __init__(self, workers: list[int], url: str) -> None:
        with psycopg.connect(url) as connection:
            self._postgres = psutil.Process(connection.info.backend_pid).parent()
        self._workers = [psutil.Process(pid) for pid in workers]
        self.most: dict[str, float] = defaultdict(float)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_OFTEN):
            workers = [process.memory_info().rss for process in self._workers]
            backends = [_own(child) for child in self._postgres.children()] if self._postgres else []
            now = {"one worker": max(workers), "workers": sum(workers), "Postgres": sum(backends)}
            now["all"] = now["workers"] + now["Postgres"]
            for name, size in now.items():
                self.most[name] = max(self.most[name], size)


def _own(process: psutil.Process) -> int:
    try:
        memory = process.memory_info()
    except psutil.NoSuchProcess:  # it has gone meanwhile
        return 0
    return int(memory.rss - memory.shared)


def main(people: int) -> None:
    """Make them, and run a night."""
    with stores() as values, Workers(values) as workers:
        url = values["DATABASE_URL"]
        population.populate(url, people)
        made = {"deciding": _took(partial(population.decide, url, people * DECISIONS_EACH))}
        made["projecting everybody for the first time"] = workers.first(population.project, url)
        _print("Made for it, and not part of the night", made)
        now = datetime.now(UTC)
        with Memory(workers.pids, url) as memory:
            far = _took(partial(workers.first, stages.offer_far))
            regions = sizes(url)
            prepared = workers.share(stages.prepare, regions, what="Preparing")
            ranked = workers.share(partial(stages.night, now=now), regions, what="Ranking")
            processor = workers.each(stages.spent, [None, None])[1]
        night = {"offering far": far, "making what is known": prepared, "reading, ranking, storing": ranked}
        _print(f"The night of {people:,} people in {len(regions)} regions", night)
        print(f"  from end to end: {sum(night.values()):,.0f} s, {people / sum(night.values()):,.0f} people/s")
        stage = {name: sum(one[name] for one in processor) for name in processor[0]}
        _print("Of both workers together, which wait for Postgres too", stage)
        print("At most at one time:", ", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in memory.most.items()))
        _stored(url, people)


def _stored(url: str, people: int) -> None:
    with psycopg.connect(url) as connection:
        row = connection.execute("""
            SELECT count(*), avg(cardinality(ids))::float, pg_total_relation_size('discovery_queues'),
                pg_database_size(current_database()) FROM discovery_queues""").fetchone()
    assert row is not None
    print(f"{row[0]:,} of {people:,} have a queue, of {row[1]:.1f} people; queues are {row[2] / 1e9:.1f} GB,", end=" ")
    print(f"the database {row[3] / 1e9:.1f} GB")


def _took(action: partial[None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _print(title: str, seconds: dict[str, float]) -> None:
    print(f"{title}:", *(f"  {name}: {took:,.0f} s" for name, took in seconds.items()), sep="\n", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)
