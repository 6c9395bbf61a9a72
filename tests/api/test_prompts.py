"""The routes of prompts: the catalogue, and one's own answers with their limits."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.jobs import EMBED_ANSWER, MAKE_BADGES, REFRESH_QUEUE, SEND_MAIL
from shared.ledger import Work
from shared.prompts.catalogue import QUESTIONS
from shared.prompts.models import PromptAnswer
from tests.answers import embed, towards
from tests.people import Person, error_code, sign_up

IDS = [str(question.id) for question in QUESTIONS]
ANSWERS = "/v1/profile/prompts"


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client)


def say(person: Person, text: str = "Fish soup.", *, question: int = 0, **more: Any) -> dict[str, Any]:
    answer = person.post(ANSWERS, json={"question_id": IDS[question], "answer": text, **more})
    assert answer.status_code == 201, answer.text
    said: dict[str, Any] = answer.json()
    return said


def listed(person: Person, **query: Any) -> list[str]:
    answer = person.get(ANSWERS, params=query)
    assert answer.status_code == 200, answer.text
    return [said["answer"] for said in answer.json()["items"]]


def promised(session: Session) -> set[tuple[str, str]]:
    return {
        (kind, key) for kind, key in session.execute(select(Work.kind, Work.key).where(Work.kind != SEND_MAIL.name))
    }


def test_the_catalogue_is_listed_in_order_and_in_slices(ada: Person) -> None:
    page = ada.get("/v1/prompts").json()
    assert [prompt["slug"] for prompt in page["items"]] == [question.slug for question in QUESTIONS]
    assert set(page["items"][0]) == {"id", "slug", "text", "category"}
    page = ada.get("/v1/prompts?limit=3&offset=30").json()
    assert [prompt["id"] for prompt in page["items"]] == IDS[30:33]
    assert page["total"] == len(IDS)


def test_an_answer_is_stored_promised_and_answered(ada: Person, session: Session) -> None:
    answer = ada.post(ANSWERS, json={"question_id": IDS[3], "answer": "Fish soup."})
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert said == {
        "id": said["id"],
        "question": {"id": IDS[3], "slug": QUESTIONS[3].slug, "text": QUESTIONS[3].text},
        "answer": "Fish soup.",
        "position": 0,
        "private": False,
        "status": "pending",
        "created_at": said["created_at"],
        "updated_at": said["updated_at"],
    }
    assert answer.headers["Location"].endswith(f"{ANSWERS}/{said['id']}")
    assert ada.get(answer.headers["Location"]).json() == said
    assert promised(session) == {(EMBED_ANSWER.name, said["id"])}


def test_it_is_embedded_once_a_worker_has_read_it_with_the_present_model(ada: Person, session: Session) -> None:
    said = say(ada)
    stored = session.get_one(PromptAnswer, uuid.UUID(said["id"]))
    embed(session, stored, towards(1), model="an older one")
    assert ada.get(f"{ANSWERS}/{said['id']}").json()["status"] == "pending"
    embed(session, stored, towards(1))
    assert ada.get(f"{ANSWERS}/{said['id']}").json()["status"] == "embedded"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("  two\r\nlines \x07", "two lines"),
        ("e\u0301te\u0301", "\u00e9t\u00e9"),
        ("left\u202eright", "leftright"),
        ("e\u202e\u0301 e\x07\u0301", "\u00e9 \u00e9"),  # what stood between a letter and its accent
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),  # one sign of three characters
        ("a" * 300, "a" * 300),
        (" " * 400 + "e\u0301" * 300, "\u00e9" * 300),  # counted as kept
        ("<script>alert(1)</script>' OR 1=1", "<script>alert(1)</script>' OR 1=1"),
    ],
)
def test_text_is_kept_in_its_normal_form(ada: Person, sent: str, kept: str) -> None:
    assert say(ada, sent)["answer"] == kept
    assert listed(ada) == [kept]


@pytest.mark.parametrize(
    "sent", ["", "   ", "\u200b\u200d", "\u3164", "\u0301", "a" * 301, "a\0b", None, 7, ["a"], {"text": "a"}]
)
def test_text_that_is_none_is_refused(ada: Person, sent: object, session: Session) -> None:
    answer = ada.post(ANSWERS, json={"question_id": IDS[0], "answer": sent})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")
    assert answer.json()["error"]["details"]["fields"][0]["field"] == "body.answer"
    assert (listed(ada), promised(session)) == ([], set())


def test_lone_surrogates_are_refused(ada: Person) -> None:
    body = f'{{"question_id": "{IDS[0]}", "answer": "\\ud800"}}'
    answer = ada.post(ANSWERS, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")


@pytest.mark.parametrize(
    "change",
    [
        {"question_id": str(uuid.uuid4())},
        {"question_id": "soup"},
        {"private": "perhaps"},
        {"private": 1},
        {"status": "embedded"},
    ],
)
def test_a_wrong_body_is_refused(ada: Person, change: dict[str, Any]) -> None:
    answer = ada.post(ANSWERS, json={"question_id": IDS[0], "answer": "Soup.", **change})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")
    assert answer.json()["error"]["details"]["fields"][0]["field"] == f"body.{next(iter(change))}"
    assert listed(ada) == []


def test_three_answers_each_to_another_prompt_one_of_them_private(ada: Person) -> None:
    say(ada, private=True)
    again = ada.post(ANSWERS, json={"question_id": IDS[0], "answer": "Again."})
    assert (again.status_code, error_code(again)) == (409, "prompt_already_answered")
    private = ada.post(ANSWERS, json={"question_id": IDS[1], "answer": "Secret.", "private": True})
    assert (private.status_code, error_code(private)) == (409, "prompt_limit")
    say(ada, question=1)
    say(ada, question=2)
    fourth = ada.post(ANSWERS, json={"question_id": IDS[3], "answer": "More."})
    assert (fourth.status_code, error_code(fourth)) == (409, "prompt_limit")
    assert fourth.json()["error"]["details"] == {"answers": 3}
    assert [said["position"] for said in ada.get(ANSWERS).json()["items"]] == [0, 1, 2]


def test_racing_answers_never_exceed_the_limits(real_client: TestClient) -> None:
    ada = sign_up(real_client)

    def send(number: int) -> int:
        body = {"question_id": IDS[number // 2], "answer": f"{number}", "private": True}
        return ada.post(ANSWERS, json=body).status_code

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(send, range(12))) == [201] + [409] * 11

    def send_public(number: int) -> int:
        return ada.post(ANSWERS, json={"question_id": IDS[10 + number // 2], "answer": f"{number}"}).status_code

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(send_public, range(12))) == [201] * 2 + [409] * 10
    stored = ada.get(ANSWERS).json()["items"]
    assert [said["position"] for said in stored] == [0, 1, 2]
    assert len({said["question"]["id"] for said in stored}) == 3


def test_an_answer_is_replaced(ada: Person, session: Session) -> None:
    said = say(ada)
    embed(session, session.get_one(PromptAnswer, uuid.UUID(said["id"])), towards(1))
    path = f"{ANSWERS}/{said['id']}"
    same = ada.put(path, json={"answer": "Fish soup."})
    assert (same.status_code, same.json()["status"], same.json()["updated_at"]) == (200, "embedded", said["updated_at"])
    hidden = ada.put(path, json={"answer": "Fish soup.", "private": True}).json()
    assert (hidden["private"], hidden["status"]) == (True, "embedded")
    corrected = ada.put(path, json={"answer": "Fish soup!"}).json()
    assert corrected["private"], "what was private must not slip into public"
    shown = ada.put(path, json={"answer": "Fish soup!", "private": False}).json()
    assert not shown["private"]
    ada.put(path, json={"answer": "Fish soup!", "private": True})
    moved = ada.put(path, json={"question_id": IDS[9], "answer": "Bread."}).json()
    assert (moved["question"]["id"], moved["answer"], moved["private"]) == (IDS[9], "Bread.", True)
    assert (moved["status"], moved["position"]) == ("pending", 0)
    assert promised(session) == {
        (EMBED_ANSWER.name, said["id"]),
        (MAKE_BADGES.name, str(ada.id)),
        (REFRESH_QUEUE.name, str(ada.id)),
    }


def test_replacing_keeps_to_the_limits(ada: Person) -> None:
    say(ada, private=True)
    path = f"{ANSWERS}/{say(ada, question=1)['id']}"
    refused = ada.put(path, json={"question_id": IDS[0], "answer": "Other."})
    assert (refused.status_code, error_code(refused)) == (409, "prompt_already_answered")
    refused = ada.put(path, json={"answer": "Other.", "private": True})
    assert (refused.status_code, error_code(refused)) == (409, "prompt_limit")
    refused = ada.put(path, json={"answer": ""})
    assert (refused.status_code, error_code(refused)) == (422, "validation_error")
    assert listed(ada) == ["Fish soup."] * 2


def test_deleting_closes_the_gap_and_forgets_the_work(ada: Person, session: Session) -> None:
    first, second, third = (say(ada, str(number), question=number) for number in range(3))
    assert ada.delete(f"{ANSWERS}/{second['id']}").status_code == 204
    assert [(said["answer"], said["position"]) for said in ada.get(ANSWERS).json()["items"]] == [("0", 0), ("2", 1)]
    assert promised(session) == {
        (EMBED_ANSWER.name, first["id"]),
        (EMBED_ANSWER.name, third["id"]),
        (MAKE_BADGES.name, str(ada.id)),
        (REFRESH_QUEUE.name, str(ada.id)),
    }
    assert ada.delete(f"{ANSWERS}/{second['id']}").status_code == 404


def test_the_order_is_set_by_naming_all(ada: Person) -> None:
    ids = [say(ada, str(number), question=number)["id"] for number in range(3)]
    answer = ada.put(f"{ANSWERS}/order", json={"ids": [ids[2], ids[0], ids[1]]})
    assert [said["answer"] for said in answer.json()["items"]] == ["2", "0", "1"]
    assert listed(ada) == ["2", "0", "1"]
    for wrong in ([], ids[:2], [*ids, ids[0]], [*ids[:2], str(uuid.uuid4())]):
        refused = ada.put(f"{ANSWERS}/order", json={"ids": wrong})
        assert (refused.status_code, error_code(refused)) == (422, "validation_error")
    assert listed(ada) == ["2", "0", "1"]


def test_the_list_is_searched_sorted_and_sliced(ada: Person, session: Session) -> None:
    for number, text in enumerate(["Bread, 100% rye", "Fish soup", "bread_and_salt"]):
        say(ada, text, question=number)
    assert listed(ada, q="BREAD") == ["Bread, 100% rye", "bread_and_salt"]
    assert listed(ada, q="%") == ["Bread, 100% rye"]
    assert listed(ada, q=" brea\u0064 ") == ["Bread, 100% rye", "bread_and_salt"]
    assert listed(ada, q="_") == ["bread_and_salt"]
    assert listed(ada, q=QUESTIONS[1].text[:20]) == ["Fish soup"]
    assert listed(ada, q="xylophone") == []
    page = ada.get(ANSWERS, params={"limit": 1, "offset": 1}).json()
    assert ([said["answer"] for said in page["items"]], page["total"]) == (["Fish soup"], 3)
    moments = {"Bread, 100% rye": (2, 5), "Fish soup": (3, 4), "bread_and_salt": (1, 6)}
    for text, (created, updated) in moments.items():
        changed = update(PromptAnswer).where(PromptAnswer.answer == text)
        session.execute(
            changed.values(
                created_at=datetime(2026, 1, created, tzinfo=UTC), updated_at=datetime(2026, 1, updated, tzinfo=UTC)
            )
        )
    in_order = {
        "position": ["Bread, 100% rye", "Fish soup", "bread_and_salt"],
        "created_at": ["bread_and_salt", "Bread, 100% rye", "Fish soup"],
        "updated_at": ["Fish soup", "Bread, 100% rye", "bread_and_salt"],
    }
    assert listed(ada) == in_order["position"]
    for column, texts in in_order.items():
        assert listed(ada, sort=column) == texts
        assert listed(ada, sort=f"-{column}") == texts[::-1]


@pytest.mark.parametrize("query", ["sort=answer", "sort=--position", "limit=0", "limit=101", "offset=-1", "q=%00"])
def test_a_list_that_cannot_be_is_refused(ada: Person, query: str) -> None:
    answer = ada.get(f"{ANSWERS}?{query}")
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_answers_of_others_are_not_there(client: TestClient, ada: Person, method: str) -> None:
    said = say(ada)
    bob = sign_up(client)
    body = {"json": {"answer": "Mine now."}} if method == "put" else {}
    answer = bob.request(method.upper(), f"{ANSWERS}/{said['id']}", **body)
    assert (answer.status_code, error_code(answer)) == (404, "not_found")
    assert listed(bob) == []
    assert listed(ada) == ["Fish soup."]


def test_a_list_takes_a_fixed_number_of_queries(ada: Person, queries: list[str]) -> None:
    say(ada)
    queries.clear()
    listed(ada)
    with_one = len(queries)
    for number in (1, 2):
        say(ada, question=number)
    queries.clear()
    listed(ada)
    assert len(queries) == with_one
