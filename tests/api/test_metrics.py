"""GET /metrics: what it tells, to whom, and that it tells it also while the stores are away."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import null
from sqlalchemy.orm import Session

from api.app import create_app
from shared import health, ledger, redis
from shared.database import Database, make_engine
from shared.discovery.models import DiscoveryRun
from shared.jobs import PROCESS_PHOTO
from shared.ledger import Work
from shared.moderation.models import Case
from shared.settings import settings
from tests.people import sign_up

Configure = Callable[..., None]
INSIDE = ("10.1.2.3", 50_000)


@pytest.fixture
def inside(db: Database) -> Iterator[TestClient]:
    """A client on a machine next to the API's."""
    with TestClient(create_app(db), client=INSIDE, raise_server_exceptions=False) as client:
        yield client


def values(text: str) -> dict[tuple[str, frozenset[str]], float]:
    """Each sample's value by its name and its labels' values."""
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read(client: TestClient) -> dict[tuple[str, frozenset[str]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return values(answer.text)


def of(name: str, *labels: str) -> tuple[str, frozenset[str]]:
    return name, frozenset(labels)


def test_requests_are_counted_by_route_and_never_by_path(inside: TestClient) -> None:
    for path in ("/v1/health/live", "/v1/users/me", f"/v1/users/{uuid.uuid4()}", "/nowhere", f"/{uuid.uuid4()}"):
        inside.get(path)
    inside.put("/v1/health/live")
    inside.request("BREW", "/v1/health/live")
    found = read(inside)
    assert found[of("http_requests_total", "/v1/health/live", "GET", "2xx")] == 1
    assert found[of("http_requests_total", "/v1/health/live", "PUT", "4xx")] == 1
    assert found[of("http_requests_total", "/v1/health/live", "other", "4xx")] == 1
    assert found[of("http_requests_total", "/v1/users/me", "GET", "4xx")] == 1
    assert found[of("http_requests_total", "/v1/users/{user_id}", "GET", "4xx")] == 1
    assert found[of("http_requests_total", "none", "GET", "4xx")] == 2
    assert found[of("http_request_duration_seconds_bucket", "/v1/users/me", "GET", "4xx", "+Inf")] == 1
    assert found[of("http_request_duration_seconds_sum", "/v1/users/me", "GET", "4xx")] > 0
    assert found[of("http_requests_in_progress")] == 1  # the one that asks
    assert found[of("http_refusals_total", "not_authenticated")] >= 2


def test_the_lean_routes_are_counted_too(inside: TestClient) -> None:
    assert inside.get("/v1/discovery").status_code == 401
    assert read(inside)[of("http_requests_total", "/v1/discovery", "GET", "4xx")] == 1


def test_it_tells_what_the_ledger_the_queues_the_cases_and_the_nights_know(
    inside: TestClient, session: Session
) -> None:
    now = datetime.now(UTC)
    ledger.ask(session, PROCESS_PHOTO, "a", "b")
    session.add(Work(kind=PROCESS_PHOTO.name, key="c", due_at=null(), created_at=now))
    health.beat(session, queue="photos")
    person = uuid.UUID(sign_up(inside).get("/v1/users/me").json()["id"])
    session.add(Case(user_id=person, opened_at=now - timedelta(hours=2)))
    night = {"regions": 3, "yes_given": [0.3], "yes_received": [0.3]}
    session.add(DiscoveryRun(day=now.date(), started_at=now, **night))
    session.add(
        DiscoveryRun(
            day=now.date() - timedelta(days=1),
            started_at=now - timedelta(hours=24),
            finished_at=now - timedelta(hours=23),
            failed=1,
            people=500,
            shown=600,
            gini=0.25,
            shown_to_nobody=0.0625,
            **night,
        )
    )
    session.flush()
    redis.client().delete("photos")  # hints that other tests have left
    found = read(inside)
    assert found[of("postgres_up")] == found[of("redis_up")] == 1
    assert found[of("work_unfinished", "photos.process")] == 2
    assert found[of("work_failed", "photos.process")] == 1
    assert 0 <= found[of("work_oldest_seconds", "photos.process")] < 60
    assert found[of("work_unfinished", "badges.make")] == 0
    assert found[of("queue_heartbeat_age_seconds", "photos")] < 60
    assert found[of("queue_messages", "photos")] == 0
    assert found[of("moderation_cases_open")] == 1
    assert found[of("moderation_cases_oldest_seconds")] == pytest.approx(7200, abs=60)
    assert found[of("discovery_night_running")] == 1
    assert found[of("discovery_night_seconds")] == 3600
    assert found[of("discovery_night_gini")] == 0.25
    assert found[of("discovery_night_unseen_share")] == 0.0625
    assert found[of("discovery_night_queues")] == 500
    assert found[of("discovery_night_regions_failed")] == 1


def test_it_tells_of_both_pools_and_of_the_process(committed: Database) -> None:
    with TestClient(create_app(committed), client=INSIDE) as client:
        found = read(client)
    for pool in ("shared", "lean"):
        assert 0 <= found[of("db_pool_in_use", pool)] <= found[of("db_pool_open", pool)]
        assert found[of("db_pool_open", pool)] <= found[of("db_pool_limit", pool)]
        assert found[of("db_pool_waiting", pool)] == 0
    assert found[of("db_pool_limit", "shared")] == 12
    assert found[of("process_resident_memory_bytes")] > 0
    assert found[of("process_open_fds")] > 0


def test_without_stores_it_still_tells_what_the_process_knows(configured: Configure) -> None:
    configured(
        DATABASE_URL="postgresql://postgres@127.0.0.1:1/delete", REDIS_URL="redis://127.0.0.1:1/0", DB_POOL_SIZE="3"
    )
    database = Database(make_engine(settings()), threads=3)
    with TestClient(create_app(database), client=INSIDE) as client:
        found = read(client)
    assert found[of("postgres_up")] == found[of("redis_up")] == 0
    assert found[of("http_requests_in_progress")] == 1
    assert found[of("db_pool_limit", "shared")] == 3
    assert not [name for name, _ in found if name.startswith(("work_unfinished", "work_oldest", "discovery"))]


def test_the_database_is_asked_once_however_often_we_are(inside: TestClient, queries: list[str]) -> None:
    for _ in range(3):
        read(inside)
    assert len([query for query in queries if "FROM work" in query]) == 1


def test_it_speaks_open_metrics_where_that_is_asked_for(inside: TestClient) -> None:
    answer = inside.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = list(open_metrics(answer.text))  # type: ignore[no-untyped-call]
    assert {"http_requests", "work_failed"} <= {family.name for family in families}


def test_outside_there_is_no_such_page(inside: TestClient) -> None:
    for header in ("X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "Via"):
        assert inside.get("/metrics", headers={header: "10.1.2.3"}).status_code == 404
    for address in ("93.184.216.34", "2a00:1450:4001::1", "::ffff:93.184.216.34", "nobody"):
        assert TestClient(inside.app, client=(address, 50_000)).get("/metrics").status_code == 404, address
    for address in ("127.0.0.1", "::1", "::ffff:10.1.2.3", "fd00::1", "192.168.3.4"):
        assert TestClient(inside.app, client=(address, 50_000)).get("/metrics").status_code == 200, address
    assert "/metrics" not in inside.get("/openapi.json").json()["paths"]


def test_with_a_token_whoever_has_it_may_look_and_nobody_else(inside: TestClient, configured: Configure) -> None:
    configured(METRICS_TOKEN="a token of our own")
    assert inside.get("/metrics").status_code == 404
    assert inside.get("/metrics", headers={"Authorization": "Bearer another token"}).status_code == 404
    assert inside.get("/metrics", headers={"Authorization": "Basic a token of our own"}).status_code == 404
    good = {"Authorization": "Bearer a token of our own", "X-Forwarded-For": "93.184.216.34"}
    assert inside.get("/metrics", headers=good).status_code == 200
