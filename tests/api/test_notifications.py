"""What people were told, and which of it is mailed to them."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.database import Database
from shared.notifications.models import MutedMail, Notification
from shared.notifications.rules import Mailed
from shared.notifications.service import tell
from shared.notifications.unsubscribing import token_for
from shared.settings import settings
from tests.people import Person, error_code, sign_up
from tests.races import at_once

FEED, READ = "/v1/notifications", "/v1/notifications/read"
SETTINGS, UNSUBSCRIBE = "/v1/notifications/settings", "/v1/notifications/unsubscribe"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ALL_ON = {"match.created": True, "message.created": True}


def told(session: Session, person: Person, count: int, *, apart: timedelta = timedelta(minutes=1)) -> list[str]:
    """So many notifications, the newest first."""
    rows = [
        Notification(
            id=uuid.uuid4(), user_id=person.id, kind="like.received", data={"number": n}, created_at=NOW + n * apart
        )
        for n in range(count)
    ]
    session.add_all(rows)
    session.commit()
    return [str(row.id) for row in sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)]


def pages(person: Person, limit: int) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        page = person.get(FEED, params={"limit": limit} | ({"cursor": cursor} if cursor else {})).json()
        found.append(page)
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("apart", [timedelta(minutes=1), timedelta()])
def test_the_feed_has_everything_once_the_newest_first(client: TestClient, session: Session, apart: timedelta) -> None:
    ada, bob = sign_up(client), sign_up(client)
    ids = told(session, ada, 7, apart=apart)
    told(session, bob, 2)
    for limit in (1, 3, 7, 100):
        found = pages(ada, limit)
        assert [item["id"] for page in found for item in page["items"]] == ids
        assert {page["unread"] for page in found} == {7}
    item = found[0]["items"][0]
    assert set(item) == {"id", "kind", "data", "created_at", "read_at"}
    assert (item["kind"], item["read_at"]) == ("like.received", None)


def test_nobody_was_told_anything_yet(client: TestClient) -> None:
    assert sign_up(client).get(FEED).json() == {"items": [], "next_cursor": None, "unread": 0}


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"cursor": "nonsense"}, {"cursor": "a" * 300}])
def test_a_page_that_there_is_not_is_refused(client: TestClient, query: dict[str, Any]) -> None:
    assert error_code(sign_up(client).get(FEED, params=query)) == "validation_error"


def test_the_feed_takes_a_fixed_number_of_statements(client: TestClient, session: Session, queries: list[str]) -> None:
    ada = sign_up(client)
    told(session, ada, 40)
    counts = set()
    for limit in (1, 30):
        queries.clear()
        ada.get(FEED, params={"limit": limit})
        counts.add(len(queries))
    assert counts == {3}, "who it is, the page, and what is unread"


def test_some_or_all_are_marked_as_read_and_only_ones_own(client: TestClient, session: Session) -> None:
    ada, bob = sign_up(client), sign_up(client)
    ids, theirs = told(session, ada, 4), told(session, bob, 1)
    assert ada.post(READ, json={"ids": [ids[1], theirs[0], str(uuid.uuid4())]}).json() == {"unread": 3}
    first = {item["id"]: item["read_at"] for item in ada.get(FEED).json()["items"]}
    assert [read is not None for read in first.values()] == [False, True, False, False]
    assert ada.post(READ, json={"ids": []}).json() == {"unread": 3}
    assert ada.post(READ, json={}).json() == {"unread": 0}
    again = {item["id"]: item["read_at"] for item in ada.get(FEED).json()["items"]}
    assert again[ids[1]] == first[ids[1]], "when it was first read"
    assert all(again.values())
    assert ada.post(READ, json={"ids": None}).json() == {"unread": 0}
    assert bob.get(FEED).json()["unread"] == 1


@pytest.mark.parametrize(
    "body", [{"ids": ["x"]}, {"ids": "all"}, {"all": True}, {"ids": [str(uuid.uuid4())] * 101}, []]
)
def test_what_names_no_notifications_is_refused(client: TestClient, session: Session, body: Any) -> None:
    ada = sign_up(client)
    told(session, ada, 1)
    assert error_code(ada.post(READ, json=body)) == "validation_error"
    assert ada.get(FEED).json()["unread"] == 1


def test_two_devices_that_read_at_once_do_not_wait_crosswise(real_client: TestClient, committed: Database) -> None:
    ada = sign_up(real_client)
    ids = committed.call(told, ada, 60)
    with ThreadPoolExecutor(4) as pool:
        orders = [{"ids": ids}, {"ids": ids[::-1]}, {}, {"ids": sorted(ids)}]
        codes = at_once(pool, *(lambda body=body: ada.post(READ, json=body).status_code for body in orders))
    assert codes == [200] * 4
    assert ada.get(FEED).json()["unread"] == 0


def test_telling_is_found_in_the_feed(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    tell(session, user_id=ada.id, kind="match.changed", data={"match_id": "x"})
    session.commit()
    assert ada.get(FEED).json()["items"][0]["data"] == {"match_id": "x"}


def test_switches_are_on_until_they_are_set(client: TestClient) -> None:
    ada, bob = sign_up(client), sign_up(client)
    assert ada.get(SETTINGS).json() == {"mail": ALL_ON}
    off = {"match.created": False, "message.created": True}
    assert ada.put(SETTINGS, json={"mail": off}).json() == {"mail": off}
    assert ada.get(SETTINGS).json() == {"mail": off}
    assert ada.put(SETTINGS, json={"mail": {"message.created": False}}).json()["mail"] == ALL_ON | {
        "message.created": False
    }, "what is left out goes back to its default"
    assert ada.put(SETTINGS, json={"mail": {}}).json() == {"mail": ALL_ON}
    assert bob.get(SETTINGS).json() == {"mail": ALL_ON}


def test_opposite_choices_at_once_do_not_wait_crosswise(real_client: TestClient) -> None:
    ada = sign_up(real_client)
    choices = [
        {"match.created": kind == "match.created", "message.created": kind != "match.created"} for kind in Mailed
    ]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(100):
            ada.put(SETTINGS, json={"mail": dict.fromkeys(Mailed, False)})
            both = (lambda mail=mail: ada.put(SETTINGS, json={"mail": mail}).status_code for mail in choices)
            assert at_once(pool, *both) == [200, 200]
            assert ada.get(SETTINGS).json()["mail"] in choices


@pytest.mark.parametrize(
    "body",
    [
        {"mail": {"verify_email": False}},
        {"mail": {"like.received": False}},
        {"mail": {"match.created": None}},
        {"mail": None},
        {},
        {"mail": {}, "push": {}},
    ],
    ids=str,
)
def test_there_are_no_other_switches(client: TestClient, body: Any) -> None:
    ada = sign_up(client)
    assert ada.put(SETTINGS, json={"mail": {"match.created": False}}).status_code == 200
    assert error_code(ada.put(SETTINGS, json=body)) == "validation_error"
    assert ada.get(SETTINGS).json()["mail"] == ALL_ON | {"match.created": False}


@pytest.mark.parametrize("kind", Mailed)
def test_one_click_switches_a_kind_off(client: TestClient, session: Session, kind: Mailed) -> None:
    """As a mail program does it: no login, and a form that says so."""
    ada = sign_up(client)
    link = f"{UNSUBSCRIBE}?token={token_for(ada.id, kind, settings())}"
    for _ in range(2):
        answer = client.post(link, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert ada.get(SETTINGS).json()["mail"] == ALL_ON | {kind: False}


def test_looking_at_the_link_asks_and_changes_nothing(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    answer = client.get(f"{UNSUBSCRIBE}?token={token_for(ada.id, Mailed.MATCH, settings())}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert '<form method="post"><button>' in answer.text
    assert "about new matches" in answer.text
    assert session.scalars(select(MutedMail)).all() == []


def test_who_has_left_is_no_error(client: TestClient, session: Session) -> None:
    link = f"{UNSUBSCRIBE}?token={token_for(uuid.uuid4(), Mailed.MATCH, settings())}"
    assert client.post(link).status_code == 200
    assert session.scalars(select(MutedMail)).all() == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["", "x", "A" * 60])
def test_a_link_that_is_not_ours_does_nothing(client: TestClient, method: str, token: str) -> None:
    answer = client.request(method, UNSUBSCRIBE, params={"token": token})
    assert (answer.status_code, error_code(answer)) == (401, "token_invalid")
    assert error_code(client.request(method, UNSUBSCRIBE)) == "validation_error"
