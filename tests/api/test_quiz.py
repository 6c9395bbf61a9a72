"""The quiz routes: the questions, handing them in, and what follows at once."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.jobs import MAKE_BADGES, REFRESH_QUEUE, SEND_MAIL
from shared.ledger import Work
from shared.quiz.models import QuizResponse, UserTraitScore
from shared.quiz.rules import scores
from shared.quiz.traits import TRAITS
from tests.people import Person, error_code, sign_up
from tests.shared.quiz.sheets import QUIZ, answers_of, sheet_of


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client)


def body(place: int = 0) -> dict[str, Any]:
    """Everywhere the option at this place, as a client would choose it."""
    return {"version": 1, "answers": {str(asked): str(chosen) for asked, chosen in answers_of(sheet_of(place)).items()}}


def submit(person: Person, place: int = 0) -> Response:
    return person.post("/v1/profile/quiz", json=body(place))


def test_the_quiz_before_it_is_taken(ada: Person) -> None:
    answer = ada.get("/v1/profile/quiz")
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["version"], shown["answered_at"], shown["retake_at"]) == (1, None, None)
    assert shown["questions"] == [
        {
            "id": str(QUIZ.question_id(question)),
            "text": question.text,
            "options": [
                {"id": str(QUIZ.option_id(question, option)), "text": option.text} for option in question.options
            ],
            "answer": None,
        }
        for question in QUIZ.questions
    ]
    traits = ada.get("/v1/profile/traits")
    assert (traits.status_code, traits.json()) == (200, [])


def test_taking_it_is_answered_with_the_traits(ada: Person, session: Session) -> None:
    questions = ada.get("/v1/profile/quiz").json()["questions"]
    answers = {question["id"]: question["options"][1]["id"] for question in questions}
    answer = ada.post("/v1/profile/quiz", json={"version": 1, "answers": answers})
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == "http://testserver/v1/profile/quiz"
    taken = answer.json()
    assert {question["id"]: question["answer"] for question in taken["questions"]} == answers
    assert taken["traits"] == [
        {
            "trait": trait.value,
            "score": round(score, 3),
            "label": meaning.label,
            "low": meaning.low,
            "high": meaning.high,
        }
        for (trait, meaning), score in zip(TRAITS.items(), scores(QUIZ, sheet_of(1)), strict=True)
    ]
    assert ada.get("/v1/profile/traits").json() == taken.pop("traits")
    assert ada.get(answer.headers["Location"]).json() == taken
    wait = datetime.fromisoformat(taken["retake_at"]) - datetime.fromisoformat(taken["answered_at"])
    assert wait == timedelta(days=30)
    promised = {
        (kind, key) for kind, key in session.execute(select(Work.kind, Work.key).where(Work.kind != SEND_MAIL.name))
    }
    assert promised == {(job.name, str(ada.id)) for job in (MAKE_BADGES, REFRESH_QUEUE)}


def test_taking_it_again_too_soon_says_when_it_is_time(ada: Person) -> None:
    taken = submit(ada).json()
    again = submit(ada, 1)
    assert (again.status_code, error_code(again)) == (409, "quiz_too_soon")
    assert again.json()["error"]["details"] == {"retake_at": taken["retake_at"]}
    taken.pop("traits")
    assert ada.get("/v1/profile/quiz").json() == taken


def test_after_thirty_days_it_can_be_taken_again(ada: Person, session: Session) -> None:
    submit(ada)
    session.get_one(QuizResponse, ada.id).answered_at = clock.now() - timedelta(days=30)
    session.commit()
    again = submit(ada, 1)
    assert again.status_code == 202
    assert {question["answer"] for question in again.json()["questions"]} == set(body(1)["answers"].values())


def test_missing_questions_are_named(ada: Person, session: Session) -> None:
    sent = body()
    left_out = list(sent["answers"])[2]
    del sent["answers"][left_out]
    answer = ada.post("/v1/profile/quiz", json=sent)
    assert (answer.status_code, error_code(answer)) == (422, "quiz_incomplete")
    assert answer.json()["error"]["details"] == {"missing": [left_out]}
    assert session.scalars(select(QuizResponse)).all() == []


ASKED, CHOSEN = next(iter(body()["answers"].items()))
ANSWERS = body()["answers"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({**body(), "version": 2}, "body.version"),
        ({**body(), "version": 0}, "body.version"),
        ({**body(), "version": 10**30}, "body.version"),
        ({**body(), "version": "1"}, "body.version"),
        ({**body(), "version": True}, "body.version"),
        ({**body(), "version": None}, "body.version"),
        ({"answers": ANSWERS}, "body.version"),
        ({"version": 1}, "body.answers"),
        ({"version": 1, "answers": None}, "body.answers"),
        ({"version": 1, "answers": list(ANSWERS.items())}, "body.answers"),
        ({"version": 1, "answers": {str(uuid.uuid4()): CHOSEN for _ in range(51)}}, "body.answers"),
        ({**body(), "surprise": 1}, "body.surprise"),
        ({"version": 1, "answers": {**ANSWERS, ASKED: ASKED}}, f"body.answers.{ASKED}"),
        ({"version": 1, "answers": {**ANSWERS, ASKED: None}}, f"body.answers.{ASKED}"),
        ({"version": 1, "answers": {**ANSWERS, ASKED: [CHOSEN]}}, f"body.answers.{ASKED}"),
        ({"version": 1, "answers": {**ANSWERS, ASKED: "\0"}}, f"body.answers.{ASKED}"),
        ({"version": 1, "answers": {**ANSWERS, ASKED: 0}}, f"body.answers.{ASKED}"),
        ({"version": 1, "answers": {**ANSWERS, CHOSEN: CHOSEN}}, f"body.answers.{CHOSEN}"),
        ({"version": 1, "answers": {**ANSWERS, "a\0b": CHOSEN}}, "body.answers.a\0b.[key]"),
        ({"version": 1, "answers": {**ANSWERS, "free_evening": "cook_slowly"}}, "body.answers.free_evening.[key]"),
        ([], "body"),
        ("quiz", "body"),
    ],
)
def test_bad_bodies_are_refused_by_field_and_change_nothing(
    ada: Person, session: Session, sent: object, field: str
) -> None:
    answer = ada.post("/v1/profile/quiz", json=sent)
    assert (answer.status_code, error_code(answer)) == (422, "validation_error"), answer.text
    assert field in {problem["field"] for problem in answer.json()["error"]["details"]["fields"]}
    assert session.scalars(select(Work).where(Work.kind != SEND_MAIL.name)).all() == []
    for table in (QuizResponse, UserTraitScore):
        assert session.scalars(select(table)).all() == []


def test_a_huge_body_is_refused(ada: Person) -> None:
    answer = ada.post(
        "/v1/profile/quiz", json={"version": 1, "answers": {str(uuid.uuid4()): CHOSEN for _ in range(5000)}}
    )
    assert (answer.status_code, error_code(answer)) == (413, "too_large")


def test_everybody_has_a_quiz_of_their_own(ada: Person, client: TestClient) -> None:
    submit(ada)
    stranger = sign_up(client)
    assert stranger.get("/v1/profile/traits").json() == []
    assert {question["answer"] for question in stranger.get("/v1/profile/quiz").json()["questions"]} == {None}
    assert submit(stranger, 3).status_code == 202


@pytest.mark.parametrize(("method", "path"), [("GET", "quiz"), ("POST", "quiz"), ("GET", "traits")])
def test_only_the_signed_in_have_one(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, f"/v1/profile/{path}", json=body() if method == "POST" else None)
    assert (answer.status_code, error_code(answer)) == (401, "not_authenticated")


def test_of_racing_requests_one_wins(real_client: TestClient) -> None:
    ada = sign_up(real_client)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda place: submit(ada, place), range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    won = next(answer.json() for answer in answers if answer.status_code == 202)
    assert won.pop("traits") == ada.get("/v1/profile/traits").json()
    assert ada.get("/v1/profile/quiz").json() == won
