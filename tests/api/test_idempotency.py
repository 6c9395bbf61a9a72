"""Requests sent again under an Idempotency-Key: done once, whatever happens, and answered as the first time."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.creating import Creator
from shared import clock, idempotency
from shared.database import Database
from shared.errors import Refusal
from shared.idempotency import IdempotencyKey
from shared.matching.models import Block, DailyLikeCount, Like, Match
from shared.messaging.models import Message
from shared.moderation.models import Notice, Report
from shared.notifications.models import Notification
from shared.photos.models import Photo
from shared.prompts.models import PromptAnswer
from tests.api.test_likes import WORDS
from tests.api.test_matches import matched
from tests.api.test_prompts import ANSWERS, IDS
from tests.api.test_quiz import body as quiz
from tests.people import Person, error_code, sign_up
from tests.pictures import small_photo
from worker.idempotency import prune

LIKE, PHOTOS = "/v1/matching/like", "/v1/profile/photos"
Send = Callable[..., Response]


@pytest.fixture
def media(configured: Callable[..., None], tmp_path: Path) -> Path:
    configured(STORAGE_URL=f"file://{tmp_path}")
    return tmp_path


@pytest.fixture
def ada(client: TestClient, media: Path) -> Person:
    return sign_up(client, name="Ada")


@pytest.fixture
def bob(client: TestClient, ada: Person) -> Person:
    return sign_up(client, name="Bob")


def named(person: Person, path: str, key: str, **sent: Any) -> Response:
    return person.post(path, headers={"Idempotency-Key": key}, **sent)


def rows(session: Session, table: type[Any]) -> int:
    session.expire_all()
    return session.scalar(select(func.count()).select_from(table)) or 0


def require_again(first: Response, again: Response) -> None:
    assert first.status_code in {200, 201, 202}, first.text
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    for name in ("Location", "Content-Type"):
        assert again.headers.get(name) == first.headers.get(name)
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]


def routes(ada: Person, bob: Person, session: Session) -> dict[str, tuple[str, Any, Any, type[Any]]]:
    """Of each route that creates: (path, what to send, something else, where its rows are)."""
    match = matched(ada, bob)
    notice = Notice(
        user_id=ada.id, case_id=None, kind="likes_paused", facts="f", rule="r", automatic=True, created_at=clock.now()
    )
    session.add(notice)
    session.flush()
    third, fourth = sign_up(ada.client), sign_up(ada.client)
    for one in (third, fourth):
        ada_likes_them = one.post(LIKE, json={"user_id": str(ada.id), "comment": WORDS[3]})
        assert ada_likes_them.status_code == 201, ada_likes_them.text
    them, they = {"user_id": str(third.id)}, {"user_id": str(fourth.id)}
    return {
        "answer": (
            ANSWERS,
            {"question_id": IDS[0], "answer": "Soup."},
            {"question_id": IDS[1], "answer": "Soup."},
            PromptAnswer,
        ),
        "quiz": ("/v1/profile/quiz", quiz(0), quiz(1), IdempotencyKey),
        "like": (LIKE, them | {"comment": WORDS[2]}, they | {"comment": WORDS[2]}, Like),
        "pass": ("/v1/matching/pass", them, they, IdempotencyKey),
        "block": ("/v1/matching/block", them, they, Block),
        "report": ("/v1/matching/report", them | {"reason": "spam"}, them | {"reason": "other"}, Report),
        "message": (f"/v1/matching/matches/{match}/messages", {"text": "Hello!"}, {"text": "Hello?"}, Message),
        "appeal": (f"/v1/notices/{notice.id}/appeal", {"text": "No."}, {"text": "Yes."}, IdempotencyKey),
    }


@pytest.mark.parametrize("route", ["answer", "quiz", "like", "pass", "block", "report", "message", "appeal"])
def test_what_was_done_is_not_done_again(ada: Person, bob: Person, session: Session, route: str) -> None:
    path, sent, other, table = routes(ada, bob, session)[route]
    before = rows(session, table)
    first = named(ada, path, "key-1", json=sent)
    told = rows(session, Notification)
    for _ in range(2):
        require_again(first, named(ada, path, "key-1", json=sent))
    assert (rows(session, table), rows(session, Notification)) == (before + 1, told)
    conflict = named(ada, path, "key-1", json=other)
    assert (conflict.status_code, error_code(conflict)) == (409, "idempotency_conflict")
    assert (rows(session, table), rows(session, Notification)) == (before + 1, told)


def test_a_photo_is_uploaded_once_whatever_boundary_its_form_has(ada: Person, session: Session, media: Path) -> None:
    def upload(picture: bytes, key: str = "key-1") -> Response:
        return named(ada, PHOTOS, key, files={"file": (f"{uuid.uuid4()}.jpg", picture, "image/jpeg")})

    for seed in range(5):
        ada.upload(small_photo(seed=seed))
    first = upload(small_photo(seed=5))
    assert first.headers["Location"].endswith(first.json()["id"])
    require_again(first, upload(small_photo(seed=5)))
    assert error_code(upload(small_photo(seed=6))) == "idempotency_conflict"
    assert error_code(upload(small_photo(seed=7), "key-2")) == "photo_limit"
    assert rows(session, Photo) == 6
    assert len([path for path in media.rglob("*") if path.is_file()]) == 6, "what was sent again is not kept"


def test_a_like_that_makes_a_match_shows_it_again(ada: Person, bob: Person, session: Session) -> None:
    ada.post(LIKE, json={"user_id": str(bob.id), "comment": WORDS[0]})
    sent = {"user_id": str(ada.id), "comment": WORDS[1]}
    first = named(bob, LIKE, "key-1", json=sent)
    assert first.json()["match"]["user"]["name"] == "Ada"
    require_again(first, named(bob, LIKE, "key-1", json=sent))
    assert rows(session, Match) == 1
    assert error_code(bob.post(LIKE, json=sent)) == "already_matched", "without a name it is another like"


def test_what_was_refused_can_be_tried_again_under_the_same_name(ada: Person, bob: Person, session: Session) -> None:
    short = {"user_id": str(bob.id), "comment": "Hi"}
    for _ in range(2):
        assert error_code(named(ada, LIKE, "key-1", json=short)) == "comment_required"
    assert named(ada, LIKE, "key-1", json=short | {"comment": WORDS[0]}).status_code == 201
    assert rows(session, IdempotencyKey) == 1


def test_names_are_a_persons_own_and_a_routes_own(ada: Person, bob: Person, session: Session) -> None:
    first = named(ada, ANSWERS, "key-1", json={"question_id": IDS[0], "answer": "Soup."})
    other = named(bob, ANSWERS, "key-1", json={"question_id": IDS[0], "answer": "Soup."})
    assert first.json()["id"] != other.json()["id"]
    third = sign_up(ada.client)
    assert named(ada, "/v1/matching/block", "key-1", json={"user_id": str(third.id)}).status_code in {201, 404}
    assert rows(session, PromptAnswer) == 2


def test_the_same_words_in_another_match_are_something_else(ada: Person, bob: Person) -> None:
    eve = sign_up(ada.client)
    one, two = matched(ada, bob), str(_like_back(ada, eve))
    assert named(ada, f"/v1/matching/matches/{one}/messages", "key-1", json={"text": "Hi!"}).status_code == 201
    again = named(ada, f"/v1/matching/matches/{two}/messages", "key-1", json={"text": "Hi!"})
    assert error_code(again) == "idempotency_conflict"


def _like_back(ada: Person, eve: Person) -> str:
    eve.post(LIKE, json={"user_id": str(ada.id), "comment": WORDS[2]})
    answer = ada.post(LIKE, json={"user_id": str(eve.id), "comment": WORDS[3]})
    return str(answer.json()["match"]["id"])


@pytest.mark.parametrize("key", ["", "x" * 256, "né", "a\tb"])
def test_names_that_are_none(ada: Person, bob: Person, session: Session, key: str) -> None:
    for path, sent in (
        (ANSWERS, {"question_id": IDS[0], "answer": "Soup."}),
        (LIKE, {"user_id": str(bob.id), "comment": WORDS[0]}),
    ):
        answer = ada.post(path, json=sent, headers={"Idempotency-Key": key.encode("latin-1")})
        assert (answer.status_code, error_code(answer)) == (422, "validation_error"), answer.text
        assert answer.json()["error"]["details"]["fields"][0]["field"] == "header.Idempotency-Key"
    assert (rows(session, PromptAnswer), rows(session, Like)) == (0, 0)


def test_a_name_is_forgotten_after_a_day(ada: Person, session: Session) -> None:
    sent = {"question_id": IDS[0], "answer": "Soup."}
    first = named(ada, ANSWERS, "key-1", json=sent)
    _age(session, idempotency.KEPT - timedelta(minutes=1))
    require_again(first, named(ada, ANSWERS, "key-1", json=sent))
    _age(session, timedelta(minutes=2))
    assert error_code(named(ada, ANSWERS, "key-1", json=sent)) == "prompt_already_answered"
    assert named(ada, ANSWERS, "key-1", json=sent | {"question_id": IDS[1]}).status_code == 201
    assert named(ada, ANSWERS, "key-1", json=sent | {"question_id": IDS[1]}).status_code == 201
    assert rows(session, PromptAnswer) == 2


def _age(session: Session, by: timedelta) -> None:
    session.execute(update(IdempotencyKey).values(created_at=IdempotencyKey.created_at - by))
    session.flush()


def test_a_process_that_dies_before_its_commit_has_done_nothing(
    ada: Person, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise Refusal("internal_error")  # as quiet as a death

    sent = {"question_id": IDS[0], "answer": "Soup."}
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", die)
        assert named(ada, ANSWERS, "key-1", json=sent).status_code == 500
    assert (rows(session, PromptAnswer), rows(session, IdempotencyKey)) == (0, 0)
    assert named(ada, ANSWERS, "key-1", json=sent).status_code == 201
    assert rows(session, PromptAnswer) == 1


@pytest.mark.parametrize("route", ["answer", "like", "message"])
def test_a_process_that_dies_after_its_commit_leaves_the_answer(
    ada: Person, bob: Person, session: Session, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    path, sent, _, table = routes(ada, bob, session)[route]
    run, before = Creator.run, rows(session, table)

    async def run_and_die(self: Creator, *args: Any, **kwargs: Any) -> Any:
        await run(self, *args, **kwargs)
        raise Refusal("internal_error")  # as quiet as a death

    with monkeypatch.context() as patch:
        patch.setattr(Creator, "run", run_and_die)
        assert named(ada, path, "key-1", json=sent).status_code == 500
    assert rows(session, table) == before + 1
    again = named(ada, path, "key-1", json=sent)
    assert again.status_code == 201, again.text
    require_again(again, named(ada, path, "key-1", json=sent))
    assert rows(session, table) == before + 1


def test_eight_at_once_are_done_once(real_client: TestClient, committed: Database, media: Path) -> None:
    ada, bob = sign_up(real_client), sign_up(real_client)
    wishes: list[tuple[str, dict[str, Any], type[Any]]] = [
        (LIKE, {"json": {"user_id": str(bob.id), "comment": WORDS[0]}}, Like),
        (ANSWERS, {"json": {"question_id": IDS[0], "answer": "Soup."}}, PromptAnswer),
        (PHOTOS, {"files": {"file": ("p.jpg", small_photo(), "image/jpeg")}}, Photo),
    ]
    for path, sent, table in wishes:
        start = threading.Barrier(8)

        def send(path: str = path, sent: dict[str, Any] = sent, start: threading.Barrier = start) -> Response:
            start.wait(10)
            return named(ada, path, "key-1", **sent)

        with ThreadPoolExecutor(8) as pool:
            answers = [one.result() for one in [pool.submit(send) for _ in range(8)]]
        for answer in answers[1:]:
            require_again(answers[0], answer)
        with committed.transaction() as session:
            assert rows(session, table) == 1
    with committed.transaction() as session:
        assert session.scalars(select(DailyLikeCount.used)).all() == [1]
        assert rows(session, IdempotencyKey) == len(wishes)
    assert len([path for path in media.rglob("*") if path.is_file()]) == 1


def test_old_names_are_pruned_and_others_stay(committed: Database, real_client: TestClient, media: Path) -> None:
    ada = sign_up(real_client)
    for number in range(3):
        named(ada, ANSWERS, f"key-{number}", json={"question_id": IDS[number], "answer": "Soup."})
    with committed.transaction() as session:
        old = session.scalars(select(IdempotencyKey.key).limit(2)).all()
        past = clock.now() - idempotency.PRUNED
        session.execute(update(IdempotencyKey).where(IdempotencyKey.key.in_(old)).values(created_at=past))
    for _ in range(2):
        prune()
        with committed.transaction() as session:
            assert rows(session, IdempotencyKey) == 1
