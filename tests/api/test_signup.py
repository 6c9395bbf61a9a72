"""Signing up, over HTTP."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import LoginSession, User
from tests.api.auth import OF_A_LOGIN, post_signup
from tests.api.test_auth import fields
from tests.people import error_code, sign_up

USER = {
    "id", "email", "email_verified", "username", "name", "birth_date", "age", "gender", "bio", "location", "time_zone",
    "preferences", "role", "status", "created_at", "last_active_at", "profile",
}  # fmt: skip


def test_signing_up_with_the_least(client: TestClient) -> None:
    answer = post_signup(client, email="Ada@Example.COM")
    assert answer.status_code == 201
    assert answer.headers["Location"] == "http://testserver/v1/users/me"
    body = answer.json()
    assert set(body) == OF_A_LOGIN
    assert (body["token_type"], body["expires_in"]) == ("bearer", 1800)
    user = body["user"]
    assert set(user) == USER
    assert user | {"id": 0, "created_at": 0, "last_active_at": 0, "age": 0} == {
        "id": 0,
        "email": "Ada@example.com",
        "email_verified": False,
        "username": None,
        "name": "Ada",
        "birth_date": "1990-12-10",
        "age": 0,
        "gender": None,
        "bio": "",
        "location": None,
        "time_zone": "UTC",
        "preferences": {
            "genders": ["woman", "man", "nonbinary"],
            "min_age": 18,
            "max_age": 99,
            "max_distance_km": None,
        },
        "role": "user",
        "status": "active",
        "created_at": 0,
        "last_active_at": 0,
        "profile": {"complete": False, "percent": 0, "missing": user["profile"]["missing"]},
    }
    assert uuid.UUID(user["id"]).version == 4
    assert user["created_at"].endswith("Z")
    assert len(user["profile"]["missing"]) == 6
    me = client.get("/v1/users/me", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert me.json() == user


def test_signing_up_with_everything(client: TestClient) -> None:
    everything = {
        "username": "ada.l",
        "gender": "woman",
        "bio": "  Writes letters\r\nto machines.\t ",
        "location": {"latitude": 52.52, "longitude": 13.405},
        "time_zone": "Europe/Berlin",
        "preferences": {"genders": ["man", "woman", "man"], "min_age": 25, "max_age": 40, "max_distance_km": 50},
    }
    user = post_signup(client, **everything, name=" Ada \n Lovelace ").json()["user"]
    assert {name: user[name] for name in everything} == everything | {
        "bio": "Writes letters\nto machines.",
        "preferences": {"genders": ["woman", "man"], "min_age": 25, "max_age": 40, "max_distance_km": 50},
    }
    assert user["name"] == "Ada Lovelace"
    assert (user["profile"]["percent"], len(user["profile"]["missing"])) == (30, 3)


def test_only_adults_can_join(client: TestClient) -> None:
    today = clock.now().date()
    on_their_birthday = date(today.year - 18, 3, 1) if (today.month, today.day) == (2, 29) else None
    birthday = on_their_birthday or today.replace(year=today.year - 18)
    assert post_signup(client, birth_date=birthday.isoformat()).status_code == 201
    for young in (birthday + timedelta(days=1), today, today + timedelta(days=400)):
        answer = post_signup(client, birth_date=young.isoformat())
        assert (answer.status_code, error_code(answer)) == (422, "underage")
        assert "18" in answer.json()["error"]["message"]


@pytest.mark.parametrize("password", ["short", "password", "aaaaaaaaaa", "x1y2z3!" * 20, "lovelace.ada@example.com"])
def test_weak_passwords_are_refused(client: TestClient, password: str) -> None:
    answer = post_signup(client, email="lovelace.ada@example.com", password=password)
    assert (answer.status_code, error_code(answer)) == (422, "weak_password")
    assert f'"{password}"' not in answer.text


def test_an_email_address_has_one_account_whatever_its_case(client: TestClient) -> None:
    sign_up(client, email="ada@example.com")
    for email in ("ada@example.com", "ADA@example.com", "Ada@Example.COM"):
        answer = post_signup(client, email=email)
        assert (answer.status_code, error_code(answer)) == (409, "email_taken")


def test_a_username_has_one_account(client: TestClient) -> None:
    sign_up(client, username="ada")
    answer = post_signup(client, username="ada")
    assert (answer.status_code, error_code(answer)) == (409, "username_taken")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": ...}, "body.email"),
        ({"email": "ada"}, "body.email"),
        ({"email": "ada@"}, "body.email"),
        ({"email": "ada@example.com\n"}, "body.email"),
        ({"email": f"{'a' * 250}@example.com"}, "body.email"),
        ({"email": None}, "body.email"),
        ({"password": ...}, "body.password"),
        ({"password": 12345678}, "body.password"),
        ({"name": ...}, "body.name"),
        ({"name": " \n\t "}, "body.name"),
        ({"name": "x" * 51}, "body.name"),
        ({"birth_date": ...}, "body.birth_date"),
        ({"birth_date": "10.12.1990"}, "body.birth_date"),
        ({"birth_date": "1990-02-30"}, "body.birth_date"),
        ({"birth_date": 660787200}, "body.birth_date"),
        ({"birth_date": "0001-01-01"}, "body.birth_date"),
        ({"username": "Ada"}, "body.username"),
        ({"username": "ad"}, "body.username"),
        ({"username": "ada@example.com"}, "body.username"),
        ({"gender": "cat"}, "body.gender"),
        ({"bio": "x" * 501}, "body.bio"),
        ({"location": {"latitude": 91, "longitude": 0}}, "body.location.latitude"),
        ({"location": {"latitude": 0}}, "body.location.longitude"),
        ({"time_zone": "Mars/Base"}, "body.time_zone"),
        ({"preferences": {"min_age": 17}}, "body.preferences.min_age"),
        ({"preferences": {"min_age": 41, "max_age": 40}}, "body.preferences"),
        ({"preferences": {"genders": []}}, "body.preferences.genders"),
        ({"preferences": {"max_distance_km": 0}}, "body.preferences.max_distance_km"),
        ({"preferences": {"colour": "red"}}, "body.preferences.colour"),
        ({"role": "admin"}, "body.role"),
        ({"status": "active"}, "body.status"),
        ({"email_verified": True}, "body.email_verified"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_at_signup_is_named(client: TestClient, wrong: dict[str, Any], field: str) -> None:
    assert fields(post_signup(client, **wrong)) == {field}


def test_nothing_is_left_of_a_refused_signup(client: TestClient, session: Session) -> None:
    sign_up(client, username="ada")
    post_signup(client, username="ada")
    assert session.scalar(select(func.count()).select_from(User)) == 1
    assert session.scalar(select(func.count()).select_from(LoginSession)) == 1


def test_of_racing_signups_with_one_address_one_wins(real_client: TestClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post_signup(real_client, email="ada@example.com"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {error_code(answer) for answer in answers if answer.status_code == 409} == {"email_taken"}


def test_of_racing_signups_with_one_username_one_wins(real_client: TestClient) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post_signup(real_client, username="ada"), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 3
    assert {error_code(answer) for answer in answers if answer.status_code == 409} == {"username_taken"}
