"""Blocks, reports, contacts and notices over HTTP."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.matching.models import Block, ContactHash, Like, Match
from shared.moderation.models import Case, Notice, Report, Signal
from shared.notifications.models import Notification
from shared.photos import pipeline
from shared.photos.models import Photo, PhotoStatus
from tests.api.test_likes import WORDS, like
from tests.api.test_matches import MATCHES, matched
from tests.people import Person, error_code, sign_up

BLOCK = "/v1/matching/block"
REPORT = "/v1/matching/report"
CONTACTS = "/v1/matching/contacts"


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client, name="Ada")


@pytest.fixture
def bob(client: TestClient, session: Session) -> Person:
    bob = sign_up(client, name="Bob", bio="Reads.")
    renditions = {name: f"photos/bo/b-{name}" for name in ("320", "640", "1080", "jpeg")}
    session.add(Photo(user_id=bob.id, position=0, status=PhotoStatus.READY, renditions=renditions))
    session.flush()
    return bob


def report(person: Person, other: Person, **more: object) -> dict[str, str]:
    answer = person.post(REPORT, json={"user_id": str(other.id), "reason": "spam", **more})
    assert answer.status_code == 201, answer.text
    shown: dict[str, str] = answer.json()
    return shown


def test_a_block_hides_both_everywhere_and_ends_the_match(ada: Person, bob: Person, session: Session) -> None:
    match = matched(ada, bob)
    made = ada.post(BLOCK, json={"user_id": str(bob.id)})
    assert (made.status_code, made.json()["name"]) == (201, "Bob")
    assert ada.post(BLOCK, json={"user_id": str(bob.id)}).json() == made.json(), "again is no error"
    for person, other in ((ada, bob), (bob, ada)):
        assert person.get(f"/v1/users/{other.id}").status_code == 404
        assert error_code(person.get(f"{MATCHES}/{match}")) == "not_in_match"
        assert error_code(person.patch(f"{MATCHES}/{match}", json={"state": "archived"})) == "not_in_match"
        assert person.get(f"{MATCHES}?state=unmatched").json()["items"] == []
        assert person.get("/v1/matching/likes").json()["items"] == []
        assert error_code(person.post("/v1/matching/pass", json={"user_id": str(other.id)})) == "not_found"
    assert session.scalars(select(Match.state)).one() == "unmatched"
    assert [one["user_id"] for one in ada.get("/v1/matching/blocks").json()["items"]] == [str(bob.id)]
    assert bob.get("/v1/matching/blocks").json() == {"items": [], "total": 0, "limit": 100, "offset": 0}
    assert error_code(bob.post(BLOCK, json={"user_id": str(ada.id)})) == "not_found", "as if she had left"


def test_a_block_is_told_to_nobody(ada: Person, bob: Person, session: Session) -> None:
    ada.post(BLOCK, json={"user_id": str(bob.id)})
    assert session.scalars(select(Notification)).all() == []


def test_who_cannot_be_blocked_or_reported(ada: Person, bob: Person, session: Session) -> None:
    session.execute(delete(Photo))
    for path, more in ((BLOCK, {}), (REPORT, {"reason": "other"})):
        assert error_code(ada.post(path, json={"user_id": str(ada.id), **more})) == "cannot_target_self"
        assert error_code(ada.post(path, json={"user_id": str(uuid.uuid4()), **more})) == "not_found"
    assert error_code(ada.post(REPORT, json={"user_id": str(bob.id), "reason": "other"})) == "not_found", "never seen"
    assert session.scalars(select(Block)).all() == []


def test_a_report_keeps_what_was_reported_and_blocks(ada: Person, bob: Person, session: Session) -> None:
    like(bob, ada, WORDS[0])
    kept = report(ada, bob, reason="harassment", details="He insists.")
    bob.patch("/v1/users/me", json={"name": "Robert", "bio": "Nothing to see."})
    (row,) = session.scalars(select(Report)).all()
    assert (str(row.id), row.reason, row.details, row.reporter_id) == (kept["id"], "harassment", "He insists.", ada.id)
    assert (row.snapshot["name"], row.snapshot["bio"], row.snapshot["like"]["comment"]) == ("Bob", "Reads.", WORDS[0])
    assert row.snapshot["photos"][0]["key"] == "photos/bo/b-1080"
    (case,) = session.scalars(select(Case)).all()
    assert (case.user_id, row.case_id, case.closed_at) == (bob.id, case.id, None)
    assert error_code(like(ada, bob, WORDS[1])) == "not_found", "blocked too"


def test_a_report_need_not_block(ada: Person, bob: Person, session: Session) -> None:
    report(ada, bob, block=False)
    assert session.scalars(select(Block)).all() == []
    assert like(ada, bob).status_code == 201


def test_a_report_names_a_photo_or_answer_of_theirs(ada: Person, bob: Person, session: Session) -> None:
    photo_id = session.scalars(select(Photo.id)).one()
    for wrong in ({"photo_id": str(uuid.uuid4())}, {"prompt_id": str(uuid.uuid4())}):
        answer = ada.post(REPORT, json={"user_id": str(bob.id), "reason": "spam", **wrong})
        assert answer.json()["error"]["details"]["fields"][0]["field"] == f"body.{next(iter(wrong))}"
    assert session.scalars(select(Report)).all() == []
    report(ada, bob, photo_id=str(photo_id))
    assert session.scalars(select(Report)).one().snapshot["about"]["photo_id"] == str(photo_id)


def test_a_reported_photo_outlives_its_deletion(ada: Person, bob: Person, session: Session) -> None:
    photo_id = session.scalars(select(Photo.id)).one()
    report(ada, bob)
    assert bob.delete(f"/v1/profile/photos/{photo_id}").status_code == 204
    assert pipeline.files_in_use(session, [photo_id]) == {"photos/bo/b-1080"}


@pytest.mark.parametrize(("days", "possible"), [(29, True), (31, False)])
def test_an_unmatch_leaves_thirty_days_to_report(
    ada: Person, bob: Person, session: Session, days: int, possible: bool
) -> None:
    match = matched(ada, bob)
    bob.post("/v1/matching/unmatch", json={"match_id": match})
    bob.post(BLOCK, json={"user_id": str(ada.id)})
    session.execute(update(Match).values(state_changed_at=datetime.now(UTC) - timedelta(days=days)))
    session.execute(update(Like).values(created_at=datetime.now(UTC) - timedelta(days=60)))
    answer = ada.post(REPORT, json={"user_id": str(bob.id), "reason": "offline_behaviour"})
    assert answer.status_code == (201 if possible else 404)


def test_three_reporters_hide_an_account_and_it_is_told_so(
    client: TestClient, ada: Person, bob: Person, session: Session
) -> None:
    carol, dave = sign_up(client), sign_up(client)
    report(ada, bob)
    ada.post(REPORT, json={"user_id": str(bob.id), "reason": "other"})
    report(carol, bob, block=False)
    assert session.scalars(select(User.hidden_at).where(User.id == bob.id)).one() is None, "two, one of them twice"
    session.execute(
        update(Report).where(Report.reporter_id == carol.id).values(created_at=func.now() - timedelta(days=8))
    )
    report(dave, bob, block=False)
    assert session.scalars(select(User.hidden_at).where(User.id == bob.id)).one() is None, "within seven days"
    report(carol, bob, block=False)
    session.expire_all()
    assert session.scalars(select(User.hidden_at).where(User.id == bob.id)).one() is not None
    assert session.scalar(select(func.count()).select_from(Case)) == 1
    (notice,) = bob.get("/v1/notices").json()["items"]
    assert (notice["kind"], notice["automatic"], notice["until"]) == ("hidden", True, None)
    assert sign_up(client).get(f"/v1/users/{bob.id}").status_code == 404, "nobody new is shown"


def test_an_appeal_is_heard_once(ada: Person, bob: Person, client: TestClient, session: Session) -> None:
    for person in (ada, sign_up(client), sign_up(client)):
        report(person, bob)
    (notice,) = bob.get("/v1/notices").json()["items"]
    path = f"/v1/notices/{notice['id']}/appeal"
    assert error_code(ada.post(path, json={"text": "Not mine."})) == "not_found"
    for nothing in ("", "   ", "\u200b"):
        assert error_code(bob.post(path, json={"text": nothing})) == "validation_error"
    heard = bob.post(path, json={"text": "It was my brother."}).json()
    assert (heard["appeal"], heard["appealed_at"] is None) == ("It was my brother.", False)
    assert error_code(bob.post(path, json={"text": "Really."})) == "invalid_transition"
    assert session.scalars(select(Notice.appeal)).one() == "It was my brother."


def test_contacts_are_kept_as_hashes_of_what_the_salt_and_the_address_make(
    ada: Person, bob: Person, session: Session
) -> None:
    shown = ada.get(CONTACTS).json()
    assert (shown["count"], shown["limit"]) == (0, 2000)
    hashed = hashlib.sha256(f"{shown['salt']}:{bob.email.lower()}".encode()).hexdigest()
    others = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(1999)]
    assert ada.put(CONTACTS, json={"hashes": [hashed, *others]}).json()["count"] == 2000
    for person, other in ((ada, bob), (bob, ada)):
        assert person.get(f"/v1/users/{other.id}").status_code == 404
    assert ada.put(CONTACTS, json={"hashes": others[:1]}).json()["count"] == 1
    assert ada.get(f"/v1/users/{bob.id}").status_code == 200
    assert session.scalar(select(func.count()).select_from(ContactHash)) == 1


@pytest.mark.parametrize("hashes", [["x"], ["A" * 64], ["a" * 63], ["a" * 64] * 2001, "a" * 64, None])
def test_what_is_no_hash_is_refused(ada: Person, session: Session, hashes: object) -> None:
    answer = ada.put(CONTACTS, json={"hashes": hashes})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")
    assert session.scalars(select(ContactHash)).all() == []


def test_too_many_bytes_of_contacts_are_refused(ada: Person) -> None:
    answer = ada.put(CONTACTS, json={"hashes": ["a" * 64] * 4000})
    assert (answer.status_code, error_code(answer)) == (413, "too_large")


def test_contacts_of_a_match_are_gone_from_each_other(ada: Person, bob: Person, session: Session) -> None:
    match = matched(ada, bob)
    hashed = session.scalars(select(User.contact_hash).where(User.id == bob.id)).one()
    assert hashed is not None
    ada.put(CONTACTS, json={"hashes": [hashed.hex()]})
    for person in (ada, bob):
        assert person.get(MATCHES).json()["items"] == []
        assert error_code(person.patch(f"{MATCHES}/{match}", json={"state": "dating"})) == "not_in_match"
    ada.put(CONTACTS, json={"hashes": []})
    assert [one["id"] for one in bob.get(MATCHES).json()["items"]] == [match]


def test_contacts_are_uploaded_a_few_times_a_day(ada: Person, configured: Callable[..., None]) -> None:
    configured(RATE_LIMIT_CONTACTS="2/day")
    codes = [ada.put(CONTACTS, json={"hashes": []}).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


def test_what_moderators_have_decided_does_not_count_again(
    client: TestClient, ada: Person, bob: Person, session: Session
) -> None:
    for person in (ada, sign_up(client), sign_up(client)):
        report(person, bob, block=False)
    session.execute(update(Case).values(closed_at=func.now(), decision="dismiss"))
    session.execute(update(User).where(User.id == bob.id).values(hidden_at=None))
    report(sign_up(client), bob)
    session.expire_all()
    assert session.scalars(select(User.hidden_at).where(User.id == bob.id)).one() is None
    (notice,) = bob.get("/v1/notices").json()["items"]
    bob.post(f"/v1/notices/{notice['id']}/appeal", json={"text": "It was my brother."})
    objection = session.scalars(select(Signal).where(Signal.kind == "appeal")).one()
    assert objection.case_id is not None
    assert session.get_one(Case, objection.case_id).closed_at is None, "an objection waits for somebody"
    assert objection.subject == notice["id"]


def test_contacts_end_a_dating_that_nobody_could_end_any_more(ada: Person, bob: Person, session: Session) -> None:
    match = matched(ada, bob)
    for person in (ada, bob):
        person.patch(f"{MATCHES}/{match}", json={"state": "dating"})
    hashed = session.scalars(select(User.contact_hash).where(User.id == bob.id)).one()
    assert hashed is not None
    ada.put(CONTACTS, json={"hashes": ["a" * 64]})
    assert ada.get("/v1/users/me").json()["status"] == "paused", "somebody else's"
    ada.put(CONTACTS, json={"hashes": [hashed.hex()]})
    for person in (ada, bob):
        assert person.get("/v1/users/me").json()["status"] == "active"
        assert person.get(MATCHES).json()["items"] == []
    ada.put(CONTACTS, json={"hashes": []})
    assert [one["state"] for one in bob.get(MATCHES).json()["items"]] == ["active"]


def test_who_insults_and_blocks_can_be_reported(ada: Person, bob: Person, session: Session) -> None:
    like(bob, ada, "You look like somebody who has it coming.")
    bob.post(BLOCK, json={"user_id": str(ada.id)})
    report(ada, bob, reason="harassment")
    assert session.scalars(select(Report)).one().snapshot["like"]["comment"].startswith("You look")
    assert session.scalars(select(Block.blocker_id)).all() == [bob.id]


def test_who_was_passed_or_is_hidden_can_be_reported(ada: Person, bob: Person, session: Session) -> None:
    ada.post("/v1/matching/pass", json={"user_id": str(bob.id)})
    assert ada.get(f"/v1/users/{bob.id}").status_code == 404
    session.execute(update(User).where(User.id == bob.id).values(hidden_at=func.now()))
    report(ada, bob, reason="fake_profile")
