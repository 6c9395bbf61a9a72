"""Liking people over HTTP: what is sent and answered, the day's quota, and what is refused with which words."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from shared.accounts.models import LoginSession, User
from shared.matching.models import DailyLikeCount, Like, Match, MatchChange
from shared.moderation.models import Case, Notice, Signal
from shared.notifications.models import Notification
from shared.photos.models import Photo, PhotoStatus
from shared.prompts.models import Prompt, PromptAnswer
from tests.people import Person, error_code, sign_up

LIKE = "/v1/matching/like"
QUOTA = "/v1/matching/quota"
WORDS = (
    "Your dog looks like he owns that harbour.",
    "How long did the sourdough take to rise?",
    "I climbed the same ridge in the rain last May.",
    "Which of the three books would you read again?",
    "That lamp in your kitchen is a small wonder.",
    "Teach me the card trick and I will cook for you.",
    "My grandmother had a piano just like this one.",
    "You had me at marzipan and the night bus.",
    "Who won the argument about the tent?",
    "I want to know what the parrot said.",
    "Snow in June, and you still went swimming!",
)


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client, name="Ada", time_zone="Europe/Berlin")


@pytest.fixture
def bob(client: TestClient) -> Person:
    return sign_up(client, name="Bob")


@pytest.fixture
def quickly(configured: Callable[..., None]) -> None:
    configured(LIKES_PER_MINUTE="1000")


def like(liker: Person, liked: Person, comment: str | None = WORDS[0], **more: Any) -> Response:
    return liker.post(LIKE, json={"user_id": str(liked.id), "comment": comment, **more})


def test_a_like_is_kept_and_the_other_is_told(ada: Person, bob: Person, session: Session) -> None:
    answer = like(ada, bob)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["like"]["user_id"] == str(bob.id)
    assert body["like"]["comment"] == WORDS[0]
    assert (body["like"]["photo_id"], body["like"]["prompt_id"], body["match"]) == (None, None, None)
    (kept,) = session.scalars(select(Like)).all()
    assert (kept.id, kept.liker_id, kept.liked_id) == (uuid.UUID(body["like"]["id"]), ada.id, bob.id)
    (told,) = session.scalars(select(Notification)).all()
    assert (told.user_id, told.kind, told.data) == (bob.id, "like.received", {"like_id": body["like"]["id"]})
    (received,) = bob.get("/v1/matching/likes").json()["items"]
    assert {key: received[key] for key in body["like"]} == body["like"] | {"user_id": str(ada.id)}
    assert received["user"]["name"] == "Ada"


def test_a_like_answered_by_a_like_is_a_match(ada: Person, bob: Person, session: Session) -> None:
    like(ada, bob)
    match = like(bob, ada, WORDS[1]).json()["match"]
    assert (match["state"], match["user"]["name"], match["last_message"], match["unread"]) == ("active", "Ada", None, 0)
    for person, other in ((ada, "Bob"), (bob, "Ada")):
        (listed,) = person.get("/v1/matching/matches").json()["items"]
        assert (listed["id"], listed["user"]["name"]) == (match["id"], other)
        assert person.get("/v1/matching/likes").json()["items"] == []
    (change,) = session.scalars(select(MatchChange)).all()
    assert (change.before, change.after, change.why, change.changed_by) == (None, "active", "mutual_like", bob.id)
    told = session.scalars(select(Notification).where(Notification.kind == "match.created")).all()
    assert {one.user_id for one in told} == {ada.id, bob.id}
    assert {one.data["match_id"] for one in told} == {match["id"]}


def test_the_first_likes_of_a_day_need_a_personal_comment(
    client: TestClient, ada: Person, quickly: None, session: Session
) -> None:
    people = [sign_up(client) for _ in range(7)]
    for number, words in enumerate(WORDS[:5]):
        for missing in (None, "", "Hey there, you", " " * 20, "hi" + 13 * "\u200b", "hi" + 20 * " " + "you"):
            refused = like(ada, people[number], missing)
            assert error_code(refused) == "comment_required", missing
            assert refused.json()["error"]["details"]["quota"]["comments_required_remaining"] == 5 - number
        quota = like(ada, people[number], words).json()["quota"]
        assert (quota["used"], quota["comments_required_remaining"]) == (number + 1, 4 - number)
    assert like(ada, people[5], None).status_code == 201
    assert like(ada, people[6], "Hi!").status_code == 201
    assert session.scalar(select(DailyLikeCount.used)) == 7


def test_the_quota_is_the_same_everywhere_and_ends_the_day(client: TestClient, ada: Person, quickly: None) -> None:
    people = [sign_up(client) for _ in range(11)]
    for person, words in zip(people[:10], WORDS, strict=False):
        shown = like(ada, person, words).json()["quota"]
        assert shown == ada.get(QUOTA).json()
    assert (shown["limit"], shown["used"], shown["remaining"]) == (10, 10, 0)
    refused = like(ada, people[10], WORDS[10])
    assert (refused.status_code, error_code(refused)) == (429, "daily_like_limit")
    assert refused.json()["error"]["details"]["quota"] == shown
    resets = datetime.fromisoformat(shown["resets_at"])
    wait = int(refused.headers["Retry-After"])
    assert abs((resets - datetime.now(UTC)).total_seconds() - wait) < 5
    assert 0 < wait <= 25 * 3600


def test_a_new_day_is_a_new_quota_whatever_became_of_the_old_one(
    client: TestClient, ada: Person, bob: Person, session: Session
) -> None:
    like(ada, bob)
    session.execute(update(DailyLikeCount).values(day=func.current_date() - 2, times=text("'{}'")))
    assert ada.get(QUOTA).json()["used"] == 0
    assert like(ada, sign_up(client), WORDS[1]).json()["quota"]["used"] == 1


def test_five_likes_within_a_minute_are_too_fast(client: TestClient, ada: Person, session: Session) -> None:
    people = [sign_up(client) for _ in range(5)]
    for person, words in zip(people[:4], WORDS, strict=False):
        assert like(ada, person, words).status_code == 201
    refused = like(ada, people[4], WORDS[4])
    assert (refused.status_code, error_code(refused)) == (429, "too_fast")
    assert 55 <= int(refused.headers["Retry-After"]) <= 60
    details = refused.json()["error"]["details"]
    assert (details["retry_after_seconds"], details["quota"]["used"]) == (int(refused.headers["Retry-After"]), 4)
    assert refused.headers["RateLimit-Policy"] == '"likes";q=4;w=60'
    assert refused.headers["RateLimit"] == f'"likes";r=0;t={refused.headers["Retry-After"]}'
    session.execute(
        update(DailyLikeCount).values(times=text("ARRAY(SELECT t - interval '1 minute' FROM unnest(times) t)"))
    )
    assert like(ada, people[4], WORDS[4]).status_code == 201


@pytest.mark.parametrize(
    "again", [WORDS[0], WORDS[0].upper(), "Your dog looks like he owns that harbour 🐕", WORDS[0][:-4]]
)
def test_nearly_the_same_comment_is_refused(client: TestClient, ada: Person, bob: Person, again: str) -> None:
    like(ada, bob)
    refused = like(ada, sign_up(client), again)
    assert (refused.status_code, error_code(refused)) == (422, "comment_duplicated")
    assert ada.get(QUOTA).json()["used"] == 1
    assert like(bob, ada, again).status_code == 201, "somebody else may say the same"


def test_the_same_words_are_never_sent_twice_and_nearly_the_same_not_within_50(
    client: TestClient, ada: Person, bob: Person, session: Session
) -> None:
    like(ada, bob)
    session.execute(update(DailyLikeCount).values(day=func.current_date() - 2, comments=text("'{}'")))
    nearly = WORDS[0].replace("owns", "bought")
    assert error_code(like(ada, sign_up(client), nearly)) == "comment_duplicated"
    session.execute(
        text(
            "WITH people AS (INSERT INTO users (id, email, name, birth_date, password_hash, contact_hash)"
            " SELECT gen_random_uuid(), n || '@x.org', 'N', '1990-01-01', '!', '' FROM generate_series(1, 50) n"
            " RETURNING id) INSERT INTO likes (id, liker_id, liked_id, comment, shingles, created_at)"
            " SELECT gen_random_uuid(), :ada, id, 'other', '{1}', clock_timestamp() FROM people"
        ),
        {"ada": ada.id},
    )
    assert error_code(like(ada, sign_up(client))) == "comment_duplicated"
    assert like(ada, sign_up(client), nearly).status_code == 201


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("See my garden at www.adas-garden.com", "link"),
        ("Write to me: ada at gmail dot com", "email"),
        ("Call me, +49 151 23456789, any evening", "phone"),
        ("I am on insta: ada_writes, come and see", "handle"),
    ],
)
def test_contact_details_are_refused_with_what_was_found(
    ada: Person, bob: Person, session: Session, comment: str, found: str
) -> None:
    refused = like(ada, bob, comment)
    assert (refused.status_code, error_code(refused)) == (422, "comment_contact_info")
    assert refused.json()["error"]["details"]["found"] == found
    (signal,) = session.scalars(select(Signal)).all()
    assert (signal.user_id, signal.evidence["comment"]) == (ada.id, comment)
    assert session.scalars(select(Like)).all() == []


def test_five_refusals_pause_likes_and_say_so(client: TestClient, ada: Person, bob: Person, session: Session) -> None:
    for number in range(1, 6):
        details = like(ada, bob, "Write to ada@example.org please").json()["error"]["details"]
        assert (details["refusals"], details["refusals_until_pause"]) == (number, 5)
    until = datetime.fromisoformat(details["likes_paused_until"])
    assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(hours=24)
    refused = like(ada, bob)
    assert (refused.status_code, error_code(refused)) == (403, "likes_paused")
    assert datetime.fromisoformat(refused.json()["error"]["details"]["until"]) == until
    assert error_code(like(ada, bob, "Write to ada@example.org please")) == "likes_paused", "no more signals"
    (case,) = session.scalars(select(Case)).all()
    signals = session.scalars(select(Signal)).all()
    assert {signal.case_id for signal in signals} == {case.id}
    assert all(str(bob.id) not in str(signal.evidence) for signal in signals), "whoever it was to has no part in it"
    assert len(signals) == 5
    (notice,) = ada.get("/v1/notices").json()["items"]
    assert (notice["kind"], notice["automatic"], datetime.fromisoformat(notice["until"])) == (
        "likes_paused",
        True,
        until,
    )
    assert "object" in notice["how_to_object"].lower()
    (told,) = session.scalars(select(Notification).where(Notification.kind == "notice.created")).all()
    assert told.user_id == ada.id
    assert like(bob, ada).status_code == 201, "others may still like her"
    session.execute(update(User).where(User.id == ada.id).values(likes_paused_until=None))
    assert error_code(like(ada, bob, "Write to ada@example.org please")) == "comment_contact_info"
    assert len(session.scalars(select(Notice)).all()) == 1, "what has been paid for does not count again"


@pytest.mark.parametrize("status", ["paused", "suspended", "deleting"])
def test_who_is_not_active_cannot_be_liked(ada: Person, bob: Person, session: Session, status: str) -> None:
    session.execute(update(User).where(User.id == bob.id).values(status=status))
    assert error_code(like(ada, bob)) == "not_found"


@pytest.mark.parametrize(
    ("status", "code"), [("paused", "forbidden"), ("suspended", "account_suspended"), ("deleting", "token_invalid")]
)
def test_who_is_not_active_cannot_like(ada: Person, bob: Person, session: Session, status: str, code: str) -> None:
    session.execute(update(User).where(User.id == ada.id).values(status=status))
    assert error_code(like(ada, bob)) == code


def test_who_cannot_be_liked(client: TestClient, ada: Person, bob: Person) -> None:
    assert error_code(like(ada, ada)) == "cannot_target_self"
    nobody = ada.post(LIKE, json={"user_id": str(uuid.uuid4()), "comment": WORDS[0]})
    assert error_code(nobody) == "not_found"
    like(ada, bob)
    assert error_code(like(ada, bob, WORDS[1])) == "already_liked"
    like(bob, ada)
    assert error_code(like(ada, bob, WORDS[1])) == "already_matched"
    blocked = sign_up(client)
    ada.post("/v1/matching/block", json={"user_id": str(blocked.id)})
    assert error_code(like(ada, blocked, WORDS[2])) == "not_found"
    assert error_code(like(blocked, ada, WORDS[2])) == "not_found"
    assert ada.get(QUOTA).json()["used"] == 1


def test_a_like_can_be_about_a_photo_or_an_answer_of_theirs(
    client: TestClient, ada: Person, bob: Person, session: Session
) -> None:
    photo = Photo(user_id=bob.id, position=0, status=PhotoStatus.READY, renditions={"1080": "a"})
    waiting = Photo(user_id=bob.id, position=1)
    prompt = session.scalars(select(Prompt.id)).first()
    answers = [
        PromptAnswer(user_id=bob.id, prompt_id=prompt, answer="Soup.", position=place, private=bool(place))
        for place in (0, 1)
    ]
    session.add_all([photo, waiting, *answers[:1]])
    session.flush()
    for wrong in ({"photo_id": str(waiting.id)}, {"photo_id": str(uuid.uuid4())}, {"prompt_id": str(uuid.uuid4())}):
        refused = like(ada, bob, **wrong)
        assert refused.json()["error"]["details"]["fields"][0]["field"] == f"body.{next(iter(wrong))}"
    both = like(ada, bob, photo_id=str(photo.id), prompt_id=str(answers[0].id))
    assert (both.status_code, error_code(both)) == (422, "validation_error")
    answers[0].private = True
    session.flush()
    assert error_code(like(ada, bob, prompt_id=str(answers[0].id))) == "validation_error"
    assert like(ada, bob, photo_id=str(photo.id)).json()["like"]["photo_id"] == str(photo.id)
    answers[0].private = False
    session.flush()
    carol = sign_up(client)
    assert like(carol, bob, prompt_id=str(answers[0].id)).json()["like"]["prompt_id"] == str(answers[0].id)


def test_contacts_never_meet_and_are_not_told(client: TestClient, ada: Person, bob: Person, session: Session) -> None:
    hashed = session.scalars(select(User.contact_hash).where(User.id == bob.id)).one()
    assert hashed is not None
    hashes = [hashed.hex()]
    assert ada.put("/v1/matching/contacts", json={"hashes": hashes}).json()["count"] == 1
    assert error_code(like(ada, bob)) == "not_found"
    assert error_code(like(bob, ada)) == "not_found"
    ada.put("/v1/matching/contacts", json={"hashes": []})
    assert like(bob, ada).status_code == 201


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic QTpC"}])
def test_a_like_needs_a_token(client: TestClient, bob: Person, headers: dict[str, str]) -> None:
    answer = client.post(LIKE, json={"user_id": str(bob.id)}, headers=headers)
    assert (answer.status_code, error_code(answer)) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_like_ends_with_its_session(ada: Person, bob: Person, session: Session) -> None:
    session.execute(update(LoginSession).values(revoked_at=func.now()))
    assert error_code(like(ada, bob)) == "token_invalid"
    assert session.scalars(select(Like)).all() == []


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b'{"comment": "x"}', "body.user_id"),
        (b'{"user_id": "x"}', "body.user_id"),
        (b'{"user_id": "c81451ea-7cc4-405f-b696-522ddb820b9b", "more": 1}', "body.more"),
        (b'{"user_id": "c81451ea-7cc4-405f-b696-522ddb820b9b", "comment": "a\\u0000b"}', "body.comment"),
        (b'{"user_id": "c81451ea-7cc4-405f-b696-522ddb820b9b", "comment": "\\ud800"}', "body"),
        (b'{"user_id": "c81451ea-7cc4-405f-b696-522ddb820b9b", "comment": "%s"}' % (b"a" * 301), "body.comment"),
    ],
)
def test_what_is_wrong_in_a_like_is_named(ada: Person, content: bytes, field: str) -> None:
    answer = ada.post(LIKE, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")
    assert answer.json()["error"]["details"]["fields"][0]["field"].startswith(field)


def test_a_like_is_a_sign_of_life(ada: Person, bob: Person, session: Session) -> None:
    session.execute(update(User).values(last_active_at=datetime.now(UTC) - timedelta(hours=2)))
    like(ada, bob)
    seen = session.scalars(select(User.last_active_at).where(User.id == ada.id)).one()
    assert datetime.now(UTC) - seen < timedelta(minutes=1)


def test_a_like_is_one_statement(ada: Person, bob: Person, queries: list[str]) -> None:
    queries.clear()
    like(ada, bob)
    assert len(queries) == 0, "nothing but the one of the driver"


def test_likes_received_come_in_pages_and_without_those_answered(
    client: TestClient, ada: Person, quickly: None, session: Session
) -> None:
    people = [sign_up(client, name=f"P{number}") for number in range(6)]
    for number, person in enumerate(people):
        like(person, ada)
        moment = datetime(2026, 11, 1, number, tzinfo=UTC)
        session.execute(update(Like).where(Like.liker_id == person.id).values(created_at=moment))
    ada.post("/v1/matching/pass", json={"user_id": str(people[5].id)})
    like(ada, people[4], WORDS[1])
    session.execute(update(User).where(User.id == people[3].id).values(status="paused"))
    ada.post("/v1/matching/block", json={"user_id": str(people[2].id)})
    first = ada.get("/v1/matching/likes?limit=1").json()
    assert [one["user"]["name"] for one in first["items"]] == ["P1"]
    second = ada.get("/v1/matching/likes", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [one["user"]["name"] for one in second["items"]] == ["P0"]
    assert second["next_cursor"] is None
    wrong = ada.get("/v1/matching/likes?cursor=nonsense")
    assert (wrong.status_code, error_code(wrong)) == (422, "validation_error")


def test_a_match_is_made_once_for_a_pair(ada: Person, bob: Person, session: Session) -> None:
    like(ada, bob)
    like(bob, ada)
    like(bob, ada, WORDS[1])
    assert session.scalar(select(func.count()).select_from(Match)) == 1


def test_a_comment_has_something_to_read(ada: Person, bob: Person) -> None:
    assert error_code(like(ada, bob, "\u200b" * 15)) == "validation_error"
    assert like(ada, bob, "Hey there, Adam").status_code == 201, "15 characters are enough"


def test_who_has_passed_is_not_told_of_a_like(ada: Person, bob: Person, session: Session) -> None:
    bob.post("/v1/matching/pass", json={"user_id": str(ada.id)})
    assert like(ada, bob).status_code == 201
    assert session.scalars(select(Notification)).all() == []
