"""Logging in and out, and sessions, over HTTP."""

import statistics
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import Status, User
from tests.api.auth import OF_A_LOGIN, TOKENS, post_signup
from tests.people import PASSWORD, Person, error_code, sign_up


def log_in(client: TestClient, login: str, password: str = PASSWORD, **more: Any) -> Response:
    return client.post("/v1/auth/login", json={"username": login, "password": password}, **more)


def another_login(person: Person, **more: Any) -> Person:
    answer = log_in(person.client, person.email, **more)
    assert answer.status_code == 200, answer.text
    return Person(person.client, person.email, answer.json())


def fields(answer: Response) -> set[str]:
    assert error_code(answer) == "validation_error", answer.text
    assert answer.status_code == 422
    return {field["field"] for field in answer.json()["error"]["details"]["fields"]}


def refresh(person: Person) -> Response:
    return person.client.post("/v1/auth/refresh", json={"refresh_token": person.tokens["refresh_token"]})


def is_in(person: Person) -> bool:
    answer = person.get("/v1/users/me")
    assert answer.status_code == 200 or error_code(answer) == "token_invalid"
    return answer.status_code == 200


@pytest.mark.parametrize("login", ["ada@example.com", "ADA@EXAMPLE.com", "ada.l", "ADA.L"])
def test_logging_in_by_address_or_username(client: TestClient, login: str) -> None:
    person = sign_up(client, email="Ada@example.com", username="ada.l")
    for name in ("username", "email"):
        answer = client.post("/v1/auth/login", json={name: login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == OF_A_LOGIN
        assert answer.json()["user"]["id"] == str(person.id)
        assert is_in(Person(client, person.email, answer.json()))
    form = client.post("/v1/auth/token", data={"grant_type": "password", "username": login, "password": PASSWORD})
    assert form.status_code == 200, form.text
    assert set(form.json()) == OF_A_LOGIN
    assert form.json()["token_type"] == "bearer"


def test_the_form_takes_what_oauth2_clients_send(client: TestClient) -> None:
    person = sign_up(client)
    form = {"username": person.email, "password": PASSWORD, "scope": "", "client_id": "docs", "client_secret": ""}
    assert client.post("/v1/auth/token", data=form).status_code == 200
    refused = client.post("/v1/auth/token", data=form | {"grant_type": "implicit"})
    assert fields(refused) == {"body.grant_type"}


@pytest.mark.parametrize("email", ["Ädä.Ö@exämple.com", "ИВАН@example.com", "a\u0308da@example.com"])
def test_addresses_in_other_scripts(client: TestClient, email: str) -> None:
    person = sign_up(client, email=email)
    kept = person.tokens["user"]["email"]
    for login in (email, kept, kept.lower(), kept.upper(), f" {email} "):
        assert log_in(client, login).status_code == 200, login
    assert error_code(post_signup(client, email=kept.swapcase())) == "email_taken"


def test_an_address_whose_lower_case_is_a_matter_of_opinion_can_log_in(client: TestClient) -> None:
    for email in ("İpek@example.com", "STRAẞE@example.com"):
        sign_up(client, email=email)
        assert log_in(client, email).status_code == 200, email


@pytest.mark.parametrize("password", ["engines of 1843 ", "Engines of 1843", "", "x" * 1000, "пароль", PASSWORD * 9])
def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(client: TestClient, password: str) -> None:
    person = sign_up(client)

    def same(answer: Response) -> tuple[int, object, object, set[str]]:
        error = answer.json()["error"]
        return answer.status_code, error["code"], (error["message"], error["details"]), set(answer.headers)

    wrong = log_in(client, person.email, password)
    assert (
        same(wrong) == same(log_in(client, "nobody@example.com", password)) == same(log_in(client, "nobody", password))
    )
    assert (wrong.status_code, error_code(wrong)) == (401, "invalid_credentials")
    form = client.post("/v1/auth/token", data={"username": person.email, "password": password or "x"})
    assert same(form) == same(wrong)


def test_a_wrong_password_and_an_unknown_account_take_the_same_time(
    client: TestClient, rounds: Callable[[int], None]
) -> None:
    rounds(9)
    person = sign_up(client)
    log_in(client, "warm@example.com")

    def took(login: str) -> float:
        began = time.perf_counter()
        assert log_in(client, login, "wrong").status_code == 401
        return time.perf_counter() - began

    pairs = [(took(person.email), took("nobody@example.com")) for _ in range(7)]
    known, unknown = (statistics.median(times) for times in zip(*pairs, strict=True))
    assert 0.6 < unknown / known < 1.6
    assert min(known, unknown) > 0.01, "both have hashed"


def test_a_weak_hash_is_replaced_at_login(client: TestClient, session: Session, rounds: Callable[[int], None]) -> None:
    person = sign_up(client)
    rounds(5)
    assert log_in(client, person.email).status_code == 200
    assert ",r=5$" in (session.scalar(select(User.password_hash)) or "")
    assert log_in(client, person.email).status_code == 200


def test_a_refresh_returns_a_new_pair(client: TestClient) -> None:
    person = sign_up(client)
    answer = refresh(person)
    assert answer.status_code == 200
    assert set(answer.json()) == TOKENS
    assert answer.json()["refresh_token"] != person.tokens["refresh_token"]
    again = refresh(person)
    assert again.json()["refresh_token"] == answer.json()["refresh_token"], "its answer may have been lost"
    person.tokens |= answer.json()
    assert is_in(person)


def test_a_used_refresh_token_ends_the_login(client: TestClient) -> None:
    person, other = sign_up(client), sign_up(client)
    second = refresh(person).json()
    third = client.post("/v1/auth/refresh", json={"refresh_token": second["refresh_token"]}).json()
    stolen = refresh(person)
    assert (stolen.status_code, error_code(stolen)) == (401, "token_reused")
    for tokens in (person.tokens, second, third):
        assert not is_in(Person(client, person.email, tokens))
        assert error_code(refresh(Person(client, person.email, tokens))) == "token_reused"
    assert is_in(other)
    assert is_in(another_login(person))


def test_an_access_token_cannot_refresh_and_a_refresh_token_opens_nothing(client: TestClient) -> None:
    person = sign_up(client)
    answer = client.post("/v1/auth/refresh", json={"refresh_token": person.tokens["access_token"]})
    assert (answer.status_code, error_code(answer)) == (401, "token_invalid")
    swapped = Person(client, person.email, {"access_token": person.tokens["refresh_token"]})
    assert error_code(swapped.get("/v1/users/me")) == "token_invalid"
    assert error_code(swapped.post("/v1/auth/logout")) == "token_invalid"
    assert is_in(person)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "ü.ü.ü", "x" * 4096])
def test_nonsense_is_no_token(client: TestClient, token: str) -> None:
    answer = client.post("/v1/auth/refresh", json={"refresh_token": token})
    assert (answer.status_code, error_code(answer)) == (401, "token_invalid")
    answer = client.get("/v1/users/me", headers={b"Authorization": f"Bearer {token}".encode()})
    assert answer.status_code == 401
    assert error_code(answer) == ("token_invalid" if token else "not_authenticated")


def test_a_token_that_is_too_long_is_refused(client: TestClient) -> None:
    assert fields(client.post("/v1/auth/refresh", json={"refresh_token": "x" * 4097})) == {"body.refresh_token"}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic YTpi"}, {"Authorization": ""}, {"Authorization": "x"}]
)
def test_without_a_token_one_is_asked_to_log_in(client: TestClient, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/v1/users/me"), ("POST", "/v1/auth/logout"), ("POST", "/v1/auth/logout-all")):
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, error_code(answer)) == (401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_expired_access_token_says_so(client: TestClient, session: Session) -> None:
    person = sign_up(client)
    claims = jwt.decode(person.tokens["access_token"], options={"verify_signature": False})
    keys = client.app.state.keys  # type: ignore[attr-defined]
    at = clock.now() - timedelta(hours=1)
    mine = keys.read(person.tokens["access_token"], "access")
    old = Person(client, "", {"access_token": keys.issue("access", mine, issued=at, expires=at + timedelta(minutes=1))})
    answer = old.get("/v1/users/me")
    assert (answer.status_code, error_code(answer)) == (401, "token_expired")
    assert claims["exp"] - claims["iat"] == 1800


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_logging_out_with_either_token(client: TestClient, kind: str) -> None:
    person = sign_up(client)
    other = another_login(person)

    def log_out() -> Response:
        if kind == "access":
            return person.post("/v1/auth/logout")
        return client.post("/v1/auth/logout", json={"refresh_token": person.tokens["refresh_token"]})

    answer = log_out()
    assert (answer.status_code, answer.content) == (204, b"")
    assert not is_in(person)
    assert error_code(refresh(person)) == "token_invalid"
    assert log_out().status_code == 204, "again is no error"
    assert is_in(other)


def test_logging_out_everywhere(client: TestClient) -> None:
    person, somebody_else = sign_up(client), sign_up(client)
    others = [another_login(person) for _ in range(2)]
    assert person.post("/v1/auth/logout-all").status_code == 204
    assert not any(is_in(login) for login in [person, *others])
    assert all(error_code(refresh(login)) == "token_invalid" for login in [person, *others])
    assert is_in(somebody_else)
    assert error_code(person.post("/v1/auth/logout-all")) == "token_invalid"


def test_sessions_are_listed(client: TestClient) -> None:
    person = sign_up(client)
    phone = another_login(person, headers={"User-Agent": "Phone\x7f 1.0 " + "x" * 300})
    sign_up(client)
    page = phone.get("/v1/auth/sessions").json()
    assert (page["total"], page["limit"], page["offset"]) == (2, 20, 0)
    assert [set(item) for item in page["items"]] == [
        {"id", "device", "created_at", "last_used_at", "expires_at", "current"}
    ] * 2
    assert [item["current"] for item in page["items"]] == [True, False]
    assert page["items"][0]["device"] == ("Phone 1.0 " + "x" * 300)[:200]
    assert page["items"][1]["device"] == "testclient"
    second = phone.get("/v1/auth/sessions", params={"limit": 1, "offset": 1}).json()
    assert (second["items"], second["total"]) == ([page["items"][1]], 2)
    for wrong in ({"limit": 0}, {"limit": 101}, {"offset": -1}, {"limit": "x"}, {"offset": 10**30}):
        assert fields(phone.get("/v1/auth/sessions", params=wrong)) == {f"query.{next(iter(wrong))}"}


def test_a_session_can_be_ended_by_its_owner_only(client: TestClient) -> None:
    person, thief = sign_up(client), sign_up(client)
    phone = another_login(person)
    ids = {item["current"]: item["id"] for item in phone.get("/v1/auth/sessions").json()["items"]}
    for stranger, session_id in ((thief, ids[True]), (person, str(uuid.uuid4()))):
        answer = stranger.delete(f"/v1/auth/sessions/{session_id}")
        assert (answer.status_code, error_code(answer)) == (404, "not_found")
    assert fields(person.delete("/v1/auth/sessions/7")) == {"path.session_id"}
    assert person.delete(f"/v1/auth/sessions/{ids[True]}").status_code == 204
    assert not is_in(phone)
    assert error_code(refresh(phone)) == "token_invalid"
    assert error_code(person.delete(f"/v1/auth/sessions/{ids[True]}")) == "not_found"
    assert is_in(person)
    assert person.delete(f"/v1/auth/sessions/{ids[False]}").status_code == 204, "also the one that asks"
    assert not is_in(person)


def test_who_is_suspended_is_told_so_and_nothing_else_works(client: TestClient, session: Session) -> None:
    person = sign_up(client)
    session.execute(update(User).values(status=Status.SUSPENDED))
    answers = [
        log_in(client, person.email),
        refresh(person),
        person.get("/v1/users/me"),
        person.patch("/v1/users/me", json={"bio": "x"}),
        person.post("/v1/users/me/resume"),
        person.get("/v1/auth/sessions"),
    ]
    assert {(answer.status_code, error_code(answer)) for answer in answers} == {(403, "account_suspended")}
    assert error_code(log_in(client, person.email, "wrong")) == "invalid_credentials", "only its owner is told"
    session.execute(update(User).values(status=Status.ACTIVE))
    assert is_in(person)


def test_who_is_being_deleted_is_nobody(client: TestClient, session: Session) -> None:
    person = sign_up(client)
    session.execute(update(User).values(status=Status.DELETING))
    assert error_code(log_in(client, person.email)) == "invalid_credentials"
    assert error_code(person.get("/v1/users/me")) == "token_invalid"
    assert error_code(refresh(person)) == "token_invalid"
