"""Limits on tries: whom they count, what they say, and that they hold while Redis is away."""

import asyncio
import hashlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request

from api.app import create_app
from api.rates import Rates, address
from shared import redis
from shared.accounts.models import LoginAttempts
from shared.database import Database
from shared.errors import Refusal
from shared.settings import Settings, settings
from tests.people import PASSWORD, Person, error_code, sign_up

Configure = Callable[..., None]
REST = {"password": PASSWORD, "birth_date": "1990-12-10"}
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def small_rates(configured: Configure) -> None:
    """Everything twice a minute."""
    configured(
        RATE_LIMIT_SIGNUP="2/minute",
        RATE_LIMIT_LOGIN="2/minute",
        RATE_LIMIT_LOGIN_ADDRESS="100/minute",
        RATE_LIMIT_REFRESH="2/minute",
        RATE_LIMIT_LOGOUT="2/minute",
    )


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    redis.client().flushdb()
    yield
    redis.client().flushdb()


def client_from(db: Database, host: str) -> TestClient:
    return TestClient(create_app(db), client=(host, 50000))


def log_in(client: TestClient, login: str) -> Response:
    return client.post("/v1/auth/login", json={"username": login, "password": "wrong"})


def require_limited(answer: Response, *, amount: int = 2, seconds: int = 60) -> None:
    assert (answer.status_code, error_code(answer)) == (429, "rate_limited")
    wait = int(answer.headers["Retry-After"])
    assert 1 <= wait <= seconds
    name = answer.headers["RateLimit"].partition(";")[0]
    assert answer.headers["RateLimit-Policy"] == f"{name};q={amount};w={seconds}"
    assert answer.headers["RateLimit"] == f"{name};r=0;t={wait}"
    assert answer.json()["error"]["details"] == {"retry_after_seconds": wait}
    assert str(wait) in answer.json()["error"]["message"]


def test_the_rates_are_the_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIGNUP", "LOGIN", "LOGIN_ADDRESS", "REFRESH", "LOGOUT"):
        monkeypatch.delenv(f"RATE_LIMIT_{name}")
    values = Settings()
    assert values.rate_limit_signup == "5/minute"
    assert values.rate_limit_login == "5/minute"
    assert values.rate_limit_refresh == "10/minute"
    assert values.rate_limit_logout == "10/minute"


def test_signing_up_is_limited_by_address(small_rates: None, db: Database) -> None:
    with client_from(db, "192.0.2.1") as here, client_from(db, "192.0.2.2") as there:
        sign_up(here)
        assert here.post("/v1/auth/signup", json={}).status_code == 422
        sign_up(here)
        require_limited(here.post("/v1/auth/signup", json={"email": "a@example.com", "name": "Ada", **REST}))
        sign_up(there)


def test_logging_in_is_limited_by_address_and_account_together(small_rates: None, db: Database) -> None:
    with client_from(db, "192.0.2.1") as here, client_from(db, "192.0.2.2") as there:
        ada = sign_up(here)
        for login in (ada.email, ada.email.upper()):
            assert error_code(log_in(here, login)) == "invalid_credentials"
        require_limited(log_in(here, ada.email))
        require_limited(log_in(here, f"  {ada.email}"))
        right = {"username": ada.email, "password": PASSWORD}
        require_limited(here.post("/v1/auth/login", json=right))
        require_limited(here.post("/v1/auth/token", data=right))
        assert error_code(log_in(here, "somebody@example.com")) == "invalid_credentials"
        assert there.post("/v1/auth/login", json=right).status_code == 200, "nobody can lock the owner out"


def test_logging_in_is_limited_by_address_whatever_the_account(configured: Configure, db: Database) -> None:
    configured(RATE_LIMIT_LOGIN_ADDRESS="3/minute")
    with client_from(db, "192.0.2.1") as here, client_from(db, "192.0.2.2") as there:
        for number in range(3):
            assert log_in(here, f"person{number}").status_code == 401
        require_limited(log_in(here, "person4"), amount=3)
        assert log_in(there, "person4").status_code == 401


def test_refreshing_is_limited(small_rates: None, db: Database) -> None:
    with client_from(db, "192.0.2.1") as here, client_from(db, "192.0.2.2") as there:
        for _ in range(2):
            assert here.post("/v1/auth/refresh", json={"refresh_token": "x"}).status_code == 401
        require_limited(here.post("/v1/auth/refresh", json={"refresh_token": "x"}))
        assert there.post("/v1/auth/refresh", json={"refresh_token": "x"}).status_code == 401


def test_logging_out_is_limited(small_rates: None, db: Database) -> None:
    with client_from(db, "192.0.2.1") as here:
        ada = sign_up(here)
        assert here.post("/v1/auth/logout").status_code == 401
        assert ada.post("/v1/auth/logout").status_code == 204
        require_limited(ada.post("/v1/auth/logout"))
        grace = sign_up(here)
        require_limited(grace.post("/v1/auth/logout-all"))


def test_changing_the_password_is_limited_by_account(small_rates: None, db: Database) -> None:
    def change(person: Person) -> Response:
        return person.put("/v1/users/me/password", json={"old_password": "wrong", "new_password": "battery staple"})

    with client_from(db, "192.0.2.1") as here:
        ada, grace = sign_up(here), sign_up(here)
        for _ in range(2):
            assert change(ada).status_code == 401
        require_limited(change(ada))
        assert change(grace).status_code == 401


def test_a_limit_ends(configured: Configure, db: Database) -> None:
    configured(RATE_LIMIT_REFRESH="2/second")
    with client_from(db, "192.0.2.1") as here:
        for _ in range(2):
            assert here.post("/v1/auth/refresh", json={"refresh_token": "x"}).status_code == 401
        limited = here.post("/v1/auth/refresh", json={"refresh_token": "x"})
        require_limited(limited, seconds=1)
        time.sleep(1.05)
        assert here.post("/v1/auth/refresh", json={"refresh_token": "x"}).status_code == 401


def test_processes_count_together(small_rates: None, db: Database) -> None:
    with client_from(db, "192.0.2.1") as one, client_from(db, "192.0.2.1") as other:
        for client in (one, other):
            assert log_in(client, "ada").status_code == 401
        require_limited(log_in(one, "ada"))
        require_limited(log_in(other, "ada"))


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_whom_an_address_stands_for(host: str, counted: str) -> None:
    assert address(Request({"type": "http", "client": (host, 1), "headers": []})) == counted


def test_a_request_without_an_address_counts_too() -> None:
    assert address(Request({"type": "http", "client": None, "headers": []})) == "unknown"


def test_a_household_counts_as_one(small_rates: None, db: Database) -> None:
    with (
        client_from(db, "2001:db8::1") as one,
        client_from(db, "2001:db8::ffff:2") as other,
        client_from(db, "2001:db8:0:1::1") as neighbour,
    ):
        assert log_in(one, "ada").status_code == 401
        assert log_in(other, "ada").status_code == 401
        require_limited(log_in(one, "ada"))
        assert log_in(neighbour, "ada").status_code == 401


def test_without_redis_requests_are_served_and_counted_here(
    small_rates: None, configured: Configure, db: Database
) -> None:
    configured(REDIS_URL=NOWHERE)
    with client_from(db, "192.0.2.1") as here:
        for _ in range(2):
            began = time.monotonic()
            sign_up(here)
            assert time.monotonic() - began < 1
        require_limited(here.post("/v1/auth/signup", json={"email": "a@example.com", "name": "Ada", **REST}))


def test_without_redis_logins_are_counted_in_postgres(
    small_rates: None, configured: Configure, db: Database, session: Session
) -> None:
    configured(REDIS_URL=NOWHERE)
    with client_from(db, "192.0.2.1") as one, client_from(db, "192.0.2.1") as other:
        _wait_for_a_whole_minute()
        began = time.monotonic()
        for client in (one, other):
            assert log_in(client, "ada@example.com").status_code == 401
        require_limited(log_in(one, "ada@example.com"))
        require_limited(log_in(other, "ada@example.com"))
        assert log_in(other, "grace@example.com").status_code == 401
        assert time.monotonic() - began < 2
    rows = {row.key: row.tries for row in session.scalars(select(LoginAttempts))}
    key = hashlib.sha256(b"192.0.2.1\nada@example.com").hexdigest()
    assert rows[key] == 4
    assert len(rows) == 4, "tries of each of the two, and how many of them were wrong"
    assert not any("ada" in key for key in rows)


def test_a_redis_that_hangs_delays_one_request_and_no_more(
    small_rates: None, db: Database, configured: Configure
) -> None:
    """A server that takes connections and says nothing, like one that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        configured(REDIS_URL=f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
        with client_from(db, "192.0.2.1") as here:
            times = []
            for _ in range(3):
                began = time.monotonic()
                assert here.post("/v1/auth/refresh", json={"refresh_token": "x"}).status_code in {401, 429}
                times.append(time.monotonic() - began)
    assert times[0] < 2
    assert max(times[1:]) < 0.5


def test_when_redis_comes_back_it_counts_again(configured: Configure) -> None:
    rates = Rates(settings().redis_url)
    rates._closed_until = time.monotonic() + 0.2

    async def tries() -> list[str]:
        outcomes = []
        for pause in (0, 0, 0.3, 0, 0):
            await asyncio.sleep(pause)
            try:
                await rates.check("2/minute", "test", "key")
                outcomes.append("allowed")
            except Refusal:
                outcomes.append("refused")
        await rates.close()
        return outcomes

    assert asyncio.run(tries()) == ["allowed"] * 4 + ["refused"]


def _wait_for_a_whole_minute() -> None:
    """The count in Postgres begins anew with each minute of the clock: do not be caught by that."""
    left = 60 - time.time() % 60
    if left < 3:
        time.sleep(left + 0.01)
