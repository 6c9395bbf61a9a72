"""Appeals over HTTP: answered by somebody else, apart from the rest, and taking back what was decided."""

import uuid

from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.accounts.models import Ban, User
from shared.moderation.models import Report
from tests.api.review.judging import (
    NOTICES,
    decide,
    notice_of,
    only_case,
    resolve,
    take,
)
from tests.api.test_safety import report
from tests.people import Person, error_code, sign_up


def test_a_removed_photo_is_gone_until_an_appeal_succeeds(ada: Person, bob: Person, mo: Person, amy: Person) -> None:
    report(ada, bob, reason="inappropriate_content", block=False)
    (photo,) = bob.get("/v1/profile/photos").json()["items"]
    case = only_case(mo)["id"]
    take(mo, case)
    for wrong in ({}, {"photo_id": str(uuid.uuid4())}):
        assert error_code(resolve(mo, case, "remove_photo", **wrong)) == "validation_error"
    assert resolve(mo, case, "remove_photo", photo_id=photo["id"]).status_code == 200
    (shown,) = bob.get("/v1/profile/photos").json()["items"]
    assert (shown["status"], shown["rejection"]["code"], shown["urls"]) == ("rejected", "removed", None)
    assert shown["thumbhash"] is None
    assert ada.get(f"/v1/users/{bob.id}").status_code == 404, "nothing is left to show"
    bob.post(f"{NOTICES}/{notice_of(bob)['id']}/appeal", json={"text": "That was my cat."})
    assert only_case(mo)["is_appeal"]
    decide(amy, "overturn")
    (shown,) = bob.get("/v1/profile/photos").json()["items"]
    assert (shown["status"], shown["rejection"]) == ("ready", None)


def test_a_removed_answer_and_bio_come_back_by_an_appeal(
    ada: Person, bob: Person, mo: Person, amy: Person, session: Session
) -> None:
    question = ada.get("/v1/prompts").json()["items"][0]["id"]
    answer = bob.post("/v1/profile/prompts", json={"question_id": question, "answer": "Call 555."}).json()
    report(ada, bob)
    decide(mo, "remove_answer", prompt_id=answer["id"])
    assert bob.get("/v1/profile/prompts").json()["items"] == []
    report(ada, bob)
    decide(mo, "remove_bio")
    assert bob.get("/v1/users/me").json()["bio"] == ""
    for notice in bob.get(NOTICES).json()["items"]:
        bob.post(f"{NOTICES}/{notice['id']}/appeal", json={"text": "Others do that too."})
    decide(amy, "overturn")
    assert [one["answer"] for one in bob.get("/v1/profile/prompts").json()["items"]] == ["Call 555."]
    assert bob.get("/v1/users/me").json()["bio"] == "Buy my pills."
    assert set(session.scalars(select(Report.founded))) == {False}


def test_an_appeal_is_for_somebody_else(ada: Person, bob: Person, mo: Person, amy: Person) -> None:
    report(ada, bob)
    decide(mo, "suspend", days=30)
    report(ada, bob, reason="harassment")
    case = only_case(mo)["id"]
    take(mo, case)
    bob.post(f"{NOTICES}/{notice_of(bob)['id']}/appeal", json={"text": "I did not."})
    assert only_case(mo)["taken_by"] is None, "taken from who decided"
    assert error_code(take(mo, case)) == "forbidden"
    assert take(amy, case).status_code == 200
    assert error_code(resolve(amy, case, "dismiss")) == "validation_error", "uphold or overturn?"
    assert resolve(amy, case, "uphold").status_code == 200
    mine = {one["kind"]: one for one in bob.get(NOTICES).json()["items"]}
    assert mine["suspended"]["overturned"] is False
    assert mine["appeal_upheld"]["how_to_object"] is None
    assert error_code(bob.post(f"{NOTICES}/{mine['appeal_upheld']['id']}/appeal", json={"text": "x"})) == (
        "invalid_transition"
    )
    assert bob.get("/v1/users/me").status_code == 403


def test_an_appeal_is_answered_apart_from_what_was_reported_since(
    client: TestClient, ada: Person, bob: Person, mo: Person, amy: Person, session: Session
) -> None:
    report(ada, bob)
    decide(mo, "remove_bio")
    bob.post(f"{NOTICES}/{notice_of(bob)['id']}/appeal", json={"text": "It was a joke."})
    eve = sign_up(client)
    report(eve, bob, reason="underage")
    case = only_case(amy)
    assert take(amy, case["id"]).status_code == 200
    for other in ("ban", "dismiss"):
        assert error_code(resolve(amy, case["id"], other)) == "validation_error", "the appeal first"
    answered = resolve(amy, case["id"], "overturn").json()
    assert (answered["decision"], answered["reports"], answered["is_appeal"]) == ("overturn", 0, True)
    assert answered["id"] != case["id"]
    assert bob.get("/v1/users/me").json()["bio"] == "Buy my pills."
    assert eve.get(NOTICES).json()["items"] == [], "nobody has looked at that yet"
    left = only_case(mo)
    assert (left["id"], left["reports"], left["is_appeal"], left["taken_by"]) == (case["id"], 1, False, None)
    assert left["priority"] == 8.0
    decide(mo, "warn")
    assert notice_of(eve)["kind"] == "report_founded"
    assert session.scalars(select(Report.founded).order_by(Report.created_at)).all() == [False, True]


def test_what_holds_now_is_neither_shortened_nor_lifted_with_an_older_decision(
    ada: Person, bob: Person, mo: Person, amy: Person, session: Session
) -> None:
    report(ada, bob)
    decide(mo, "suspend", days=7)
    old = notice_of(bob)["id"]
    report(ada, bob)
    decide(mo, "ban")
    report(ada, bob)
    case = only_case(mo)["id"]
    take(mo, case)
    assert error_code(resolve(mo, case, "suspend", days=7)) == "invalid_transition", "they are banned"
    resolve(mo, case, "dismiss")
    bob.post(f"{NOTICES}/{old}/appeal", json={"text": "The first time it was not me."})
    decide(amy, "overturn")
    assert bob.get("/v1/users/me").status_code == 403, "the ban stands"
    assert session.scalar(select(func.count()).select_from(Ban)) == 3
    (banned,) = [one for one in bob.get(NOTICES).json()["items"] if one["kind"] == "banned"]
    bob.post(f"{NOTICES}/{banned['id']}/appeal", json={"text": "And the second time."})
    decide(amy, "overturn")
    assert bob.get("/v1/users/me").status_code == 200


def test_whoever_is_hidden_stays_so_while_only_their_appeal_was_answered(
    client: TestClient, ada: Person, bob: Person, mo: Person, session: Session
) -> None:
    for person in (ada, sign_up(client), sign_up(client)):
        report(person, bob, block=False)
    bob.post(f"{NOTICES}/{notice_of(bob)['id']}/appeal", json={"text": "They know each other."})
    decide(mo, "uphold")
    session.expire_all()
    assert session.get_one(User, bob.id).hidden_at is not None
    decide(mo, "warn")
    session.expire_all()
    assert session.get_one(User, bob.id).hidden_at is None


def test_uphold_needs_an_appeal(ada: Person, bob: Person, mo: Person) -> None:
    report(ada, bob)
    case = only_case(mo)["id"]
    take(mo, case)
    assert error_code(resolve(mo, case, "uphold")) == "validation_error"
