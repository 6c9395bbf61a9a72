"""Accounts over HTTP for those in charge: finding, suspending, roles, and the audit log."""

import uuid

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from shared.accounts.models import Ban
from shared.audit import AuditEntry
from tests.api.review.judging import (
    AUDIT,
    CASES,
    USERS,
    WHY,
    decide,
    notice_of,
    only_case,
    take,
)
from tests.api.test_safety import report
from tests.people import Person, error_code


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
