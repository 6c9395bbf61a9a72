"""GET /metrics: what Prometheus reads of this process, and of what all processes share."""

import asyncio
import hmac
import math
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.security.utils import get_authorization_scheme_param
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.applications import Starlette

from api.health import VERSION
from api.listening import Hub
from shared import backlog, events, health, redis
from shared.database import Database
from shared.discovery import nights
from shared.discovery.models import DiscoveryRun
from shared.errors import Refusal
from shared.jobs import QUEUES
from shared.moderation import figures as moderation
from shared.settings import settings

router = APIRouter(include_in_schema=False)

PATIENCE: Final = 1.5  # seconds for the database to answer
KEPT: Final = 5.0  # seconds in which it is not asked again, however many ask us
FORWARDED: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


@dataclass(frozen=True, slots=True)
class Shared:
    """What the database knows, the same for whichever process is asked."""

    work: list[backlog.Figures]
    heartbeats: dict[str, float]
    cases: moderation.OpenCases
    nights: list[DiscoveryRun]


class Lookout:
    """Looks at what all processes share, not more often than every KEPT seconds."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = asyncio.Lock()
        self._seen: tuple[Shared | None, dict[str, int] | None] = None, None
        self._seen_at = -KEPT

    async def look(self) -> tuple[Shared | None, dict[str, int] | None]:
        """What the database knows, and the messages on each queue; None for what does not answer."""
        async with self._lock:
            if time.monotonic() - self._seen_at >= KEPT:
                self._seen = await asyncio.gather(self._database(), to_thread.run_sync(_queues))
                self._seen_at = time.monotonic()
            return self._seen

    async def _database(self) -> Shared | None:
        with suppress(SQLAlchemyError, TimeoutError):
            return await self._db.probe(_look, seconds=PATIENCE)
        return None


def _look(session: Session) -> Shared:
    limit = f"{PATIENCE * 1000:.0f}"
    session.execute(select(func.set_config("statement_timeout", limit, True)))  # noqa: FBT003 - of this transaction only
    return Shared(
        backlog.figures(session),
        health.seconds_since_heartbeats(session),
        moderation.open_cases(session),
        list(nights.latest(session)),
    )


def _queues() -> dict[str, int] | None:
    try:
        pipeline = redis.client().pipeline(transaction=False)
        for queue in QUEUES:
            pipeline.llen(queue)
        return dict(zip(QUEUES, pipeline.execute(), strict=True))
    except redis.FAILURES:
        return None


class _Process(Collector):
    """What this process holds open."""

    def __init__(self, app: Starlette) -> None:
        self._db: Database = app.state.database
        self._hub: Hub = app.state.hub

    def collect(self) -> Iterator[Metric]:
        labels = {"version": VERSION, "environment": settings().environment}
        yield InfoMetricFamily("build", "What runs here.", value=labels)
        in_use, opened, most, waiting = (
            GaugeMetricFamily(f"db_pool_{name}", text, labels=["pool"])
            for name, text in (
                ("in_use", "Connections that are being used."),
                ("open", "Connections that are open."),
                ("limit", "Connections that may be open at most."),
                ("waiting", "Requests that wait for a connection."),
            )
        )
        for name, pool in self._db.pools().items():
            for family, value in zip(
                (in_use, opened, most, waiting), (pool.in_use, pool.open, pool.most, pool.waiting), strict=True
            ):
                family.add_metric([name], value)
        yield from (in_use, opened, most, waiting)
        connections = self._hub.connections()
        yield GaugeMetricFamily("live_connections", "Open WebSockets and event streams.", value=connections)
        yield CounterMetricFamily("live_events_delivered", "Events offered to connections.", value=self._hub.delivered)
        yield GaugeMetricFamily("live_events_unsent", "Events that wait until Redis answers.", value=events.unsent())
        paused = float(redis.BREAKER.is_open)
        yield GaugeMetricFamily("redis_paused", "1 while Redis is not tried, because it just failed.", value=paused)


class _Common(Collector):
    """What all processes share: take the largest of what they say, not the sum."""

    def __init__(self, known: Shared | None, queues: dict[str, int] | None) -> None:
        self._known = known
        self._queues = queues

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("postgres_up", "1 when Postgres answers in time.", value=self._known is not None)
        yield GaugeMetricFamily("redis_up", "1 when Redis answers in time.", value=self._queues is not None)
        waiting = GaugeMetricFamily("queue_messages", "Messages that no worker has taken yet.", labels=["queue"])
        for queue, number in (self._queues or {}).items():
            waiting.add_metric([queue], number)
        yield waiting
        if self._known is not None:
            yield from _work(self._known)
            yield from _cases(self._known.cases)
            yield from _night(self._known.nights)


def _work(known: Shared) -> Iterator[Metric]:
    unfinished = GaugeMetricFamily("work_unfinished", "Work that waits or is being done.", labels=["kind"])
    oldest = GaugeMetricFamily("work_oldest_seconds", "Age of the oldest unfinished work.", labels=["kind"])
    failed = GaugeMetricFamily("work_failed", "Work that was given up.", labels=["kind"])
    for line in known.work:
        unfinished.add_metric([line.kind], line.unfinished)
        oldest.add_metric([line.kind], line.oldest_seconds or 0)
        failed.add_metric([line.kind], line.failed)
    yield from (unfinished, oldest, failed)
    ages = GaugeMetricFamily("queue_heartbeat_age_seconds", "Since a worker of a queue gave a sign.", labels=["queue"])
    for queue in QUEUES:  # one that never had a worker has been silent for ever
        ages.add_metric([queue], known.heartbeats.get(queue, math.inf))
    yield ages


def _cases(cases: moderation.OpenCases) -> Iterator[Metric]:
    yield GaugeMetricFamily("moderation_cases_open", "Cases that wait for a moderator.", value=cases.number)
    oldest = cases.oldest_seconds or 0
    yield GaugeMetricFamily("moderation_cases_oldest_seconds", "Age of the oldest open case.", value=oldest)


def _night(runs: list[DiscoveryRun]) -> Iterator[Metric]:
    """The last night that is over, and whether one is going on."""
    going_on = bool(runs) and runs[0].finished_at is None
    yield GaugeMetricFamily("discovery_night_running", "1 while everybody's queue is made anew.", value=going_on)
    last = next((run for run in runs if run.finished_at is not None), None)
    if last is None or last.finished_at is None:
        return
    for name, text, value in (
        ("finished_timestamp_seconds", "When the last night ended.", last.finished_at.timestamp()),
        ("seconds", "How long it took.", (last.finished_at - last.started_at).total_seconds()),
        ("regions", "Regions that it asked for.", last.regions),
        ("regions_failed", "Regions that were given up.", last.failed),
        ("queues", "People who had a queue at its end.", last.people),
        ("shown", "People who could be in one.", last.shown),
        ("gini", "Of exposure: 0 when all are in as many queues.", last.gini),
        ("unseen_share", "The share of them who are in no queue.", last.shown_to_nobody),
    ):
        yield GaugeMetricFamily(f"discovery_night_{name}", text, value=value or 0)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """For Prometheus, inside: in its text format, or in OpenMetrics where that is asked for.

    While Postgres or Redis is away, what this process knows by itself is still told.
    """
    if not _may_look(request):
        raise Refusal("not_found")
    app: Starlette = request.app
    lookout: Lookout = app.state.lookout
    registry = CollectorRegistry(auto_describe=False)
    for collector in (REGISTRY, app.state.requests, _Process(app), _Common(*await lookout.look())):
        registry.register(collector)
    write, media_type = choose_encoder(request.headers.get("accept", ""))
    text = await to_thread.run_sync(write, registry)  # some milliseconds of thousands of lines
    return Response(text, headers={"Content-Type": media_type, "Cache-Control": "no-store"})


def _may_look(request: Request) -> bool:
    """Whoever has the token; without one, whoever comes from inside and through no proxy."""
    token = settings().metrics_token
    if token is not None:
        scheme, given = get_authorization_scheme_param(request.headers.get("authorization"))
        return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return not address.ipv4_mapped.is_global
    return not address.is_global
