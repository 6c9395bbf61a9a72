"""Moderation over HTTP: cases, decisions and their notices, appeals, bans, accounts and the audit log."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from shared.accounts.models import Ban, User
from shared.audit import AuditEntry
from shared.moderation.models import Case, Report
from shared.photos.models import Photo, PhotoStatus
from shared.review import suspensions
from tests.api.test_auth import log_in
from tests.api.test_safety import report
from tests.people import PASSWORD, Person, error_code, make_user, sign_up

CASES = "/v1/admin/cases"
USERS = "/v1/admin/users"
AUDIT = "/v1/admin/audit"
NOTICES = "/v1/notices"
WHY = "You wrote an advertisement to forty people."


def staff(client: TestClient, session: Session, role: str = "moderator", **more: object) -> Person:
    person = sign_up(client, **more)
    session.execute(update(User).where(User.id == person.id).values(role=role))
    return person


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client, name="Ada")


@pytest.fixture
def bob(client: TestClient, session: Session) -> Person:
    bob = sign_up(client, name="Bob", bio="Buy my pills.", username="bob.pills")
    renditions = {name: f"photos/bo/b-{name}" for name in ("320", "640", "1080", "jpeg")}
    session.add(
        Photo(
            user_id=bob.id,
            position=0,
            status=PhotoStatus.READY,
            renditions=renditions,
            sha256=b"1" * 32,
            fingerprint="01" * 32,
            color="#102030",
        )
    )
    session.flush()
    return bob


@pytest.fixture
def mo(client: TestClient, session: Session) -> Person:
    return staff(client, session, name="Mo")


@pytest.fixture
def amy(client: TestClient, session: Session) -> Person:
    return staff(client, session, "admin", name="Amy")


def only_case(moderator: Person, which: str = "open") -> dict[str, Any]:
    (case,) = moderator.get(CASES, params={"which": which}).json()["items"]
    return dict(case)


def take(moderator: Person, case_id: str) -> Response:
    return moderator.post(f"{CASES}/{case_id}/take")


def resolve(moderator: Person, case_id: str, decision: str, **more: object) -> Response:
    return moderator.post(f"{CASES}/{case_id}/resolve", json={"decision": decision, "reason": WHY, **more})


def decide(moderator: Person, decision: str, **more: object) -> dict[str, Any]:
    case = only_case(moderator)
    assert take(moderator, case["id"]).status_code == 200
    answer = resolve(moderator, case["id"], decision, **more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def notice_of(person: Person) -> dict[str, Any]:
    return dict(person.get(NOTICES).json()["items"][0])


def test_reports_of_one_person_are_one_case(client: TestClient, ada: Person, bob: Person, mo: Person) -> None:
    report(ada, bob, details="Sells pills.")
    report(sign_up(client), bob, reason="harassment")
    case = only_case(mo)
    assert (case["reports"], case["evidence"], case["priority"]) == (2, 2, 4.0)
    assert case["reasons"] == ["harassment", "spam"]
    assert case["person"] == {"id": str(bob.id), "name": "Bob", "status": "active", "role": "user"}
    shown = mo.get(f"{CASES}/{case['id']}").json()
    assert shown["case"] == case
    assert [one["details"] for one in shown["reports"]] == ["Sells pills.", ""]
    first = shown["reports"][0]
    assert (first["reporter"]["name"], first["snapshot"]["bio"]) == ("Ada", "Buy my pills.")
    assert "photos/bo/b-1080" in first["photo_urls"][shown["photos"][0]["id"]]
    assert shown["profile"]["name"] == "Bob"


def test_what_can_harm_comes_first(client: TestClient, ada: Person, session: Session, mo: Person) -> None:
    people = [sign_up(client) for _ in range(3)]
    for person, reason in zip(people, ("spam", "underage", "harassment"), strict=True):
        session.add(Photo(user_id=person.id, position=0, status=PhotoStatus.READY, renditions={"1080": "photos/x/x"}))
        session.flush()
        report(ada, person, reason=reason)
    answer = mo.get(CASES, params={"limit": 2}).json()
    assert [one["reasons"] for one in answer["items"]] == [["underage"], ["harassment"]]
    assert answer["total"] == 3
    assert [one["reasons"] for one in mo.get(CASES, params={"offset": 2}).json()["items"]] == [["spam"]]


def test_one_moderator_has_a_case(ada: Person, bob: Person, mo: Person, amy: Person, session: Session) -> None:
    report(ada, bob)
    case = only_case(mo)["id"]
    assert error_code(resolve(mo, case, "warn")) == "invalid_transition", "not taken"
    assert take(mo, case).json()["taken_by"]["name"] == "Mo"
    assert take(mo, case).status_code == 200, "again is no error"
    assert error_code(take(amy, case)) == "invalid_transition"
    assert error_code(resolve(amy, case, "warn")) == "invalid_transition"
    assert amy.get(CASES, params={"which": "free"}).json()["items"] == []
    assert only_case(mo, "mine")["id"] == case
    assert mo.post(f"{CASES}/{case}/release").json()["taken_by"] is None
    assert error_code(mo.post(f"{CASES}/{case}/release")) == "invalid_transition"
    assert take(amy, case).status_code == 200
    session.execute(update(Case).values(taken_at=func.now() - timedelta(hours=5)))
    assert take(mo, case).json()["taken_by"]["name"] == "Mo", "who has had it for long has given it up"


def test_a_warning_is_told_with_its_rule_and_closes_the_case(ada: Person, bob: Person, mo: Person) -> None:
    report(ada, bob)
    closed = decide(mo, "warn", evidence=1)
    assert (closed["decision"], closed["reason"]) == ("warn", WHY)
    assert only_case(mo, "closed")["id"] == closed["id"]
    assert mo.get(CASES).json()["total"] == 0
    notice = notice_of(bob)
    assert (notice["kind"], notice["automatic"], notice["until"]) == ("warned", False, None)
    assert notice["facts"].endswith(WHY)
    assert notice["rule"].startswith("Messages and likes are for personal words")
    assert "appeal" in notice["how_to_object"]
    told = notice_of(ada)
    assert (told["kind"], told["how_to_object"]) == ("report_founded", None)
    assert "Bob" not in told["facts"]
    assert bob.get("/v1/notifications").json()["items"][0]["kind"] == "notice.created"
    assert error_code(resolve(mo, closed["id"], "warn")) == "invalid_transition", "closed"


def test_what_has_come_meanwhile_is_looked_at_first(client: TestClient, ada: Person, bob: Person, mo: Person) -> None:
    report(ada, bob)
    case = only_case(mo)["id"]
    take(mo, case)
    report(sign_up(client), bob, reason="underage")
    assert error_code(resolve(mo, case, "dismiss", evidence=1)) == "invalid_transition"
    assert resolve(mo, case, "dismiss", evidence=2).status_code == 200


def test_who_is_hidden_is_shown_again_when_somebody_has_looked(
    client: TestClient, ada: Person, bob: Person, mo: Person, session: Session
) -> None:
    for person in (ada, sign_up(client), sign_up(client)):
        report(person, bob, block=False)
    assert notice_of(bob)["kind"] == "hidden"
    decide(mo, "dismiss")
    session.expire_all()
    assert session.get_one(User, bob.id).hidden_at is None
    assert notice_of(bob)["kind"] == "dismissed"
    assert notice_of(ada)["kind"] == "report_unfounded"


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


def test_a_suspension_locks_out_of_all_but_ones_notices_and_ends(
    client: TestClient, ada: Person, bob: Person, mo: Person, session: Session
) -> None:
    report(ada, bob)
    bob.post("/v1/users/me/pause")
    case = only_case(mo)["id"]
    take(mo, case)
    assert error_code(resolve(mo, case, "suspend")) == "validation_error", "for how long?"
    assert resolve(mo, case, "suspend", days=3).status_code == 200
    notice = notice_of(bob)
    assert (notice["kind"], notice["facts"].startswith("We have suspended your account for 3 days.")) == (
        "suspended",
        True,
    )
    until = datetime.fromisoformat(notice["until"])
    assert timedelta(days=3) - timedelta(minutes=1) < until - datetime.now(UTC) <= timedelta(days=3)
    refused = log_in(client, bob.email)
    assert error_code(refused) == "account_suspended"
    details = refused.json()["error"]["details"]
    assert datetime.fromisoformat(details["until"]) == until
    only = {"Authorization": f"Bearer {details['access_token']}"}
    assert client.get("/v1/users/me", headers=only).status_code == 403
    assert client.get(NOTICES, headers=only).json()["items"][0] == notice
    assert suspensions.end_due(session, now=until - timedelta(seconds=1)) == 0
    assert suspensions.end_due(session, now=until) == 1
    assert bob.get("/v1/users/me").json()["status"] == "paused", "as before"
    assert suspensions.end_due(session, now=until) == 0


def test_a_ban_recognises_who_comes_back(
    client: TestClient, ada: Person, bob: Person, mo: Person, amy: Person, session: Session
) -> None:
    report(ada, bob)
    decide(mo, "ban")
    assert notice_of(bob)["kind"] == "banned"
    assert error_code(bob.get("/v1/users/me")) == "account_suspended"
    session.execute(update(User).where(User.id == bob.id).values(email="gone@example.com", username="gone"))
    local, _, domain = bob.email.partition("@")
    again = {"email": f"{local.upper()}+new@{domain}", "password": "engines of 1843", "name": "B"}
    again["birth_date"] = "1990-12-10"
    assert error_code(client.post("/v1/auth/signup", json=again)) == "forbidden"
    assert error_code(ada.patch("/v1/users/me", json={"username": "bob.pills"})) == "username_taken"
    kept = session.scalars(select(Ban)).all()
    assert {one.kind for one in kept} == {"email", "username", "photo"}
    assert all(bob.email.encode() not in one.hash for one in kept)
    bob.post(f"{NOTICES}/{notice_of(bob)['id']}/appeal", json={"text": "I am somebody else."})
    decide(amy, "overturn")
    assert session.scalars(select(Ban)).all() == []
    assert bob.get("/v1/users/me").status_code == 200
    assert client.post("/v1/auth/signup", json=again).status_code == 201


def test_who_leaves_while_a_case_waits_comes_back_suspended(
    client: TestClient, ada: Person, bob: Person, mo: Person, amy: Person
) -> None:
    report(ada, bob)
    assert bob.request("DELETE", "/v1/users/me", json={"password": PASSWORD}).status_code in {200, 202, 204}
    decide(mo, "ban")
    assert amy.get(f"{USERS}/{bob.id}").json()["status"] == "deleting"
    assert error_code(log_in(client, bob.email)) == "account_suspended"
    amy.post(f"{USERS}/{bob.id}/restore", json={"reason": "We mixed you up."})
    assert log_in(client, bob.email).status_code == 200


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


def test_nobody_decides_on_themself_a_colleague_or_their_own_report(
    ada: Person, bob: Person, mo: Person, amy: Person, session: Session
) -> None:
    session.add(Photo(user_id=mo.id, position=0, status=PhotoStatus.READY, renditions={"1080": "photos/x/x"}))
    session.flush()
    report(ada, mo)
    assert mo.get(CASES).json()["total"] == 0
    case = only_case(amy)["id"]
    for path in ("", "/take", "/resolve"):
        body = {"decision": "dismiss", "reason": WHY}
        answer = mo.get(f"{CASES}/{case}") if path == "" else mo.post(f"{CASES}/{case}{path}", json=body)
        assert error_code(answer) == "not_found"
    assert take(amy, case).status_code == 200
    report(mo, bob)
    (own,) = [one for one in mo.get(CASES).json()["items"] if one["person"]["id"] == str(bob.id)]
    assert error_code(take(mo, own["id"])) == "forbidden"


def test_who_often_reports_without_reason_weighs_less(
    client: TestClient, ada: Person, bob: Person, mo: Person, session: Session
) -> None:
    for _ in range(3):
        victim = make_user(session)
        session.add(
            Report(
                reporter_id=ada.id,
                user_id=victim.id,
                reason="spam",
                details="",
                snapshot={},
                founded=False,
                created_at=func.now(),
            )
        )
    session.flush()
    report(ada, bob)
    assert only_case(mo)["priority"] == 0.5
    for _ in range(2):
        report(sign_up(client), bob)
    session.expire_all()
    assert session.get_one(User, bob.id).hidden_at is None, "two and a half reporters are not three"
    report(sign_up(client), bob)
    session.expire_all()
    assert session.get_one(User, bob.id).hidden_at is not None


def test_the_audit_log_tells_all_and_cannot_be_edited(
    ada: Person, bob: Person, mo: Person, amy: Person, session: Session
) -> None:
    report(ada, bob)
    decide(mo, "warn")
    amy.put(f"{USERS}/{ada.id}/role", json={"role": "moderator"})
    entries = amy.get(AUDIT).json()["items"]
    assert [one["action"] for one in entries] == ["user.role", "case.warn", "case.taken"]
    assert entries[0]["details"] == {"before": "user", "after": "moderator"}
    assert (entries[1]["actor_id"], entries[1]["user_id"], entries[1]["details"]["reason"]) == (
        str(mo.id),
        str(bob.id),
        WHY,
    )
    assert amy.get(AUDIT, params={"actor_id": str(mo.id), "action": "case.warn"}).json()["total"] == 1
    assert error_code(mo.get(AUDIT)) == "forbidden"
    for change in ("UPDATE audit SET action = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(ProgrammingError, match="can only be added to"), session.begin_nested():
            session.execute(text(change))
    assert session.scalar(select(func.count()).select_from(AuditEntry)) == 3


def test_admins_find_people(client: TestClient, bob: Person, mo: Person, amy: Person) -> None:
    for q in ("pills", "BOB", str(bob.id)):
        (found,) = amy.get(USERS, params={"q": q}).json()["items"]
        assert (found["id"], found["email"]) == (str(bob.id), bob.email)
    assert amy.get(USERS, params={"q": bob.email}).json()["total"] == 1
    assert mo.get(USERS, params={"q": bob.email}).json()["total"] == 0, "moderators do not see addresses"
    (found,) = mo.get(USERS, params={"q": "pills"}).json()["items"]
    assert found["email"] is None
    assert mo.get(f"{USERS}/{bob.id}").json() == found
    assert error_code(mo.get(f"{USERS}/{uuid.uuid4()}")) == "not_found"
    names = [one["name"] for one in amy.get(USERS, params={"sort": "name"}).json()["items"]]
    assert names == sorted(names)
    assert amy.get(USERS, params={"q": "%"}).json()["total"] == 0
    assert [one["name"] for one in amy.get(USERS, params={"role": "admin"}).json()["items"]] == ["Amy"]
    assert amy.get(USERS, params={"status": "suspended"}).json()["total"] == 0


def test_admins_suspend_and_restore(ada: Person, bob: Person, mo: Person, amy: Person, session: Session) -> None:
    body = {"reason": WHY, "rule": "spam"}
    assert error_code(mo.post(f"{USERS}/{bob.id}/suspend", json=body)) == "forbidden"
    assert error_code(amy.post(f"{USERS}/{amy.id}/suspend", json=body)) == "forbidden"
    assert error_code(amy.post(f"{USERS}/{uuid.uuid4()}/suspend", json=body)) == "not_found"
    banned = amy.post(f"{USERS}/{bob.id}/suspend", json=body).json()
    assert (banned["status"], banned["suspended_until"]) == ("suspended", None)
    assert notice_of(bob)["kind"] == "banned"
    assert session.scalar(select(func.count()).select_from(Ban)) == 3
    restored = amy.post(f"{USERS}/{bob.id}/restore", json={"reason": "We mixed you up."}).json()
    assert restored["status"] == "active"
    assert notice_of(bob)["facts"].endswith("We mixed you up.")
    assert session.scalar(select(func.count()).select_from(Ban)) == 0
    assert error_code(amy.post(f"{USERS}/{bob.id}/restore", json={"reason": "We mixed you up."})) == (
        "invalid_transition"
    )
    report(ada, bob)
    take(mo, only_case(mo)["id"])
    assert error_code(amy.post(f"{USERS}/{bob.id}/suspend", json=body)) == "invalid_transition", "Mo is looking at it"


def test_roles_are_changed_by_other_admins(ada: Person, mo: Person, amy: Person) -> None:
    assert error_code(mo.put(f"{USERS}/{ada.id}/role", json={"role": "moderator"})) == "forbidden"
    assert error_code(amy.put(f"{USERS}/{amy.id}/role", json={"role": "user"})) == "forbidden"
    assert error_code(amy.put(f"{USERS}/{ada.id}/role", json={"role": "king"})) == "validation_error"
    assert amy.put(f"{USERS}/{ada.id}/role", json={"role": "moderator"}).json()["role"] == "moderator"
    assert ada.get(CASES).status_code == 200
    amy.put(f"{USERS}/{ada.id}/role", json={"role": "user"})
    assert error_code(ada.get(CASES)) == "forbidden", "at once"


def test_a_list_of_cases_takes_a_fixed_number_of_queries(
    client: TestClient, ada: Person, mo: Person, session: Session, queries: list[str]
) -> None:
    counts = []
    for _ in range(2):
        for _ in range(2):
            person = make_user(session)
            session.add(Photo(user_id=person.id, position=0, status=PhotoStatus.READY, renditions={"1080": "photos/x"}))
            session.flush()
            answer = ada.post("/v1/matching/report", json={"user_id": str(person.id), "reason": "spam"})
            assert answer.status_code == 201
        queries.clear()
        assert mo.get(CASES).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_bad_verdicts_change_nothing(
    ada: Person, bob: Person, mo: Person, session: Session, configured: Callable[..., None]
) -> None:
    report(ada, bob)
    case = only_case(mo)["id"]
    take(mo, case)
    for wrong in ({"decision": "shame"}, {"decision": "warn", "reason": "short"}, {"decision": "suspend", "days": 0}):
        answer = mo.post(f"{CASES}/{case}/resolve", json={"reason": WHY, **wrong})
        assert error_code(answer) == "validation_error"
    assert error_code(mo.post(f"{CASES}/{uuid.uuid4()}/resolve", json={"decision": "warn", "reason": WHY})) == (
        "not_found"
    )
    assert session.scalars(select(Case.closed_at)).all() == [None]
    assert bob.get(NOTICES).json()["items"] == []
