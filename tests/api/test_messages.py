"""Messages over HTTP: order, pages both ways, repeated sends, read markers, whose turn, and who may not."""

import json
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from psycopg import RawCursor
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from shared.accounts.models import Status, User
from shared.accounts.tokens import KeyRing
from shared.matching import matches
from shared.matching.models import Match, MatchChange
from shared.messaging import messages
from shared.messaging.models import Message
from shared.messaging.statements import NEWER, OLDER
from shared.moderation.models import Report
from shared.notifications.models import Notification
from shared.settings import settings
from tests.api.test_matches import MATCHES, change, matched
from tests.people import Person, error_code, sign_up


@pytest.fixture
def pair(client: TestClient) -> tuple[Person, Person]:
    return sign_up(client, name="Ada"), sign_up(client, name="Bob")


@pytest.fixture
def match(pair: tuple[Person, Person]) -> str:
    return matched(*pair)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def path(match_id: str) -> str:
    return f"{MATCHES}/{match_id}/messages"


def say(person: Person, match_id: str, text: str, **more: Any) -> Response:
    return person.post(path(match_id), json={"text": text, **more})


def said(person: Person, match_id: str, text: str, **more: Any) -> dict[str, Any]:
    answer = say(person, match_id, text, **more)
    assert answer.status_code == 201, answer.text
    message: dict[str, Any] = answer.json()
    return message


def read(person: Person, match_id: str, **query: Any) -> dict[str, Any]:
    answer = person.get(path(match_id), params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def texts(page: dict[str, Any]) -> list[str]:
    return [message["text"] for message in page["items"]]


def test_a_message_is_there_for_both(pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    assert read(ada, match) == {"items": [], "next_cursor": None, "previous_cursor": "newer.0"}
    sent = said(ada, match, "  Bring the bread.\n", client_id="c-1")
    assert sent | {"id": "", "created_at": ""} == {
        "id": "",
        "client_id": "c-1",
        "number": 1,
        "sender_id": str(ada.id),
        "text": "Bring the bread.",
        "created_at": "",
        "read_at": None,
    }
    for person in pair:
        (item,) = read(person, match)["items"]
        assert datetime.fromisoformat(item.pop("created_at")) == datetime.fromisoformat(sent["created_at"])
        assert item == {name: value for name, value in sent.items() if name != "created_at"}
    shown = bob.get(f"{MATCHES}/{match}").json()
    assert (shown["last_message"], shown["unread"], shown["your_turn"]) == (sent, 1, True)
    shown = ada.get(MATCHES).json()["items"][0]
    assert (shown["last_message"], shown["unread"], shown["your_turn"]) == (sent, 0, False)


def test_pages_go_both_ways_and_lose_nothing_in_between(pair: tuple[Person, Person], match: str) -> None:
    for number in range(1, 8):
        said(pair[number % 2], match, str(number))
    first = read(pair[0], match, limit=3)
    assert texts(first) == ["7", "6", "5"]
    second = read(pair[0], match, limit=3, cursor=first["next_cursor"])
    assert texts(second) == ["4", "3", "2"]
    third = read(pair[0], match, limit=3, cursor=second["next_cursor"])
    assert (texts(third), third["next_cursor"]) == (["1"], None)
    newer = read(pair[0], match, limit=2, cursor=third["previous_cursor"])
    assert texts(newer) == ["3", "2"], "those that come next, the newest of them first"
    assert texts(read(pair[0], match, cursor=newer["next_cursor"])) == ["1"]
    nothing = read(pair[0], match, cursor=first["previous_cursor"])
    assert (nothing["items"], nothing["previous_cursor"]) == ([], first["previous_cursor"])
    said(pair[0], match, "8")
    assert texts(read(pair[0], match, cursor=nothing["previous_cursor"])) == ["8"]


@pytest.mark.parametrize("cursor", ["", "older", "older.x", "older.-1", "newer.01", "sideways.3", "older.9999999999"])
def test_a_cursor_of_nobodys_is_refused(pair: tuple[Person, Person], match: str, cursor: str) -> None:
    answer = pair[0].get(path(match), params={"cursor": cursor})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")


def test_sent_again_it_is_the_same_message(pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    first = said(ada, match, "Once.", client_id="c-1")
    assert said(ada, match, "Once.", client_id="c-1") == first
    assert said(bob, match, "Mine.", client_id="c-1")["number"] == 2, "a client id is its sender's own"
    assert error_code(say(ada, match, "Something else.", client_id="c-1")) == "idempotency_conflict"
    assert [said(ada, match, "Twice.")["number"] for _ in range(2)] == [3, 4], "without one, each is new"
    assert bob.get(f"{MATCHES}/{match}").json()["unread"] == 3
    change(ada, match, "unmatched")
    assert said(ada, match, "Once.", client_id="c-1") == first, "its answer may have been lost"
    assert error_code(say(ada, match, "More.")) == "match_closed"


def test_the_same_message_sent_many_times_at_once_is_one(real_client: TestClient, pool: ThreadPoolExecutor) -> None:
    ada, bob = sign_up(real_client), sign_up(real_client)
    match = matched(ada, bob)
    answers = list(pool.map(lambda number: said(ada, match, "Once.", client_id=f"c-{number // 8}"), range(40)))
    assert len({answer["id"] for answer in answers}) == 5
    assert [one["number"] for one in read(bob, match)["items"]] == [5, 4, 3, 2, 1]
    assert bob.get(f"{MATCHES}/{match}").json()["unread"] == 5


def test_two_who_write_at_once_are_numbered_without_a_gap(real_client: TestClient, pool: ThreadPoolExecutor) -> None:
    pair = sign_up(real_client), sign_up(real_client)
    match = matched(*pair)
    list(pool.map(lambda number: said(pair[number % 2], match, str(number)), range(60)))
    items = read(pair[0], match, limit=100)["items"]
    assert [one["number"] for one in items] == list(range(60, 0, -1))
    moments = [datetime.fromisoformat(one["created_at"]) for one in items]
    assert moments == sorted(set(moments), reverse=True), "each is later than the one before it"
    assert [person.get(f"{MATCHES}/{match}").json()["unread"] for person in pair] == [30, 30]


def test_reading_is_marked_up_to_a_message_and_told_to_both(pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    sent = [said(ada, match, str(number)) for number in range(3)]
    mine = said(bob, match, "Hm.")
    answer = bob.post(f"{MATCHES}/{match}/read", json={"message_id": sent[1]["id"]})
    assert answer.json() == {"match_id": match, "number": 2, "unread": 1}
    assert [bool(one["read_at"]) for one in read(ada, match)["items"]] == [False, False, True, True]
    back = bob.post(f"{MATCHES}/{match}/read", json={"message_id": sent[0]["id"]}).json()
    assert (back["number"], back["unread"]) == (2, 1), "further back changes nothing"
    assert bob.post(f"{MATCHES}/{match}/read").json() == {"match_id": match, "number": 4, "unread": 0}
    before = read(ada, match)
    assert bob.post(f"{MATCHES}/{match}/read", json={}).json()["unread"] == 0
    assert read(ada, match) == before, "when it was read stays"
    assert ada.get(f"{MATCHES}/{match}").json()["unread"] == 1
    strange = ada.post(f"{MATCHES}/{match}/read", json={"message_id": str(uuid.uuid4())})
    assert error_code(strange) == "not_found"
    assert ada.post(f"{MATCHES}/{match}/read", json={"message_id": mine["id"]}).json()["unread"] == 0


def test_one_notification_tells_of_all_that_waits_in_a_match(
    pair: tuple[Person, Person], match: str, session: Session
) -> None:
    ada, bob = pair
    last = [said(ada, match, str(number)) for number in range(3)][-1]
    waiting = select(Notification).where(Notification.user_id == bob.id, Notification.kind == "message.created")
    (told,) = session.scalars(waiting)
    assert told.data == {"match_id": match, "message_id": last["id"], "sender_id": str(ada.id)}
    bob.post(f"{MATCHES}/{match}/read")
    session.expire_all()
    assert [bool(one.read_at) for one in session.scalars(waiting)] == [True]
    session.execute(update(Notification).values(mail_from=None))
    said(ada, match, "Again.")
    session.expire_all()
    assert sorted(bool(one.read_at) for one in session.scalars(waiting)) == [False, True]
    session.execute(update(Notification).values(mail_from=None))
    said(ada, match, "And again.")
    session.expire_all()
    (unread,) = session.scalars(waiting.where(Notification.read_at.is_(None)))
    assert unread.mail_from is not None, "what is new may be mailed, also when it was not before"
    assert not session.scalars(
        select(Notification).where(Notification.user_id == ada.id, Notification.kind == "message.created")
    ).all()


def test_whoever_reads_or_writes_in_a_match_knows_of_it(
    client: TestClient, pair: tuple[Person, Person], match: str, session: Session
) -> None:
    ada, bob = pair
    carol = sign_up(client, name="Carol")
    other = matched(carol, ada)

    def unseen(person: Person) -> list[str]:
        session.expire_all()
        of_theirs = (Notification.user_id == person.id, Notification.kind == "match.created")
        found = session.scalars(select(Notification).where(*of_theirs, Notification.read_at.is_(None)))
        return sorted(str(one.data["match_id"]) for one in found)

    assert unseen(bob) == [], "he has made the match himself"
    assert unseen(ada) == [match]
    said(bob, match, "Hello.")
    assert unseen(ada) == [match]
    ada.post(f"{MATCHES}/{match}/read")
    assert unseen(ada) == []
    assert unseen(carol) == [other]
    said(carol, other, "Hello, Ada.")
    assert unseen(carol) == []


def test_a_message_wakes_an_archived_match(pair: tuple[Person, Person], match: str, session: Session) -> None:
    ada, bob = pair
    change(ada, match, "archived")
    said(bob, match, "Still there?")
    assert ada.get(f"{MATCHES}/{match}").json()["state"] == "active"
    last = session.scalars(select(MatchChange).order_by(MatchChange.id.desc())).first()
    assert last is not None
    assert (last.before, last.after, last.changed_by, last.why) == ("archived", "active", bob.id, "message")
    later = datetime.now(UTC) + timedelta(days=13)
    assert matches.archive_quiet(session, now=later) == 0, "it counts from the last message"


def test_a_closed_match_takes_no_message_and_can_still_be_read(pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    said(ada, match, "Hello.")
    change(bob, match, "unmatched")
    for person in pair:
        assert error_code(say(person, match, "Hello?")) == "match_closed"
        assert texts(read(person, match)) == ["Hello."]
        assert person.get(f"{MATCHES}/{match}").json()["your_turn"] is False


def test_nobody_else_reads_or_writes(client: TestClient, pair: tuple[Person, Person], match: str) -> None:
    said(pair[0], match, "Between us.")
    stranger = sign_up(client)
    for answer in (
        stranger.get(path(match)),
        say(stranger, match, "Hi."),
        stranger.post(f"{MATCHES}/{match}/read"),
        pair[0].get(path(str(uuid.uuid4()))),
    ):
        assert (answer.status_code, error_code(answer)) == (404, "not_in_match")
    for answer in (client.get(path(match)), client.post(path(match), json={"text": "Hi."})):
        assert error_code(answer) == "not_authenticated"
    assert error_code(pair[0].get(path("not-an-id"))) == "validation_error"


def test_a_block_hides_what_was_written_from_both(pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    said(bob, match, "Between us.")
    ada.post("/v1/matching/block", json={"user_id": str(bob.id)})
    for person in pair:
        assert error_code(person.get(path(match))) == "not_in_match"
        assert error_code(say(person, match, "Hi.")) == "not_in_match"


@pytest.mark.parametrize("text", ["", "   ", "\u2800", "x" * 2001, "a\0b", None, 3])
def test_what_is_no_text_is_refused_and_changes_nothing(pair: tuple[Person, Person], match: str, text: object) -> None:
    answer = pair[0].post(path(match), json={"text": text})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")
    assert error_code(pair[0].post(path(match), json={"text": "Hi.", "colour": "red"})) == "validation_error"
    assert error_code(pair[0].post(path(match), json={"text": "Hi.", "client_id": ""})) == "validation_error"
    assert read(pair[1], match)["items"] == []


def test_whoever_is_suspended_neither_reads_nor_writes(
    pair: tuple[Person, Person], match: str, session: Session
) -> None:
    ada, bob = pair
    session.execute(update(User).where(User.id == ada.id).values(status=Status.SUSPENDED))
    session.flush()
    assert error_code(say(ada, match, "Hi.")) == "account_suspended"
    assert error_code(ada.get(path(match))) == "account_suspended"
    ada.post("/v1/auth/logout-all")
    assert said(bob, match, "Are you there?")["number"] == 1


def test_what_a_deleted_person_wrote_stays_with_the_other(
    pair: tuple[Person, Person], match: str, session: Session
) -> None:
    ada, bob = pair
    said(ada, match, "I am off.")
    said(bob, match, "Farewell.")
    matches.end_all(session, session.get_one(User, ada.id), now=datetime.now(UTC))
    session.flush()
    for gone in (False, True):
        if gone:
            session.execute(delete(User).where(User.id == ada.id))
            session.expire_all()
        shown = bob.get(f"{MATCHES}/{match}").json()
        assert (shown["state"], shown["user"]["name"], shown["user"]["age"]) == ("deleted", "Deleted person", None)
        assert (shown["user"]["photos"], shown["last_message"]["text"]) == ([], "Farewell.")
        assert [one["id"] for one in bob.get(MATCHES, params={"state": "deleted"}).json()["items"]] == [match]
        assert texts(read(bob, match)) == ["Farewell.", "I am off."]
        assert error_code(say(bob, match, "Hello?")) == "match_closed"


def test_a_page_reads_as_many_messages_as_it_shows(pair: tuple[Person, Person], match: str, session: Session) -> None:
    ada, _ = pair
    match_id, now = uuid.UUID(match), datetime.now(UTC)
    session.execute(
        insert(Message),
        [
            {
                "match_id": match_id,
                "number": number,
                "id": uuid.uuid4(),
                "sender_id": ada.id,
                "text": "Hm.",
                "created_at": now,
            }
            for number in range(1, 5001)
        ],
    )
    session.execute(update(Match).values(messages=5000))
    session.execute(text("ANALYZE messages"))
    assert len(read(ada, match)["items"]) == 30
    driver = session.connection().connection.driver_connection
    assert driver is not None
    mine = KeyRing(settings()).read(str(ada.tokens["access_token"]), "access")
    for statement, number in ((OLDER, 5001), (NEWER, 0)):
        asked = messages.page_of(mine, match_id, number=number, limit=30, now=now)
        explained = RawCursor(driver).execute(
            b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement._sql, statement._ordered(asked)
        )
        row = explained.fetchone()
        assert row is not None
        plan = json.dumps(row[0])
        assert "pk_messages" in plan
        assert '"Relation Name": "messages"' in plan
        assert max(int(float(found)) for found in re.findall(r'"Actual Rows": ([0-9.]+)', plan)) <= 30


def test_a_login_that_has_ended_neither_reads_nor_writes(pair: tuple[Person, Person], match: str) -> None:
    ada, _ = pair
    said(ada, match, "Hello.")
    ada.post("/v1/auth/logout")
    for answer in (ada.get(path(match)), say(ada, match, "Hello?"), ada.post(f"{MATCHES}/{match}/read")):
        assert (answer.status_code, error_code(answer)) == (401, "token_invalid")


def test_a_block_outlasts_the_account_of_who_blocked(pair: tuple[Person, Person], match: str, session: Session) -> None:
    ada, bob = pair
    said(ada, match, "Between us.")
    change(bob, match, "unmatched")
    ada.post("/v1/matching/block", json={"user_id": str(bob.id)})
    matches.end_all(session, session.get_one(User, ada.id), now=datetime.now(UTC))
    session.flush()
    session.execute(delete(User).where(User.id == ada.id))
    session.expire_all()
    assert error_code(bob.get(path(match))) == "not_in_match"
    assert error_code(bob.get(f"{MATCHES}/{match}")) == "not_in_match"
    assert bob.get(MATCHES, params={"state": "deleted"}).json()["items"] == []


def test_who_was_left_does_not_see_who_still_looks(pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    said(ada, match, "Hello?")
    change(ada, match, "unmatched")
    assert bob.post(f"{MATCHES}/{match}/read").json() == {"match_id": match, "number": 0, "unread": 1}
    assert read(ada, match)["items"][0]["read_at"] is None


def test_a_message_can_be_reported_and_is_kept_with_what_was_said_around_it(
    pair: tuple[Person, Person], match: str, session: Session
) -> None:
    ada, bob = pair
    sent = [said(pair[number % 2], match, str(number)) for number in range(20)]
    report = {"user_id": str(bob.id), "reason": "harassment", "message_id": sent[13]["id"]}
    for wrong in (sent[12]["id"], str(uuid.uuid4())):
        answer = ada.post("/v1/matching/report", json=report | {"message_id": wrong})
        assert error_code(answer) == "validation_error"
        assert answer.json()["error"]["details"]["fields"][0]["field"] == "body.message_id"
    assert ada.post("/v1/matching/report", json=report).status_code == 201
    (kept,) = session.scalars(select(Report))
    around = kept.snapshot["conversation"]
    assert [one["text"] for one in around] == [str(number) for number in range(3, 19)]
    assert [one["id"] for one in around if one["reported"]] == [sent[13]["id"]]
