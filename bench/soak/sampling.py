"""What every process of a running system holds, and what waits: one look."""

import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
from redis import Redis

from shared.jobs import QUEUES
from tests.stack import Stack


@dataclass
class Sample:
    """One moment. `roles` has for each part, its children with it: MB, open files, threads, processes."""

    second: float
    roles: dict[str, dict[str, float]]
    postgres_connections: int
    postgres_mb: float
    """Size of the database on disk."""
    redis_mb: float
    ledger: dict[str, int]
    oldest_seconds: float
    failed: int
    queues: dict[str, int]
    busy_percent: float
    """Of all processors of the machine, since the last look."""
    pids: dict[str, list[int]] = field(default_factory=dict)


class Sampler:
    """Looks at one stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._began = stack, time.monotonic()
        self._addresses = stack.addresses()
        self._database = psycopg.connect(self._addresses["DATABASE_URL"], autocommit=True)
        self._redis: Redis = Redis.from_url(self._addresses["REDIS_URL"])
        psutil.cpu_percent()

    def look(self) -> Sample:
        """Now."""
        roles, pids = self._roles()
        rows = self._database.execute(
            """SELECT kind, count(*) FILTER (WHERE due_at IS NOT NULL), count(*) FILTER (WHERE due_at IS NULL),
            coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE due_at <= now())), 0)
            FROM work GROUP BY kind"""
        ).fetchall()
        connections, size = self._one(
            "SELECT count(*), pg_database_size(current_database()) FROM pg_stat_activity WHERE backend_type ~ '^client'"
        )
        memory: dict[str, Any] = self._redis.info("memory")
        return Sample(
            second=round(time.monotonic() - self._began, 1),
            roles=roles,
            postgres_connections=connections - 1,
            postgres_mb=size / 1024**2,
            redis_mb=memory["used_memory"] / 1024**2,
            ledger={kind: waiting for kind, waiting, _, _ in rows if waiting},
            oldest_seconds=max((float(oldest) for *_, oldest in rows), default=0.0),
            failed=sum(failed for _, _, failed, _ in rows),
            queues={queue: length for queue in QUEUES if (length := self._redis.llen(queue))},
            busy_percent=psutil.cpu_percent(),
            pids=pids,
        )

    def close(self) -> None:
        """Give back the connections."""
        self._database.close()
        self._redis.close()

    def _one(self, query: str) -> tuple[int, int]:
        row = self._database.execute(query.encode()).fetchone()
        assert row is not None
        return row[0], row[1]

    def _roles(self) -> tuple[dict[str, dict[str, float]], dict[str, list[int]]]:
        roles: dict[str, dict[str, float]] = {}
        pids: dict[str, list[int]] = {}
        for name, pid in self._stack.pids().items():
            totals: dict[str, float] = defaultdict(float)
            pids[name] = []
            for process in _family(pid):
                try:
                    totals["mb"] += memory_mb(process)
                    totals["files"] += process.num_fds()
                    totals["threads"] += process.num_threads()
                    totals["processes"] += 1
                    pids[name].append(process.pid)
                except (psutil.Error, OSError):  # it has just ended
                    continue
            roles[name] = dict(totals)
        return roles, pids


def memory_mb(process: psutil.Process) -> float:
    """Its own memory and its share of what it shares with others, without the memory segments of Postgres.

    Those fill up to a size that is set, and what counts is what grows beyond all sizes. Where the kernel does not say
    (only Linux does): what is resident.
    """
    try:
        said = dict(
            re.findall(r"^(\w+):\s+(\d+) kB", Path(f"/proc/{process.pid}/smaps_rollup").read_text(), re.MULTILINE)
        )
        return (int(said["Pss"]) - int(said.get("Pss_Shmem", 0))) / 1024
    except (OSError, KeyError):
        return float(process.memory_info().rss) / 1024**2


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []
