"""A stack with as many people as wanted, and the night that makes everybody's queue, stage by stage."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import psycopg

from bench import population, stages
from bench.workers import Workers, shares
from dev.temporary import stores

DECISIONS_EACH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Everybody:
    """Stores in which ranking knows of everybody, and the workers that rank them."""

    values: Mapping[str, str]
    """The settings that point at the stores."""
    regions: dict[int, int]
    """How many people each region has, the largest first."""
    workers: Workers
    now: datetime
    """The moment of the run: what depends on the day is the same for all that is compared."""
    prepared: float
    """Seconds that it took to make what is known of everybody."""

    @property
    def url(self) -> str:
        """Of Postgres."""
        return self.values["DATABASE_URL"]

    @property
    def people(self) -> int:
        """How many there are."""
        return sum(self.regions.values())

    @property
    def shares(self) -> list[list[int]]:
        """The regions of each worker."""
        return shares(self.regions)

    def load(self) -> float:
        """Seconds until every worker has read its regions."""
        return self.workers.each(partial(stages.load_all, now=self.now), self.shares)[0]

    def rank(self) -> tuple[float, int]:
        """(seconds, pairs that were scored) of ranking what is loaded."""
        took, pairs = self.workers.each(stages.rank_all, self.shares)
        return took, sum(pairs)

    def store(self) -> float:
        """Seconds until all queues are stored."""
        return self.workers.each(partial(stages.store_all, now=self.now), self.shares)[0]


@contextmanager
def everybody(people: int, *, stored: bool = False) -> Iterator[Everybody]:
    """Make so many people and what ranking knows of them; with `stored` their queues too."""
    with stores() as values, Workers(values) as workers:
        url = values["DATABASE_URL"]
        population.populate(url, people)
        population.decide(url, people * DECISIONS_EACH)
        workers.first(population.project, url)
        workers.first(stages.offer_far)
        regions, now = sizes(url), datetime.now(UTC)
        prepared = workers.share(stages.prepare, regions, what="Preparing")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE) candidates")
        made = Everybody(values=values, regions=regions, workers=workers, now=now, prepared=prepared)
        if stored:
            workers.share(partial(stages.night, now=now), regions, what="Ranking")
        yield made


def sizes(url: str) -> dict[int, int]:
    """How many people each region has, the largest first."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT region, count(*) FROM candidates GROUP BY region ORDER BY 2 DESC, 1")
        return dict(rows.fetchall())
