"""What tests of moderation share: who moderates, and deciding over HTTP."""

from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.accounts.models import User
from tests.people import Person, sign_up

CASES = "/v1/admin/cases"
USERS = "/v1/admin/users"
AUDIT = "/v1/admin/audit"
NOTICES = "/v1/notices"
WHY = "You wrote an advertisement to forty people."


def staff(client: TestClient, session: Session, role: str = "moderator", **more: object) -> Person:
    person = sign_up(client, **more)
    session.execute(update(User).where(User.id == person.id).values(role=role))
    return person


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
