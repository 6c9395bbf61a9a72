"""Cases over HTTP: what is in them, taking them, and deciding."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from fastapi.testclient import TestClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.accounts.models import Ban, User
from shared.moderation.models import Case, Report
from shared.photos.models import Photo, PhotoStatus
from shared.review import suspensions
from tests.api.review.judging import (
    CASES,
    NOTICES,
    USERS,
    WHY,
    decide,
    notice_of,
    only_case,
    resolve,
    take,
)
from tests.api.test_auth import log_in
from tests.api.test_safety import report
from tests.people import PASSWORD, Person, error_code, make_user, sign_up


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
