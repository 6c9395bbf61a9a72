"""Rates of signed-in people: what is counted, what answers say of it, and how processes count together."""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import delete
from sqlalchemy.orm import Session
from starlette.websockets import WebSocketDisconnect

from api.app import create_app
from api.live import FRAMES
from api.rates import Rates
from api.tallies import OF_ROUTES, OTHERS, Tallies
from shared import redis
from shared.database import Database
from shared.discovery.models import DiscoveryQueue
from shared.errors import Refusal
from shared.settings import Settings, settings
from tests.api.test_rates import NOWHERE, require_limited
from tests.people import Person, error_code, sign_up
from tests.unlimited import UNLIMITED

Configure = Callable[..., None]
ME = "/v1/users/me"


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    """And a window that has just begun, so that none ends in the middle of a test."""
    redis.client().flushdb()
    if time.time() % 60 > 50:
        time.sleep(60 - time.time() % 60)
    yield
    redis.client().flushdb()


def fields(answer: Response) -> tuple[str, int, int, int]:
    """(name, tries left, tries, seconds of the window) that an answer tells."""
    now = re.fullmatch(r'"([a-z-]+)";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
    rate = re.fullmatch(r'"([a-z-]+)";q=(\d+);w=(\d+)', answer.headers["RateLimit-Policy"])
    assert now is not None
    assert rate is not None
    assert now[1] == rate[1]
    assert 1 <= int(now[3]) <= int(rate[3])
    return now[1], int(now[2]), int(rate[2]), int(rate[3])


def tallies(*, redis_url: str | None = None, **rates: str) -> tuple[Tallies, Rates]:
    """Those of one process."""
    shared = Rates(redis_url or settings().redis_url)
    values = Settings(**{f"rate_limit_{name}": rate for name, rate in rates.items()})  # type: ignore[arg-type]
    return Tallies(shared, values), shared


async def let_through(process: Tallies, key: uuid.UUID, tries: int, name: str = "default") -> int:
    allowed = 0
    for _ in range(tries):
        try:
            await process.count(name, key)
        except Refusal:
            continue
        allowed += 1
    return allowed


def test_every_answer_to_somebody_says_what_is_left(configured: Configure, db: Database) -> None:
    configured(RATE_LIMIT_DEFAULT="40/minute", RATE_LIMIT_BLOCKS="2/hour")
    with TestClient(create_app(db)) as client:
        ada = sign_up(client)
        assert fields(ada.get(ME)) == ("default", 39, 40, 60)
        assert fields(ada.patch(ME, json={"bio": 7})) == ("default", 38, 40, 60), "also of what is refused"
        assert fields(ada.get("/v1/discovery"))[:2] == ("default", 37)
        assert fields(ada.post("/v1/matching/block", json={})) == ("blocks", 1, 2, 3600), "the nearest to its end"
        assert fields(ada.get(ME)) == ("default", 35, 40, 60)
        for path in ("/v1/health", "/v1/health/live", "/v1/nothing", "/openapi.json"):
            assert "RateLimit" not in client.get(path).headers
        assert error_code(client.get(ME)) == "not_authenticated"


def test_too_many_requests_are_refused_and_only_theirs(configured: Configure, db: Database) -> None:
    configured(RATE_LIMIT_DEFAULT="40/minute")
    with TestClient(create_app(db)) as client:
        ada, bob = sign_up(client), sign_up(client)
        answers = [ada.get(path) for path in (ME, "/v1/discovery") for _ in range(20)]
        assert {answer.status_code for answer in answers} == {200}
        assert fields(answers[-1]) == ("default", 0, 40, 60)
        for path in (ME, "/v1/discovery"):
            require_limited(ada.get(path), amount=40)
        assert fields(bob.get(ME))[1] == 39


@pytest.mark.parametrize("route", sorted(OF_ROUTES))
def test_what_can_be_abused_has_a_rate_of_its_own(configured: Configure, db: Database, route: str) -> None:
    name = OF_ROUTES[route]
    configured(**{f"RATE_LIMIT_{name.upper()}": "1/hour"})
    with TestClient(create_app(db)) as client:
        ada, bob = sign_up(client), sign_up(client)
        method, path = route.split()
        path = re.sub(r"{\w+}", str(uuid.uuid4()), path)
        if route == "GET /v1/events":
            path += "?since=" + "x" * 101  # refused, where a good one would not end
        sent: dict[str, Any] = {"json": {}} if method == "POST" else {}
        first = ada.request(method, path, **sent)
        assert first.status_code in {200, 202, 404, 422}
        assert fields(first)[:3] == (name.replace("_", "-"), 0, 1)
        require_limited(ada.request(method, path, **sent), amount=1, seconds=3600)
        assert ada.get(ME).status_code == 200
        assert bob.request(method, path, **sent).status_code == first.status_code


def test_every_rate_is_a_setting_and_every_route_exists(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    routes = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert set(OF_ROUTES) <= routes
    assert {f"RATE_LIMIT_{name.upper()}" for name in (*OF_ROUTES.values(), *OTHERS)} <= set(UNLIMITED)


def test_a_window_ends(configured: Configure, db: Database) -> None:
    configured(RATE_LIMIT_DEFAULT="2/second")
    with TestClient(create_app(db)) as client:
        ada = sign_up(client)
        answers = [ada.get(ME).status_code for _ in range(12)]
        assert 429 in answers
        time.sleep(1.05)
        assert ada.get(ME).status_code == 200


def test_queues_made_on_the_spot_have_a_rate(configured: Configure, db: Database, session: Session) -> None:
    configured(RATE_LIMIT_QUEUES="1/minute")
    with TestClient(create_app(db)) as client:
        ada = sign_up(client)
        for _ in range(3):
            assert ada.get("/v1/discovery").status_code == 200, "the first makes one, and the others read it"
        session.execute(delete(DiscoveryQueue))
        require_limited(ada.get("/v1/discovery"), amount=1)


def test_links_of_mails_are_counted_by_address(configured: Configure, db: Database) -> None:
    configured(RATE_LIMIT_UNSUBSCRIBE="2/minute")
    path = "/v1/notifications/unsubscribe?token=x"
    with (
        TestClient(create_app(db), client=("192.0.2.1", 1)) as here,
        TestClient(create_app(db), client=("192.0.2.2", 1)) as there,
    ):
        assert [here.get(path).status_code, here.post(path).status_code] == [401, 401]
        require_limited(here.get(path))
        require_limited(here.post(path))
        assert there.get(path).status_code == 401


def test_an_answer_tells_nobody_what_others_have_asked(configured: Configure, db: Database) -> None:
    """How often a link was asked for an account, from any address, is its owner's."""
    configured(RATE_LIMIT_FORGOT="5/minute")
    with (
        TestClient(create_app(db), client=("192.0.2.1", 1)) as here,
        TestClient(create_app(db), client=("192.0.2.2", 1)) as there,
    ):
        for _ in range(4):
            here.post("/v1/auth/password/forgot", json={"email": "ada@example.com"})
        assert fields(there.post("/v1/auth/password/forgot", json={"email": "ada@example.com"})) == ("forgot", 4, 5, 60)


def test_somebody_quiet_costs_no_message_to_redis() -> None:
    async def run() -> tuple[int, int]:
        process, shared = tallies(default="300/minute")
        messages = 0
        add = shared.add

        async def counted(*args: Any, **kwargs: Any) -> int | None:
            nonlocal messages
            messages += 1
            return await add(*args, **kwargs)

        shared.add = counted  # type: ignore[method-assign]
        for _ in range(10):
            await let_through(process, uuid.uuid4(), 29)
        quiet = messages
        await let_through(process, uuid.uuid4(), 300)
        await shared.close()
        return quiet, messages - quiet

    assert asyncio.run(run()) == (0, 10)


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_processes_count_together_within_their_bound(processes: int) -> None:
    async def run() -> int:
        made = [tallies(default="100/hour") for _ in range(processes)]
        key, allowed = uuid.uuid4(), 0
        for _ in range(200):
            for process, _ in made:
                allowed += await let_through(process, key, 1)
        for _, shared in made:
            await shared.close()
        return allowed

    step = 10
    assert 100 <= asyncio.run(run()) <= 100 + (processes - 1) * (step - 1)


def test_a_small_rate_is_exact_however_many_processes_there_are() -> None:
    async def run() -> int:
        made = [tallies(exports="5/day") for _ in range(4)]
        key = uuid.uuid4()
        tries = [let_through(process, key, 10, "exports") for process, _ in made]
        allowed = sum(await asyncio.gather(*tries))
        for _, shared in made:
            await shared.close()
        return allowed

    assert asyncio.run(run()) == 5


def test_without_redis_people_are_served_and_counted_here(configured: Configure, db: Database) -> None:
    configured(REDIS_URL=NOWHERE, RATE_LIMIT_DEFAULT="40/minute")
    with TestClient(create_app(db)) as client:
        ada = sign_up(client)
        began = time.monotonic()
        assert {ada.get(ME).status_code for _ in range(40)} == {200}
        assert time.monotonic() - began < 10
        require_limited(ada.get(ME), amount=40)


def test_what_was_counted_without_redis_is_told_when_it_is_back() -> None:
    async def run() -> tuple[int, int, object]:
        process, shared = tallies(default="100/hour")
        key = uuid.uuid4()
        shared._closed_until = time.monotonic() + 60  # as after a failure
        alone = await let_through(process, key, 55)
        before = len(redis.client().keys("*tally*"))
        shared._closed_until = 0.0
        await let_through(process, key, 1)
        (name,) = redis.client().keys("*tally*")
        total = redis.client().get(name)
        await shared.close()
        return alone, before, total

    assert asyncio.run(run()) == (55, 0, b"56")


def test_redis_holds_nobodys_address_or_id() -> None:
    async def run() -> list[str]:
        process, shared = tallies(exports="5/day", connections_address="5/minute")
        key = uuid.uuid4()
        await process.count("exports", key)
        await process.count("connections_address", "192.0.2.77")
        await shared.close()
        return [str(key), "192.0.2.77"]

    hidden = asyncio.run(run())
    names = [str(name) for name in redis.client().keys("*tally*")]
    assert len(names) == 2
    assert not [name for name in names for word in hidden if word in name]
    assert all(0 < redis.client().ttl(name) <= 86_400 for name in redis.client().keys("*tally*"))


def connected(client: TestClient, person: Person) -> tuple[int, str] | None:
    """(code, reason) with which a WebSocket of somebody is closed, unless it is not."""
    with client.websocket_connect("/v1/ws") as connection:
        try:
            connection.send_json({"type": "auth", "token": person.tokens["access_token"]})
            connection.send_json({"type": "ping"})
            assert connection.receive_json()["type"] == "pong"
        except WebSocketDisconnect as closed:
            return closed.code, closed.reason
    return None


def test_live_connections_are_counted_by_person_and_by_address(configured: Configure, db: Database) -> None:
    limited = (1013, "rate_limited")
    configured(RATE_LIMIT_CONNECTIONS="2/minute", RATE_LIMIT_CONNECTIONS_ADDRESS="4/minute")
    with TestClient(create_app(db)) as client:
        ada, bob = sign_up(client), sign_up(client)
        assert [connected(client, ada) for _ in range(3)] == [None, None, limited]
        assert connected(client, bob) is None
        assert connected(client, bob) == limited, "the fifth from here, though only Bob's second"


def test_frames_are_counted(client: TestClient) -> None:
    ada = sign_up(client)
    with client.websocket_connect("/v1/ws") as connection:
        connection.send_json({"type": "auth", "token": ada.tokens["access_token"]})
        for _ in range(FRAMES):
            connection.send_text(json.dumps({"type": "ping"}))
            assert connection.receive_json()["type"] == "pong"
        connection.send_text(json.dumps({"type": "ping"}))
        with pytest.raises(WebSocketDisconnect) as closed:
            connection.receive_json()
        assert (closed.value.code, closed.value.reason) == (1013, "rate_limited")
