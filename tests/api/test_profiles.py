"""The public profile: what others see, who sees it, and what nobody does."""

import re
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.accounts.models import Role, User
from shared.accounts.rules import age
from shared.photos.models import Photo, PhotoStatus
from shared.prompts.catalogue import QUESTIONS
from tests.api.test_quiz import submit
from tests.people import Person, error_code, sign_up

PLACE = {"latitude": 52.520008, "longitude": 13.404954}
FIELDS = {
    "id",
    "name",
    "age",
    "bio",
    "distance_km",
    "active",
    "photos",
    "prompts",
    "badges",
    "compatibility",
}


def show(session: Session, person: Person) -> None:
    """Give them a photo that is ready, and one that is not."""
    ready = Photo(
        user_id=person.id,
        position=0,
        status=PhotoStatus.READY,
        width=1080,
        height=1440,
        thumbhash="1QcSHQRnh493V4dIh4eXh1h4kJUI",
        color="#336699",
        renditions={"320": "photos/aa/b-320.webp", "jpeg": "photos/aa/b-jpeg.jpg"},
    )
    session.add_all([ready, Photo(user_id=person.id, position=1, status=PhotoStatus.PROCESSING)])
    session.flush()


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client)


@pytest.fixture
def bob(client: TestClient, session: Session) -> Person:
    bob = sign_up(client, name="Bob", bio="Bakes.", birth_date="1992-03-04", location=PLACE)
    show(session, bob)
    return bob


def seen(viewer: Person, person: Person) -> dict[str, Any]:
    answer = viewer.get(f"/v1/users/{person.id}")
    assert answer.status_code == 200, answer.text
    profile: dict[str, Any] = answer.json()
    return profile


def say(person: Person, text: str, question: int, **more: Any) -> None:
    body = {"question_id": str(QUESTIONS[question].id), "answer": text, **more}
    assert person.post("/v1/profile/prompts", json=body).status_code == 201


def test_others_see_what_is_meant_for_them(ada: Person, bob: Person) -> None:
    say(bob, "Nobody knows this.", 2, private=True)
    say(bob, "Rye.", 1)
    profile = seen(ada, bob)
    assert set(profile) == FIELDS
    assert (profile["id"], profile["name"], profile["bio"]) == (str(bob.id), "Bob", "Bakes.")
    assert profile["age"] == age(date(1992, 3, 4), datetime.now(UTC).date())
    assert (profile["distance_km"], profile["active"]) == (None, "today")
    (photo,) = profile["photos"]
    assert set(photo) == {"id", "status", "position", "width", "height", "thumbhash", "color", "urls", "rejection"}
    assert (photo["status"], photo["color"], photo["thumbhash"][:4]) == ("ready", "#336699", "1QcS")
    assert set(photo["urls"]) == {"320", "jpeg"}
    (said,) = profile["prompts"]
    assert (said["answer"], said["question"]["slug"]) == ("Rye.", QUESTIONS[1].slug)
    assert set(said) == {"id", "question", "answer", "private", "position", "status"}
    assert said["position"] == 0, "a gap would tell of the private one"
    assert profile["badges"] == []


def test_nothing_tells_an_address_a_place_a_role_or_a_time(ada: Person, bob: Person, session: Session) -> None:
    ada.patch("/v1/users/me", json={"location": {"latitude": 52.5, "longitude": 13.4}})
    say(bob, "Rye.", 1)
    submit(bob)
    session.execute(update(User).where(User.id == bob.id).values(role=Role.ADMIN))
    # without ids and links, whose digits may be any
    told = re.sub(r'"(urls|id)":(\{[^}]*\}|"[^"]*")', "", ada.get(f"/v1/users/{bob.id}").text)
    for secret in (bob.email, "1992", "52.5", "13.4", "admin", '"private":true', "Nobody", str(datetime.now(UTC).year)):
        assert secret not in told, secret


def test_the_distance_is_between_cells_and_rounded_up(ada: Person, bob: Person) -> None:
    ada.patch("/v1/users/me", json={"location": PLACE})
    assert seen(ada, bob)["distance_km"] == 1
    ada.patch("/v1/users/me", json={"location": {"latitude": 48.8566, "longitude": 2.3522}})
    assert seen(ada, bob)["distance_km"] in range(876, 881)


@pytest.mark.parametrize(("days", "active"), [(0, "today"), (2, "this_week"), (30, "longer_ago")])
def test_when_somebody_was_here_is_told_roughly(
    ada: Person, bob: Person, session: Session, days: int, active: str
) -> None:
    then = datetime.now(UTC) - timedelta(days=days)
    session.execute(update(User).where(User.id == bob.id).values(last_active_at=then))
    assert seen(ada, bob)["active"] == active


def test_how_well_two_fit_is_told_with_reasons_and_whether_it_is_an_estimate(ada: Person, bob: Person) -> None:
    fit = seen(ada, bob)["compatibility"]
    assert (fit["percent"], fit["estimated"]) == (100, True)
    assert fit["note"]
    submit(bob, 0)
    submit(ada, 1)
    fit = seen(ada, bob)["compatibility"]
    assert 0 <= fit["percent"] < 100
    assert (fit["estimated"], fit["note"]) == (False, None)
    assert len({reason["trait"] for reason in (*fit["fits"], fit["differs"])}) == 3
    assert all(len(reason["text"]) > 10 for reason in (*fit["fits"], fit["differs"]))


def test_ones_own_profile_looks_as_others_see_it(bob: Person) -> None:
    say(bob, "Nobody knows this.", 2, private=True)
    profile = seen(bob, bob)
    assert (profile["compatibility"], profile["distance_km"], profile["prompts"]) == (None, None, [])


def test_who_may_not_see_somebody_is_not_told_that_they_exist(
    client: TestClient, ada: Person, bob: Person, session: Session
) -> None:
    nobody = ada.get(f"/v1/users/{uuid.uuid4()}")
    hidden = bob.get(f"/v1/users/{ada.id}")  # she has no photo
    assert (nobody.status_code, error_code(nobody)) == (hidden.status_code, error_code(hidden)) == (404, "not_found")
    assert nobody.json()["error"]["message"] == hidden.json()["error"]["message"]
    session.execute(update(User).where(User.id == bob.id).values(role=Role.MODERATOR))
    assert seen(bob, ada)["name"] == "Ada"


def test_one_must_be_signed_in(client: TestClient, bob: Person) -> None:
    answer = client.get(f"/v1/users/{bob.id}")
    assert (answer.status_code, error_code(answer)) == (401, "not_authenticated")
    answer = bob.get("/v1/users/bob")
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")


def test_a_profile_takes_a_fixed_number_of_queries(ada: Person, bob: Person, queries: list[str]) -> None:
    seen(ada, bob)
    queries.clear()
    seen(ada, bob)
    alone = len(queries)
    for number in range(3):
        say(bob, str(number), number)
    submit(bob)
    queries.clear()
    seen(ada, bob)
    assert len(queries) <= alone + 1  # the questions of what was answered
    assert alone <= 9


def test_what_is_missing_is_told_in_words_until_nothing_is(ada: Person, session: Session) -> None:
    state = ada.get("/v1/users/me").json()["profile"]
    assert (state["complete"], state["percent"], len(state["missing"])) == (False, 0, 6)
    say(ada, "Nobody can talk with me about this.", 0, private=True)
    assert ada.get("/v1/users/me").json()["profile"]["percent"] == 0
    say(ada, "About this they can.", 1)
    submit(ada)
    state = ada.get("/v1/users/me").json()["profile"]
    assert (state["percent"], len(state["missing"])) == (40, 4)
    show(session, ada)
    ada.patch("/v1/users/me", json={"bio": "Hm.", "gender": "woman", "location": PLACE})
    assert ada.get("/v1/users/me").json()["profile"] == {"complete": True, "percent": 100, "missing": []}
