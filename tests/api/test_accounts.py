"""One's own account over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.accounts.models import Role, Status, User
from tests.api.test_auth import another_login, fields, is_in, log_in
from tests.people import PASSWORD, Person, error_code, sign_up

ME = "/v1/users/me"
WHOLE = {
    "name": "Ada",
    "username": "ada.l",
    "gender": "woman",
    "bio": "Writes letters to machines.",
    "location": {"latitude": 52.52, "longitude": 13.405},
    "time_zone": "Europe/Berlin",
    "preferences": {"genders": ["woman", "man"], "min_age": 25, "max_age": 40, "max_distance_km": 50},
}
DEFAULTS = {
    "username": None,
    "gender": None,
    "bio": "",
    "location": None,
    "time_zone": "UTC",
    "preferences": {"genders": ["woman", "man", "nonbinary"], "min_age": 18, "max_age": 99, "max_distance_km": None},
}


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client, **WHOLE)


def shown(person: Person) -> dict[str, Any]:
    """What can be edited, as it is."""
    return {name: value for name, value in person.get(ME).json().items() if name in WHOLE}


def test_put_replaces_all_that_can_be_edited(ada: Person) -> None:
    answer = ada.put(ME, json={"name": "Grace", "bio": "Finds moths.", "preferences": {"min_age": 30}})
    assert answer.status_code == 200
    expected = DEFAULTS | {
        "name": "Grace",
        "bio": "Finds moths.",
        "preferences": DEFAULTS["preferences"] | {"min_age": 30},  # type: ignore[operator]
    }
    assert shown(ada) == expected
    assert answer.json() == ada.get(ME).json()
    assert ada.put(ME, json=WHOLE).status_code == 200
    assert shown(ada) == WHOLE


def test_put_needs_a_name(ada: Person) -> None:
    assert fields(ada.put(ME, json={"bio": "x"})) == {"body.name"}


@pytest.mark.parametrize(
    ("sent", "changed"),
    [
        ({}, {}),
        ({"name": "Grace"}, {"name": "Grace"}),
        ({"username": "grace"}, {"username": "grace"}),
        ({"username": None}, {"username": None}),
        ({"gender": "nonbinary"}, {"gender": "nonbinary"}),
        ({"gender": None}, {"gender": None}),
        ({"bio": ""}, {"bio": ""}),
        ({"bio": "é" * 500}, {"bio": "é" * 500}),
        ({"location": None}, {"location": None}),
        ({"location": {"latitude": -90, "longitude": 180}}, {"location": {"latitude": -90, "longitude": 180}}),
        ({"time_zone": "UTC"}, {"time_zone": "UTC"}),
    ],
    ids=str,
)
def test_patch_changes_what_is_sent(ada: Person, sent: dict[str, Any], changed: dict[str, Any]) -> None:
    answer = ada.patch(ME, json=sent)
    assert answer.status_code == 200, answer.text
    assert shown(ada) == WHOLE | changed
    assert answer.json() == ada.get(ME).json()


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"max_age": 45},
        {"min_age": 40},
        {"genders": ["nonbinary"]},
        {"max_distance_km": None},
        {"max_distance_km": 500},
        {"min_age": 99, "max_age": 99},
    ],
    ids=str,
)
def test_patch_changes_what_is_sent_within_preferences(ada: Person, sent: dict[str, Any]) -> None:
    assert ada.patch(ME, json={"preferences": sent}).status_code == 200
    assert shown(ada) == WHOLE | {"preferences": WHOLE["preferences"] | sent}  # type: ignore[operator]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"birth_date": "1980-01-01"}, "body.birth_date"),
        ({"email": "grace@example.com"}, "body.email"),
        ({"password": "battery staple"}, "body.password"),
        ({"role": "admin"}, "body.role"),
        ({"status": "paused"}, "body.status"),
        ({"id": "x"}, "body.id"),
        ({"nmae": "Ada"}, "body.nmae"),
        ({"name": ""}, "body.name"),
        ({"name": "x" * 51}, "body.name"),
        ({"bio": "x" * 501}, "body.bio"),
        ({"bio": 7}, "body.bio"),
        ({"gender": "cat"}, "body.gender"),
        ({"username": ""}, "body.username"),
        ({"username": "ada\n"}, "body.username"),
        ({"time_zone": ""}, "body.time_zone"),
        ({"location": {"latitude": 90.01, "longitude": 0}}, "body.location.latitude"),
        ({"location": {"latitude": 0, "longitude": "east"}}, "body.location.longitude"),
        ({"location": {"latitude": 0, "longitude": 0, "altitude": 0}}, "body.location.altitude"),
        ({"location": {"latitude": False, "longitude": 0}}, "body.location.latitude"),
        ({"location": {"latitude": 0, "longitude": "0"}}, "body.location.longitude"),
        ({"preferences": {"min_age": "25"}}, "body.preferences.min_age"),
        ({"preferences": {"max_distance_km": True}}, "body.preferences.max_distance_km"),
        ({"preferences": {"max_age": 100}}, "body.preferences.max_age"),
        ({"preferences": {"min_age": 18.5}}, "body.preferences.min_age"),
        ({"preferences": {"max_age": None}}, "body.preferences.max_age"),
        ({"preferences": {"genders": None}}, "body.preferences.genders"),
        ({"preferences": {"genders": ["cat"]}}, "body.preferences.genders.0"),
        ({"preferences": {"max_distance_km": 501}}, "body.preferences.max_distance_km"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_in_an_edit_is_named(ada: Person, method: str, wrong: dict[str, Any], field: str) -> None:
    assert fields(ada.request(method, ME, json={"name": "Ada", **wrong})) == {field}
    assert shown(ada) == WHOLE


@pytest.mark.parametrize("name", ["name", "bio", "time_zone", "preferences"])
def test_what_cannot_be_empty_cannot_be_null(ada: Person, name: str) -> None:
    for method in ("PUT", "PATCH"):
        answer = ada.request(method, ME, json={"name": "Ada", name: None})
        assert answer.status_code == 422
        assert name in answer.text
    assert shown(ada) == WHOLE


def test_an_age_range_must_not_end_before_it_begins(ada: Person) -> None:
    for preferences in ({"min_age": 41}, {"max_age": 24}, {"min_age": 30, "max_age": 29}):
        answer = ada.patch(ME, json={"preferences": preferences})
        assert (answer.status_code, error_code(answer)) == (422, "validation_error")
    assert shown(ada) == WHOLE


def test_a_taken_username_is_refused_and_changes_nothing(client: TestClient, ada: Person) -> None:
    sign_up(client, username="grace")
    for method in ("PUT", "PATCH"):
        answer = ada.request(method, ME, json={**WHOLE, "username": "grace", "bio": "other"})
        assert (answer.status_code, error_code(answer)) == (409, "username_taken")
    assert shown(ada) == WHOLE
    assert ada.patch(ME, json={"username": "ada.l"}).status_code == 200, "one's own is not taken"


def test_age_is_told_in_ones_own_time_zone(client: TestClient) -> None:
    born = (datetime.now(UTC) - timedelta(days=365.25 * 30)).date()
    ages = set()
    for days in range(-3, 4):
        person = sign_up(client, birth_date=(born + timedelta(days=days)).isoformat())
        for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
            ages.add(person.patch(ME, json={"time_zone": zone}).json()["age"])
    assert ages == {29, 30}


@pytest.mark.parametrize("field", ["name", "bio"])
@pytest.mark.parametrize("blank", ["\u200b", "\u3164 \u2800"])
def test_what_shows_nothing_is_refused(ada: Person, field: str, blank: str) -> None:
    answer = ada.patch("/v1/users/me", json={field: blank})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")


def test_a_name_in_another_script_is_kept_as_written(ada: Person) -> None:
    for name in ("李小龍", "Zoë", "O'Brien", "Ñandú 🦙"):
        assert ada.patch(ME, json={"name": name}).json()["name"] == name
    assert ada.patch(ME, json={"name": "Zoe\u0308"}).json()["name"] == "Zoë", "in one normal form"


def test_changing_the_password(client: TestClient, ada: Person) -> None:
    phone = another_login(ada)
    answer = ada.put(f"{ME}/password", json={"old_password": PASSWORD, "new_password": "battery staple"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert is_in(ada)
    assert not is_in(phone)
    assert error_code(log_in(client, ada.email)) == "invalid_credentials"
    assert log_in(client, ada.email, "battery staple").status_code == 200
    refreshed = client.post("/v1/auth/refresh", json={"refresh_token": ada.tokens["refresh_token"]})
    assert refreshed.status_code == 200


def test_changing_the_password_needs_the_old_one_and_a_good_new_one(client: TestClient, ada: Person) -> None:
    phone = another_login(ada)
    for old, new, code in (
        ("wrong", "battery staple", "invalid_credentials"),
        (PASSWORD, "password", "weak_password"),
        (PASSWORD, ada.email, "weak_password"),
        (PASSWORD, "short", "weak_password"),
    ):
        assert error_code(ada.put(f"{ME}/password", json={"old_password": old, "new_password": new})) == code
    assert fields(ada.put(f"{ME}/password", json={"new_password": "battery staple"})) == {"body.old_password"}
    assert is_in(phone)
    assert log_in(client, ada.email).status_code == 200


def test_pausing_and_resuming(ada: Person) -> None:
    for _ in range(2):
        answer = ada.post(f"{ME}/pause")
        assert (answer.status_code, answer.json()["status"]) == (200, "paused")
    assert ada.get(ME).json()["status"] == "paused"
    assert ada.patch(ME, json={"bio": "Away."}).status_code == 200
    for _ in range(2):
        answer = ada.post(f"{ME}/resume")
        assert (answer.status_code, answer.json()["status"]) == (200, "active")
    assert ada.get(ME).json() == answer.json()


@pytest.mark.parametrize(("role", "status"), [(Role.USER, 403), (Role.MODERATOR, 200), (Role.ADMIN, 200)])
def test_moderators_see_what_users_do_not(ada: Person, session: Session, role: Role, status: int) -> None:
    session.execute(update(User).values(role=role))
    answer = ada.get("/v1/admin/work")
    assert answer.status_code == status
    if status == 403:
        assert error_code(answer) == "forbidden"
    else:
        assert {"kind", "unfinished", "oldest_seconds", "failed"} == set(answer.json()["items"][0])
    assert ada.get(ME).json()["role"] == role


def test_nobody_is_told_what_moderators_see_without_logging_in(client: TestClient) -> None:
    assert error_code(client.get("/v1/admin/work")) == "not_authenticated"


def test_being_here_is_noted_every_five_minutes(ada: Person, session: Session) -> None:
    lately = datetime.now(UTC) - timedelta(minutes=4)
    session.execute(update(User).values(last_active_at=lately))
    assert datetime.fromisoformat(ada.get(ME).json()["last_active_at"]) == lately
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    session.execute(update(User).values(last_active_at=long_ago, updated_at=long_ago))
    seen = datetime.fromisoformat(ada.get(ME).json()["last_active_at"])
    assert datetime.now(UTC) - seen < timedelta(minutes=1)
    session.expire_all()
    user = session.scalars(select(User)).one()
    assert (user.last_active_at, user.updated_at) == (seen, long_ago)


def test_an_edit_changes_the_time_of_the_last_edit(ada: Person, session: Session) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    session.execute(update(User).values(updated_at=long_ago))
    ada.patch(ME, json={"bio": "New."})
    session.expire_all()
    assert session.scalars(select(User.updated_at)).one() > long_ago


def test_a_person_sees_themself_and_nobody_else(client: TestClient, ada: Person) -> None:
    grace = sign_up(client, name="Grace")
    assert ada.get(ME).json()["id"] == str(ada.id)
    assert grace.get(ME).json()["id"] == str(grace.id)
    grace.patch(ME, json={"bio": "Mine."})
    assert shown(ada) == WHOLE


def test_what_is_told_of_oneself_holds_no_secret(ada: Person, session: Session) -> None:
    stored = session.scalars(select(User.password_hash)).one()
    assert stored not in ada.get(ME).text
    assert "password" not in ada.get(ME).text


def test_the_status_does_not_outlive_the_session(ada: Person, session: Session) -> None:
    session.execute(update(User).values(status=Status.PAUSED))
    assert ada.get(ME).json()["status"] == "paused"
    ada.post("/v1/auth/logout-all")
    assert not is_in(ada)
