"""Matches over HTTP: what becomes of them, who may change what, and what others see."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.matching import matches
from shared.matching.models import Match, MatchChange
from shared.matching.rules import MatchState
from shared.notifications.models import Notification
from tests.api.test_likes import WORDS, like
from tests.people import Person, error_code, sign_up

MATCHES = "/v1/matching/matches"
ME = "/v1/users/me"


@pytest.fixture
def pair(client: TestClient) -> tuple[Person, Person]:
    return sign_up(client, name="Ada", bio="Writes."), sign_up(client, name="Bob", bio="Reads.")


@pytest.fixture
def match(pair: tuple[Person, Person]) -> str:
    return matched(*pair)


def matched(ada: Person, bob: Person) -> str:
    like(ada, bob, WORDS[0])
    return str(like(bob, ada, WORDS[1]).json()["match"]["id"])


def change(person: Person, match_id: str, state: str) -> dict[str, Any]:
    answer = person.patch(f"{MATCHES}/{match_id}", json={"state": state})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def refusal(person: Person, match_id: str, state: str) -> str:
    return error_code(person.patch(f"{MATCHES}/{match_id}", json={"state": state}))


def status(*people: Person) -> list[str]:
    return [person.get(ME).json()["status"] for person in people]


def test_either_archives_and_brings_back(pair: tuple[Person, Person], match: str, session: Session) -> None:
    ada, bob = pair
    assert change(ada, match, "archived")["state"] == "archived"
    assert bob.get(f"{MATCHES}?state=archived").json()["items"][0]["id"] == match
    assert bob.get(f"{MATCHES}?state=active").json()["items"] == []
    assert change(bob, match, "active")["state"] == "active"
    history = [(one.before, one.after, one.changed_by, one.why) for one in session.scalars(select(MatchChange))]
    assert history == [
        (None, "active", bob.id, "mutual_like"),
        ("active", "archived", ada.id, "either"),
        ("archived", "active", bob.id, "either"),
    ]


def test_dating_takes_both_and_pauses_both(pair: tuple[Person, Person], match: str, session: Session) -> None:
    ada, bob = pair
    shown = change(ada, match, "dating")
    assert (shown["state"], shown["dating"]) == ("active", {"proposed_by_me": True, "proposed_by_them": False})
    assert bob.get(f"{MATCHES}/{match}").json()["dating"] == {"proposed_by_me": False, "proposed_by_them": True}
    told = session.scalars(select(Notification).where(Notification.kind == "match.changed")).all()
    assert [(one.user_id, one.data["dating"]) for one in told] == [(bob.id, "proposed")]
    change(ada, match, "dating")
    assert status(ada, bob) == ["active", "active"]
    assert change(bob, match, "dating")["state"] == "dating"
    assert status(ada, bob) == ["paused", "paused"]
    assert error_code(ada.post(f"{ME}/resume")) == "invalid_transition"
    assert change(ada, match, "active")["state"] == "active"
    assert status(ada, bob) == ["active", "active"]
    assert bob.get(f"{MATCHES}/{match}").json()["dating"] == {"proposed_by_me": False, "proposed_by_them": False}


def test_a_proposal_can_be_withdrawn(pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    change(ada, match, "dating")
    assert refusal(bob, match, "active") == "invalid_transition", "it is not his"
    assert change(ada, match, "active")["dating"]["proposed_by_me"] is False
    assert change(bob, match, "dating")["state"] == "active"


def test_who_had_paused_by_choice_stays_paused(pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    ada.post(f"{ME}/pause")
    change(ada, match, "dating")
    change(bob, match, "dating")
    bob.post(f"{ME}/pause")
    change(bob, match, "active")
    assert status(ada, bob) == ["paused", "paused"]
    assert ada.post(f"{ME}/resume").json()["status"] == "active"


def test_nobody_dates_two_people(client: TestClient, pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    carol = sign_up(client, name="Carol")
    other = matched(carol, ada)
    change(bob, match, "dating")
    change(carol, other, "dating")
    change(ada, match, "dating")
    assert refusal(ada, other, "dating") == "invalid_transition"
    assert carol.get(f"{MATCHES}/{other}").json()["state"] == "active"
    assert change(carol, other, "unmatched")["state"] == "unmatched"
    assert status(ada, bob, carol) == ["paused", "paused", "active"]


def test_an_unmatch_is_for_good_and_leaves_a_name(pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    answer = ada.post("/v1/matching/unmatch", json={"match_id": match})
    assert (answer.status_code, answer.json()["state"]) == (200, "unmatched")
    left = bob.get(f"{MATCHES}/{match}").json()
    assert (left["state"], left["user"]["name"], left["user"]["bio"], left["your_turn"]) == (
        "unmatched",
        "Ada",
        "",
        False,
    )
    assert bob.get(MATCHES).json()["items"] == []
    assert bob.get(f"/v1/users/{ada.id}").status_code == 404
    for state in ("active", "archived", "dating", "unmatched", "deleted"):
        assert refusal(bob, match, state) == "invalid_transition"
    assert error_code(ada.post("/v1/matching/unmatch", json={"match_id": match})) == "invalid_transition"
    assert error_code(like(bob, ada, WORDS[2])) == "already_liked"


@pytest.mark.parametrize("state", ["mutual", "", None, 1])
def test_what_is_no_state_is_refused(pair: tuple[Person, Person], match: str, state: object) -> None:
    answer = pair[0].patch(f"{MATCHES}/{match}", json={"state": state})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")


def test_a_match_is_nobody_elses(client: TestClient, match: str, session: Session) -> None:
    eve = sign_up(client, name="Eve")
    for answer in (
        eve.get(f"{MATCHES}/{match}"),
        eve.patch(f"{MATCHES}/{match}", json={"state": "archived"}),
        eve.post("/v1/matching/unmatch", json={"match_id": match}),
        eve.get(f"{MATCHES}/{uuid.uuid4()}"),
    ):
        assert (answer.status_code, error_code(answer)) == (404, "not_in_match")
    assert session.scalars(select(Match.state)).one() == "active"


def test_matches_come_in_pages_the_last_active_first(
    client: TestClient, configured: Callable[..., None], session: Session
) -> None:
    configured(LIKES_PER_MINUTE="100")
    ada = sign_up(client)
    for number in range(5):
        match_id = (
            matched(ada, sign_up(client, name=f"P{number}")) if number == 0 else _matched_again(client, ada, number)
        )
        moment = datetime(2026, 11, 1, number, tzinfo=UTC)
        session.execute(update(Match).where(Match.id == uuid.UUID(match_id)).values(active_at=moment))
    seen, cursor = [], None
    while True:
        page = ada.get(MATCHES, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [one["user"]["name"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["P4", "P3", "P2", "P1", "P0"]


def _matched_again(client: TestClient, ada: Person, number: int) -> str:
    other = sign_up(client, name=f"P{number}")
    like(other, ada, WORDS[number + 1])
    return str(like(ada, other, WORDS[number + 2 if number > 1 else 9]).json()["match"]["id"])


def test_a_list_of_matches_takes_as_many_queries_however_long(
    client: TestClient, pair: tuple[Person, Person], match: str, queries: list[str]
) -> None:
    ada, _ = pair
    queries.clear()
    ada.get(MATCHES)
    for_one = len(queries)
    _matched_again(client, ada, 3)
    queries.clear()
    assert len(ada.get(MATCHES).json()["items"]) == 2
    assert len(queries) == for_one


def test_quiet_matches_are_archived_once_and_not_those_brought_back(
    pair: tuple[Person, Person], match: str, session: Session
) -> None:
    ada, _ = pair
    later = datetime.now(UTC) + timedelta(days=15)
    assert matches.archive_quiet(session, now=datetime.now(UTC) + timedelta(days=13)) == 0
    assert matches.archive_quiet(session, now=later) == 1
    assert matches.archive_quiet(session, now=later) == 0
    session.flush()
    session.expire_all()
    (quiet,) = ada.get(MATCHES).json()["items"]
    assert quiet["state"] == "archived"
    change(ada, match, "active")
    session.execute(update(Match).values(active_at=later - timedelta(days=30)))
    assert matches.archive_quiet(session, now=datetime.now(UTC) + timedelta(days=13)) == 0, "somebody wants it"


def test_when_an_account_is_deleted_its_matches_are_and_both_may_meet_again(
    pair: tuple[Person, Person], match: str, session: Session
) -> None:
    ada, bob = pair
    change(ada, match, "dating")
    change(bob, match, "dating")
    assert matches.end_all(session, session.get_one(User, ada.id), now=datetime.now(UTC)) == 1
    session.flush()
    session.expire_all()
    left = bob.get(f"{MATCHES}/{match}").json()
    assert (left["state"], left["user"]["name"]) == (MatchState.DELETED, "Deleted person")
    assert status(ada, bob) == ["active", "active"]
    assert bob.get(MATCHES).json()["items"] == []
    assert like(bob, ada, WORDS[3]).json()["match"] is None
    assert like(ada, bob, WORDS[4]).json()["match"]["id"] != match
