"""Passing people and taking it back, over HTTP; and how passes expire."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.matching import passes
from shared.matching.models import DailyLikeCount, Pass
from tests.api.test_likes import like
from tests.people import Person, error_code, sign_up

PASS = "/v1/matching/pass"
REWIND = "/v1/matching/rewind"


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client, name="Ada", time_zone="Pacific/Kiritimati")


@pytest.fixture
def bob(client: TestClient) -> Person:
    return sign_up(client, name="Bob")


def pass_over(person: Person, other: Person) -> dict[str, str]:
    answer = person.post(PASS, json={"user_id": str(other.id)})
    assert answer.status_code == 201, answer.text
    shown: dict[str, str] = answer.json()
    return shown


def weeks(session: Session) -> set[str]:
    listed = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'passes'::regclass")
    return set(session.scalars(listed))


def test_a_pass_lasts_thirty_days_and_again_starts_anew(ada: Person, bob: Person, session: Session) -> None:
    shown = pass_over(ada, bob)
    lasts = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < lasts <= timedelta(days=30)
    again = pass_over(ada, bob)
    assert again["expires_at"] > shown["expires_at"]
    assert session.scalar(select(func.count()).select_from(Pass)) == 1, "on one day it is one row"


def test_a_pass_hides_a_like_that_waits_until_it_expires(ada: Person, bob: Person, session: Session) -> None:
    like(bob, ada)
    pass_over(ada, bob)
    assert ada.get("/v1/matching/likes").json()["items"] == []
    session.execute(update(Pass).values(expires_at=func.now() - timedelta(seconds=1)))
    (waiting,) = ada.get("/v1/matching/likes").json()["items"]
    assert waiting["user_id"] == str(bob.id)


def test_a_like_counts_more_than_a_pass(ada: Person, bob: Person) -> None:
    pass_over(ada, bob)
    like(bob, ada)
    assert like(ada, bob, "I was wrong about the accordion, I think.").json()["match"] is not None
    assert error_code(ada.post(PASS, json={"user_id": str(bob.id)})) == "already_liked"


def test_who_cannot_be_passed(client: TestClient, ada: Person, bob: Person, session: Session) -> None:
    assert error_code(ada.post(PASS, json={"user_id": str(ada.id)})) == "cannot_target_self"
    assert error_code(ada.post(PASS, json={"user_id": str(uuid.uuid4())})) == "not_found"
    bob.post("/v1/matching/block", json={"user_id": str(ada.id)})
    assert error_code(ada.post(PASS, json={"user_id": str(bob.id)})) == "not_found"
    paused = sign_up(client)
    paused.post("/v1/users/me/pause")
    assert error_code(ada.post(PASS, json={"user_id": str(paused.id)})) == "not_found"
    assert session.scalars(select(Pass)).all() == []


def test_the_last_pass_can_be_taken_back_once_a_day(
    client: TestClient, ada: Person, bob: Person, session: Session
) -> None:
    assert error_code(ada.post(REWIND)) == "nothing_to_rewind"
    carol = sign_up(client)
    pass_over(ada, bob)
    pass_over(ada, carol)
    answer = ada.post(REWIND)
    assert (answer.status_code, answer.json()) == (200, {"user_id": str(carol.id)})
    assert session.scalars(select(Pass.passed_id)).all() == [bob.id]
    refused = ada.post(REWIND)
    assert error_code(refused) == "nothing_to_rewind"
    assert datetime.fromisoformat(refused.json()["error"]["details"]["resets_at"]) > datetime.now(UTC)
    session.execute(update(DailyLikeCount).values(day=DailyLikeCount.day - 1))
    assert ada.post(REWIND).json() == {"user_id": str(bob.id)}


def test_a_rewind_uses_no_like(ada: Person, bob: Person) -> None:
    pass_over(ada, bob)
    ada.post(REWIND)
    assert like(ada, bob).json()["quota"]["used"] == 1


def test_a_pass_of_six_minutes_ago_stays(ada: Person, bob: Person, session: Session) -> None:
    pass_over(ada, bob)
    session.execute(update(Pass).values(created_at=func.now() - timedelta(minutes=6)))
    assert error_code(ada.post(REWIND)) == "nothing_to_rewind"


def test_a_week_is_dropped_when_all_of_it_is_over_and_the_next_are_made(
    ada: Person, bob: Person, session: Session
) -> None:
    now = datetime.now(UTC)
    user = session.get_one(User, ada.id)
    passes.pass_over(session, user, user_id=bob.id, now=now - timedelta(days=90))
    passes.pass_over(session, user, user_id=bob.id, now=now)
    assert session.scalar(select(func.count()).select_from(Pass)) == 2
    assert passes.expire(session, now=now) == 1
    assert session.scalar(select(func.count()).select_from(Pass)) == 1
    made = weeks(session)
    assert passes.expire(session, now=now) == 0
    assert weeks(session) == made
    ahead = now + timedelta(days=37)
    assert f"passes_{ahead - timedelta(days=ahead.weekday()):%Y%m%d}" in made


def test_no_pass_in_force_is_ever_dropped(
    ada: Person, bob: Person, session: Session, configured: Callable[..., None]
) -> None:
    configured(PASS_DAYS="1")
    now = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)
    user = session.get_one(User, ada.id)
    for days in range(10):
        moment = now + timedelta(days=days)
        passed = passes.pass_over(session, user, user_id=bob.id, now=moment)
        passes.expire(session, now=passed.expires_at - timedelta(microseconds=1))
        in_force = select(Pass).where(*Pass.in_force(passed.expires_at - timedelta(microseconds=1)))
        assert session.scalars(in_force).all(), moment
