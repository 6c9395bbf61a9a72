"""What the buttons of the console do, and to whom they are refused."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import User
from shared.audit import AuditEntry
from shared.ledger import Work
from shared.moderation.models import Case, Notice
from shared.moderation.service import appeal
from shared.photos.models import Photo
from tests.console import Desk, detail
from tests.console_scene import Scene, scene

WHY = "These are not your pictures, as we see it."


WRONG: Sequence[tuple[dict[str, Any], str]] = (
    ({"decision": "hang"}, "Choose one for “decision”."),
    ({"rule": "taste"}, "Choose one for “rule”."),
    ({"reason": "  too short "}, "Say why in 10 characters or more: the person is told your words."),
    ({"reason": "x" * 1001}, "A text has at most 1000 characters."),
    ({"reason": "a NUL is no text \0"}, "A text has at most 1000 characters."),
    ({"evidence": "4"}, "Something new has come into this case. Please look at it again."),
    ({"evidence": "many"}, "“evidence” is a number of at most 1000000."),
    ({"decision": "suspend", "days": "366"}, "“days” is a number of at most 365."),
    ({"decision": "suspend", "days": "0"}, "Say for how many days."),
    ({"decision": "remove_photo"}, "Name one of their photos that is shown."),
    ({"decision": "remove_photo", "photo_id": "11111111-1111-4111-8111-111111111111"}, "Name one of their photos"),
    ({"decision": "remove_answer", "prompt_id": "x"}, "Name one of their answers that is shown."),
    ({"decision": "uphold"}, "An appeal is answered first, by uphold or overturn; those are for appeals alone."),
)


@pytest.fixture
def here(session: Session) -> Scene:
    return scene(session)


@pytest.fixture
def admin(client: TestClient, here: Scene) -> Desk:
    return Desk.opened(client, "root@example.com")


@pytest.fixture
def mo(client: TestClient, here: Scene) -> Desk:
    return Desk.opened(client, "mo@example.com")


@pytest.fixture
def ann(client: TestClient, here: Scene) -> Desk:
    return Desk.opened(client, "ann@example.com")


@pytest.fixture
def anew(session: Session) -> Callable[[], None]:
    return session.expire_all


def verdict(decision: str, **more: str) -> dict[str, Any]:
    return {"decision": decision, "rule": "fake_profile", "reason": WHY, "evidence": "5", **more}


def test_of_two_moderators_one_has_a_case(mo: Desk, ann: Desk, here: Scene, anew: Callable[[], None]) -> None:
    taken = mo.post(f"/cases/{here.case.id}/take")
    assert (taken.status_code, taken.headers["location"]) == (
        303,
        f"http://testserver/admin/cases/detail?pk={here.case.id}",
    )
    assert mo.told() == "This case is yours for 4 hours."
    assert "You have this case" in mo.page(detail("cases", here.case.id))
    page = ann.page(detail("cases", here.case.id))
    assert "<b>Mo</b> took this case" in page
    assert "/take" not in page
    ann.post(f"/cases/{here.case.id}/take")
    assert ann.told() == "Somebody else is looking at this case."
    ann.post(f"/cases/{here.case.id}/resolve", **verdict("ban"))
    assert ann.told() == "Take this case first."
    anew()
    assert (here.case.taken_by, here.case.closed_at) == (here.moderator.id, None)
    mo.post(f"/cases/{here.case.id}/release")
    assert mo.told() == "Others can take this case again."
    ann.post(f"/cases/{here.case.id}/take")
    assert ann.told() == "This case is yours for 4 hours."


def test_a_decision_acts_tells_and_is_noted(mo: Desk, here: Scene, session: Session, anew: Callable[[], None]) -> None:
    mo.post(f"/cases/{here.case.id}/take")
    mo.post(f"/cases/{here.case.id}/resolve", **verdict("remove_photo", photo_id=str(here.photo.id)))
    assert mo.told() == "Decided. The person has been told."
    anew()
    assert session.get_one(Photo, here.photo.id).rejection == "removed"
    notice = session.scalars(select(Notice).where(Notice.user_id == here.lena.id, Notice.kind == "photo_removed")).one()
    assert notice.facts.endswith(WHY)
    page = mo.page(detail("cases", here.case.id))
    assert "by Mo" in page
    assert WHY in page
    assert 'id="decide"' not in page
    assert WHY in mo.page("/notices/list")
    assert "<code>case.remove_photo</code>" in mo.page("/audit/list")
    assert "Lena" in mo.page("/cases/list?which=closed")
    mo.post(f"/cases/{here.case.id}/take")
    assert mo.told() == "This case is closed."


@pytest.mark.parametrize(
    ("decision", "status"),
    [
        ("dismiss", "active"),
        ("warn", "active"),
        ("remove_bio", "active"),
        ("suspend", "suspended"),
        ("ban", "suspended"),
    ],
)
def test_the_other_decisions(mo: Desk, here: Scene, anew: Callable[[], None], decision: str, status: str) -> None:
    mo.post(f"/cases/{here.case.id}/take")
    mo.post(f"/cases/{here.case.id}/resolve", **verdict(decision, days="7", photo_id="x", prompt_id=""))
    anew()
    assert (here.case.decision, here.lena.status) == (decision, status)
    assert (here.lena.suspended_until is not None) == (decision == "suspend")


def test_a_form_that_is_not_right_is_answered_in_words(mo: Desk, here: Scene, anew: Callable[[], None]) -> None:
    mo.post(f"/cases/{here.case.id}/take")
    mo.told()
    for form, told in WRONG:
        answer = mo.post(f"/cases/{here.case.id}/resolve", **{**verdict("warn"), **form})
        assert answer.status_code == 303
        assert told in mo.told(), form
    anew()
    assert (here.case.closed_at, here.lena.status) == (None, "active")


def test_an_objection_goes_to_somebody_else(
    mo: Desk, ann: Desk, here: Scene, session: Session, anew: Callable[[], None]
) -> None:
    mo.post(f"/cases/{here.case.id}/take")
    mo.post(f"/cases/{here.case.id}/resolve", **verdict("suspend", days="7"))
    notice = session.scalars(select(Notice).where(Notice.user_id == here.lena.id, Notice.kind == "suspended")).one()
    appeal(session, here.lena, notice_id=notice.id, text="They are of my sister.", now=clock.now())
    session.flush()
    case = session.scalars(select(Case).where(Case.user_id == here.lena.id, Case.closed_at.is_(None))).one()
    mo.post(f"/cases/{case.id}/take")
    assert mo.told() == "This objects to a decision of yours, so somebody else decides."
    ann.post(f"/cases/{case.id}/take")
    page = ann.page(detail("cases", case.id))
    assert "They are of my sister." in page
    assert 'value="overturn"' in page
    assert 'value="dismiss"' not in page
    ann.post(f"/cases/{case.id}/resolve", **verdict("overturn", evidence="1"))
    anew()
    assert (case.decision, here.lena.status) == ("overturn", "active")


def test_cases_about_oneself_are_for_others(mo: Desk, here: Scene, session: Session) -> None:
    here.case.user_id = here.moderator.id
    session.flush()
    assert mo.get(detail("cases", here.case.id)).status_code == 404
    mo.post(f"/cases/{here.case.id}/take")
    assert mo.told() == "There is no such case."


@pytest.mark.parametrize("case_id", ["x", "11111111-1111-4111-8111-111111111111"])
def test_a_case_that_is_not_there(mo: Desk, case_id: str) -> None:
    mo.post(f"/cases/{case_id}/take")
    assert mo.told() in {"There is no such case.", "There is nothing here."}


def test_admins_change_roles_and_nobody_their_own(
    admin: Desk, here: Scene, session: Session, anew: Callable[[], None]
) -> None:
    admin.post(f"/people/{here.mia.id}/role", role="moderator")
    assert admin.told() == "Mia is now moderator."
    admin.post(f"/people/{here.admin.id}/role", role="user")
    assert admin.told() == "Nobody changes their own role: ask another admin."
    admin.post(f"/people/{here.mia.id}/role", role="queen")
    assert admin.told() == "Choose one for “role”."
    anew()
    assert (here.mia.role, here.admin.role) == ("moderator", "admin")
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "user.role")).one()
    assert (entry.actor_id, entry.user_id) == (here.admin.id, here.mia.id)


def test_admins_suspend_ban_and_restore(admin: Desk, here: Scene) -> None:
    path = f"/people/{here.mia.id}"
    form: dict[str, Any] = {"rule": "spam", "reason": WHY}
    admin.post(f"{path}/suspend", **form, days="3")
    assert admin.told() == "Mia is suspended."
    assert "<dt>Suspended</dt><dd>ends " in admin.page(detail("people", here.mia.id))
    admin.post(f"{path}/restore", reason="We were mistaken.")
    assert admin.told() == "Mia is active again."
    admin.post(f"{path}/suspend", **{**form, "for": "good"})
    assert admin.told() == "Mia is banned."
    assert "<dt>Suspended</dt><dd>for good</dd>" in admin.page(detail("people", here.mia.id))


def test_work_is_tried_again_or_dropped(admin: Desk, here: Scene, session: Session, anew: Callable[[], None]) -> None:
    first, second = session.scalars(select(Work).where(Work.due_at.is_(None)).order_by(Work.kind)).all()
    keys = [(row.kind, row.key) for row in (first, second)]
    admin.post("/work/retry", kind=keys[0][0], key=keys[0][1])
    assert admin.told() == "Queued 1."
    admin.post("/work/drop", kind=keys[1][0], key=keys[1][1])
    assert admin.told() == "Dropped 1."
    anew()
    assert session.get_one(Work, keys[0]).due_at is not None
    assert session.get(Work, keys[1]) is None
    admin.post("/work/retry", kind=keys[1][0], key=keys[1][1])
    assert "no longer given up" in admin.told()
    admin.post("/work/drop", kind="no.such", key="x")
    assert admin.told() == "There is no kind of work no.such."
    noted = session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("work."))).all()
    assert sorted(noted) == ["work.dropped", "work.retried"]


def test_what_is_for_admins_is_refused_to_moderators(
    mo: Desk, here: Scene, session: Session, anew: Callable[[], None]
) -> None:
    failed = session.scalars(select(Work).where(Work.due_at.is_(None))).first()
    assert failed is not None
    form: dict[str, Any] = {
        "role": "admin",
        "days": "3",
        "rule": "spam",
        "reason": WHY,
        "kind": failed.kind,
        "key": failed.key,
    }
    for path in (
        *(f"/people/{here.mia.id}/{deed}" for deed in ("role", "suspend", "restore")),
        "/work/retry",
        "/work/drop",
    ):
        answer = mo.post(path, **form)
        assert answer.status_code == 403
        assert "Only admins may do this." in answer.text
    anew()
    assert (here.mia.role, here.mia.status) == ("user", "active")
    assert session.get_one(Work, (failed.kind, failed.key)).due_at is None


def test_a_role_that_was_taken_away_does_nothing_more(
    admin: Desk, here: Scene, session: Session, anew: Callable[[], None]
) -> None:
    token = admin.token()
    session.get_one(User, here.admin.id).role = "moderator"
    session.flush()
    answer = admin.post(f"/people/{here.mia.id}/role", role="admin", csrftoken=token)
    assert answer.status_code == 403
    anew()
    assert here.mia.role == "user"
