"""Guessing somebody's password from many addresses is slowed, and its owner still comes in."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy.orm import Session

from api import dependencies
from api.app import create_app
from api.dependencies import Hashing
from dev.parts import free_port
from shared import clock, redis
from shared.accounts import by_mail, passwords
from shared.accounts.models import User
from shared.accounts.tokens import Claims, KeyRing
from shared.database import Database
from shared.errors import Refusal
from shared.settings import settings
from tests.people import PASSWORD, error_code, sign_up

Configure = Callable[..., None]
MOST = 4


@pytest.fixture
def nothing_counted() -> Iterator[None]:
    redis.client().flushdb()
    yield
    redis.client().flushdb()


@pytest.fixture(autouse=True)
def _few_guesses(nothing_counted: None, configured: Configure) -> None:
    configured(RATE_LIMIT_LOGIN_FAILURES=f"{MOST}/hour")


class Addresses:
    """Clients of one application, each from an address of its own."""

    def __init__(self, db: Database) -> None:
        self.app = create_app(db)
        self.used = 0

    @contextmanager
    def another(self) -> Iterator[TestClient]:
        self.used += 1
        with TestClient(self.app, client=(f"192.0.2.{self.used}", 50000)) as client:
            yield client

    def guess(self, login: str, **more: Any) -> Response:
        with self.another() as client:
            return client.post("/v1/auth/login", json={"username": login, "password": "wrong", **more})


@pytest.fixture
def addresses(db: Database) -> Addresses:
    return Addresses(db)


def limited(answer: Response) -> bool:
    if answer.status_code == 401:
        assert error_code(answer) == "invalid_credentials"
        return False
    assert (answer.status_code, error_code(answer)) == (429, "rate_limited"), answer.text
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    return True


def test_many_addresses_together_can_guess_no_more_than_one(addresses: Addresses) -> None:
    with addresses.another() as home:
        ada = sign_up(home, username="ada.l")
    assert [limited(addresses.guess(ada.email)) for _ in range(MOST + 2)] == [False] * MOST + [True, True]
    assert limited(addresses.guess(ada.email.upper())), "in whatever case"
    with addresses.another() as elsewhere:
        right = {"username": ada.email, "password": PASSWORD}
        assert limited(elsewhere.post("/v1/auth/login", json=right)), "or one could go on until it is right"
        assert limited(elsewhere.post("/v1/auth/token", data=right))
        grace = sign_up(elsewhere)
        assert elsewhere.post("/v1/auth/login", json=right | {"username": grace.email}).status_code == 200


def test_the_owner_comes_in_on_a_device_that_has_been_logged_in_before(addresses: Addresses) -> None:
    with addresses.another() as home:
        ada = sign_up(home)
        logged_out = ada.tokens["device_token"]
        assert ada.post("/v1/auth/logout-all").status_code == 204
    while not limited(addresses.guess(ada.email)):
        pass
    right = {"username": ada.email, "password": PASSWORD}
    with addresses.another() as on_the_way:
        for _ in range(MOST + 1):
            answer = on_the_way.post("/v1/auth/login", json=right | {"device_token": logged_out})
            assert answer.status_code == 200
        assert answer.json()["device_token"] != logged_out


def test_a_device_that_is_known_can_guess_no_more_than_others_and_blocks_none(addresses: Addresses) -> None:
    with addresses.another() as client:
        ada = sign_up(client)
        right = {"username": ada.email, "password": PASSWORD}
        other = client.post("/v1/auth/login", json=right).json()["device_token"]
    stolen = ada.tokens["device_token"]
    tries = [limited(addresses.guess(ada.email, device_token=stolen)) for _ in range(MOST + 1)]
    assert tries == [False] * MOST + [True]
    with addresses.another() as client:
        assert limited(client.post("/v1/auth/login", json=right | {"device_token": stolen}))
        assert client.post("/v1/auth/login", json=right).status_code == 200
        assert client.post("/v1/auth/login", json=right | {"device_token": other}).status_code == 200


def test_nothing_but_a_device_of_this_account_is_counted_apart(addresses: Addresses) -> None:
    with addresses.another() as client:
        ada, grace = sign_up(client), sign_up(client)
    keys = KeyRing(settings())
    now = clock.now()
    claims = Claims(ada.id, ada.id, "made up")
    expired = keys.issue("device", claims, issued=now, expires=now - timedelta(seconds=6))
    foreign = KeyRing(settings().model_copy(update={"secret_key": "f" * 64}))
    forged = foreign.issue("device", claims, issued=now, expires=now + timedelta(days=1))
    while not limited(addresses.guess(ada.email)):
        pass
    for token in (
        ada.tokens["access_token"],
        ada.tokens["refresh_token"],
        grace.tokens["device_token"],
        expired,
        forged,
        "",
        "x",
        "ü",
    ):
        assert limited(addresses.guess(ada.email, device_token=token)), token


def test_a_device_token_opens_nothing(addresses: Addresses) -> None:
    with addresses.another() as client:
        ada = sign_up(client)
        token = ada.tokens["device_token"]
        assert client.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        assert client.post("/v1/auth/refresh", json={"refresh_token": token}).status_code == 401
        assert client.post("/v1/auth/logout", json={"refresh_token": token}).status_code == 401
        assert ada.get("/v1/users/me").status_code == 200


def test_who_chooses_a_new_password_by_mail_comes_in_on_any_device(addresses: Addresses, session: Session) -> None:
    with addresses.another() as client:
        ada = sign_up(client)
    while not limited(addresses.guess(ada.email)):
        pass
    user = session.get_one(User, ada.id)
    token = by_mail._issue(session, user, purpose=by_mail.RESET, now=clock.now())
    session.commit()
    assert limited(addresses.guess(ada.email, device_token=token)), "only once it was used"
    new = "analytical engines"
    with addresses.another() as client:
        assert client.post("/v1/auth/password/reset", json={"token": token, "password": new}).status_code == 204
        wanted = {"username": ada.email, "password": new}
        assert limited(client.post("/v1/auth/login", json=wanted))
        assert client.post("/v1/auth/login", json=wanted | {"device_token": token}).status_code == 200


def test_an_account_that_is_not_there_is_answered_the_same(addresses: Addresses) -> None:
    with addresses.another() as client:
        ada = sign_up(client, username="ada.l")

    def told(login: str) -> list[object]:
        answers = [addresses.guess(login) for _ in range(MOST + 2)]
        return [
            (
                answer.status_code,
                {**answer.json()["error"], "request_id": None, "details": None},
                sorted(answer.headers),
            )
            for answer in answers
        ]

    assert told(ada.email) == told("ada.l") == told("nobody@example.com") == told("nobody")


def test_what_is_refused_costs_no_hash(addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    verify = passwords.verify_password

    def note(password: str, stored: str | None) -> tuple[bool, str | None]:
        hashed.append(password)
        return verify(password, stored)

    monkeypatch.setattr(passwords, "verify_password", note)
    for _ in range(MOST + 5):
        addresses.guess("ada@example.com")
    assert len(hashed) == MOST


def test_no_other_spelling_of_a_login_counts_anew(addresses: Addresses, session: Session) -> None:
    """Postgres may take for one what Python takes for two, and the other way round."""
    with addresses.another() as client:
        ada = sign_up(client, email="ivi@example.com", username="kiki")
    spellings = [
        spelling
        for letter, others in (("i", "iIİ"), ("k", "kK\u212a"))
        for other in others
        for spelling in (ada.email.replace(letter, other), "kiki".replace(letter, other))
    ]
    for login in (ada.email, "kiki"):
        while not limited(addresses.guess(login)):
            pass
    with addresses.another() as client:
        for spelling in spellings:
            answer = client.post("/v1/auth/login", json={"username": spelling, "password": PASSWORD})
            assert answer.status_code != 200, spelling


def test_without_redis_they_are_counted_in_postgres(configured: Configure, db: Database) -> None:
    configured(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    addresses = Addresses(db)
    with addresses.another() as client:
        ada = sign_up(client)
    assert [limited(addresses.guess(ada.email)) for _ in range(MOST + 2)] == [False] * MOST + [True, True]
    again = Addresses(db)
    assert limited(again.guess(ada.email)), "all processes count together"
    assert not limited(again.guess(ada.email, device_token=ada.tokens["device_token"]))


def test_so_many_wait_to_be_hashed_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    release, at_once, most = threading.Event(), [0], [0]

    def slow(_password: str) -> str:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        release.wait(10)
        at_once[0] -= 1
        return "hash"

    monkeypatch.setattr(passwords, "hash_password", slow)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)

    async def crowd() -> list[object]:
        hashing = Hashing()
        tries = [asyncio.create_task(hashing.hash("x")) for _ in range(2 + 2 * dependencies.WAITING + 3)]
        await asyncio.sleep(0.2)
        release.set()
        return list(await asyncio.gather(*tries, return_exceptions=True))

    outcomes = asyncio.run(crowd())
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert [refusal.code for refusal in refused] == ["service_unavailable"] * 3
    assert outcomes.count("hash") == 2 + 2 * dependencies.WAITING
    assert most == [2]
