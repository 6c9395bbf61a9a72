"""Leaving, coming back within the grace, and asking for one's data, over HTTP."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared import backlog, clock, events
from shared.accounts import by_mail
from shared.accounts.by_mail import recipient
from shared.accounts.models import LoginSession, Status, User
from shared.database import Database
from shared.jobs import ERASE_ACCOUNT, MAKE_EXPORT, REFRESH_QUEUE
from shared.ledger import Work
from shared.mail.models import Mail
from shared.matching.models import Match
from shared.matching.rules import in_order
from shared.privacy import exports, leaving
from shared.privacy.models import Export, ExportStatus
from shared.settings import settings
from tests.likes import like
from tests.meetings import matched, people
from tests.messages import write
from tests.people import PASSWORD, Person, error_code, make_user, sign_up
from tests.races import at_once

EXPORTS = "/v1/users/me/exports"


def delete(person: Person, password: str = PASSWORD) -> Response:
    return person.delete("/v1/users/me", json={"password": password})


def log_in(person: Person, password: str = PASSWORD) -> Response:
    return person.client.post("/v1/auth/login", json={"email": person.email, "password": password})


def match(session: Session, *people: Person, state: str = "active") -> uuid.UUID:
    low, high = in_order(*(person.id for person in people))
    moments = dict.fromkeys(("created_at", "state_changed_at", "active_at"), clock.now())
    made = Match(id=clock.new_id(), low_id=low, high_id=high, state=state, **moments)
    session.add(made)
    session.commit()
    return made.id


def user(session: Session, person: Person) -> User:
    session.expire_all()
    return session.get_one(User, person.id)


def set_status(session: Session, person: Person, **columns: Any) -> None:
    session.execute(update(User).where(User.id == person.id).values(**columns))
    session.commit()


def work(session: Session, person: Person) -> Work | None:
    session.expire_all()
    return session.get(Work, (ERASE_ACCOUNT.name, str(person.id)))


def test_deleting_hides_logs_out_everywhere_and_ends_matches(client: TestClient, session: Session) -> None:
    ada, bob = sign_up(client), sign_up(client)
    other_device = log_in(ada).json()["access_token"]
    match_id = match(session, ada, bob)
    answer = delete(ada)
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "deleting"
    left = user(session, ada)
    assert (left.status, left.deleting_from) == (Status.DELETING, "active")
    assert left.erase_at is not None
    assert abs(left.erase_at - clock.now() - timedelta(days=settings().erasure_grace_days)) < timedelta(minutes=1)
    for token in (ada.tokens["access_token"], other_device):
        gone = client.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"})
        assert error_code(gone) == "token_invalid"
    assert error_code(client.post("/v1/auth/refresh", json={"refresh_token": ada.tokens["refresh_token"]})) == (
        "token_invalid"
    )
    shown = bob.get(f"/v1/matching/matches/{match_id}").json()
    assert (shown["state"], shown["user"]["name"]) == ("deleted", "Deleted person")
    assert bob.get(f"/v1/users/{ada.id}").status_code == 404
    assert bob.post(f"/v1/matching/matches/{match_id}/messages", json={"text": "Still there?"}).status_code == 409
    assert bob.post("/v1/matching/like", json={"user_id": str(ada.id)}).status_code == 404
    assert session.get(Work, (REFRESH_QUEUE.name, str(ada.id))) is not None
    assert work(session, ada) is not None
    mails = session.scalars(select(Mail.kind).where(Mail.user_id == ada.id).order_by(Mail.kind)).all()
    assert mails == ["account_deleted", "verify_email"]


def test_it_takes_the_right_password(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    for password in ("wrong", "", PASSWORD + " "):
        assert error_code(delete(ada, password)) == "invalid_credentials"
    assert error_code(ada.delete("/v1/users/me")) == "validation_error"
    assert user(session, ada).status == Status.ACTIVE
    assert work(session, ada) is None


@pytest.mark.parametrize("before", ["active", "paused", "suspended"])
def test_logging_in_within_the_grace_brings_back_what_was(client: TestClient, session: Session, before: str) -> None:
    ada, bob = sign_up(client), sign_up(client)
    match_id = match(session, ada, bob)
    set_status(session, ada, status=before)
    assert delete(ada).status_code == 202
    assert error_code(log_in(ada, "wrong")) == "invalid_credentials"
    assert user(session, ada).status == Status.DELETING
    back = log_in(ada)
    restored = user(session, ada)
    assert (restored.status, restored.erase_at, restored.deleting_from) == (before, None, None)
    assert work(session, ada) is None
    if back.status_code == 200:  # the suspended may be told that they are, but are no less back
        assert back.json()["restored"] is True
        assert back.json()["user"]["status"] == before
        assert log_in(ada).json()["restored"] is False
    else:
        assert (before, error_code(back)) == ("suspended", "account_suspended")
    assert session.get_one(Match, match_id).state == "deleted"


def test_after_the_grace_nobody_comes_back(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    delete(ada)
    set_status(session, ada, erase_at=clock.now() - timedelta(seconds=1))
    unknown = client.post("/v1/auth/login", json={"email": "nobody@example.com", "password": PASSWORD})
    refused = log_in(ada)
    assert (refused.status_code, error_code(refused)) == (unknown.status_code, error_code(unknown))
    assert user(session, ada).status == Status.DELETING


def test_who_was_paused_by_dating_comes_back_active(client: TestClient, session: Session) -> None:
    ada, bob = sign_up(client), sign_up(client)
    match_id = match(session, ada, bob, state="dating")
    for person in (ada, bob):
        set_status(session, person, status="paused", paused_by_dating=True, dating_match_id=match_id)
    delete(ada)
    assert user(session, bob).status == Status.ACTIVE
    log_in(ada)
    assert user(session, ada).status == Status.ACTIVE


def test_a_forgotten_password_does_not_keep_from_coming_back(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    delete(ada)
    now = clock.now()
    for kind, reached in (("reset_password", True), ("account_deleted", True), ("new_match", False)):
        letter = Mail(id=clock.new_id(), user_id=ada.id, kind=kind, data={}, created_at=now)
        assert (recipient(session, letter, now=now) is not None) == reached, kind
        assert recipient(session, letter, now=now + timedelta(days=15)) is None


def test_a_new_password_chosen_by_mail_opens_the_way_back(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    delete(ada)
    left = user(session, ada)
    letter = Mail(kind=by_mail.RESET, data={}, created_at=clock.now())
    said = by_mail.facts(session, letter, left, now=clock.now())
    assert said is not None
    session.commit()
    body = {"token": said["token"], "password": "engines of 1844"}
    assert client.post("/v1/auth/password/reset", json=body).status_code == 204
    assert user(session, ada).status == Status.DELETING
    assert log_in(ada, "engines of 1844").json()["restored"] is True


def test_of_two_that_delete_at_once_one_does(real_client: TestClient, committed: Database) -> None:
    ada = sign_up(real_client)
    with ThreadPoolExecutor(2) as pool:
        answers = at_once(pool, *[lambda: delete(ada)] * 2)
    assert sorted(answer.status_code for answer in answers) == [202, 401]
    with committed.transaction() as session:
        mails = select(func.count()).select_from(Mail).where(Mail.kind == "account_deleted")
        assert session.scalar(mails) == 1


def test_a_message_that_races_is_in_or_refused_and_nothing_lives_on(committed: Database) -> None:
    with committed.transaction() as session:
        claims = people(session, 40)
        both = list(zip(claims[::2], claims[1::2], strict=True))
        ids = matched(session, both)

    def leaves(user_id: uuid.UUID) -> None:
        def gone(session: Session) -> None:
            leaving.leave(session, session.get_one(User, user_id), verified_hash="!", now=clock.now())

        committed.call(gone)

    with ThreadPoolExecutor(2) as pool:
        for (one, other), match_id in zip(both, ids, strict=True):
            at_once(
                pool,
                partial(leaves, one.user_id),
                partial(committed.call, write, other, match_id=match_id),
            )
    with committed.transaction() as session:
        assert set(session.scalars(select(Match.state))) == {"deleted"}


def test_two_who_leave_and_like_each_other_at_once_keep_no_open_match(committed: Database) -> None:
    """What slips through is ended by the first step of erasing, once no such statement can run any more."""
    with committed.transaction() as session:
        claims = people(session, 40)
        both = list(zip(claims[::2], claims[1::2], strict=True))
    for one, other in both:
        like(committed, other, one.user_id)

    def leaves(user_id: uuid.UUID) -> None:
        def gone(session: Session) -> None:
            leaving.leave(session, session.get_one(User, user_id), verified_hash="!", now=clock.now())

        committed.call(gone)

    from worker.erasing import erase  # noqa: PLC0415 - as a worker does afterwards

    with ThreadPoolExecutor(2) as pool:
        for one, other in both:
            at_once(
                pool,
                partial(leaves, one.user_id),
                partial(like, committed, one, other.user_id),
            )
    with committed.transaction() as session:
        session.execute(update(Work).where(Work.kind == ERASE_ACCOUNT.name).values(due_at=func.now()))
        keys = session.scalars(select(Work.key).where(Work.kind == ERASE_ACCOUNT.name)).all()
    for key in keys:
        erase(key)
    with committed.transaction() as session:
        assert set(session.scalars(select(Match.state))) <= {"deleted"}


def test_an_export_is_asked_for_once_and_found_again(client: TestClient, session: Session) -> None:
    ada, bob = sign_up(client), sign_up(client)
    assert ada.get(EXPORTS).json() == {"items": [], "total": 0, "limit": 20, "offset": 0}
    asked = ada.post(EXPORTS)
    assert asked.status_code == 202, asked.text
    first = asked.json()
    assert (first["status"], first["url"], first["size_bytes"], first["expires_at"]) == ("pending", None, None, None)
    assert ada.post(EXPORTS).json() == first
    assert ada.get(asked.headers["Location"]).json() == first
    assert [one["id"] for one in ada.get(EXPORTS).json()["items"]] == [first["id"]]
    assert session.get(Work, (MAKE_EXPORT.name, first["id"])) is not None
    assert bob.get(asked.headers["Location"]).status_code == 404
    assert bob.get(EXPORTS).json()["total"] == 0


def test_a_ready_export_has_a_link_until_it_expires(
    client: TestClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = sign_up(client)
    export_id = uuid.UUID(ada.post(EXPORTS).json()["id"])
    exports.made(session, export_id=export_id, key=f"exports/{export_id}/a.zip", size_bytes=7, now=clock.now())
    session.commit()
    shown = ada.get(f"{EXPORTS}/{export_id}").json()
    assert (shown["status"], shown["size_bytes"]) == ("ready", 7)
    assert shown["url"].startswith("http://testserver/media/exports/")
    session.execute(update(Export).values(expires_at=clock.now()))
    session.commit()
    over = ada.get(f"{EXPORTS}/{export_id}").json()
    assert (over["status"], over["url"]) == ("expired", None)


def test_who_leaves_leaves_no_export_behind(client: TestClient, session: Session) -> None:
    ada, bob = sign_up(client), sign_up(client)
    for person in (ada, bob):
        export = Export(user_id=person.id, status=ExportStatus.READY, key="exports/x/y.zip", created_at=clock.now())
        export.expires_at = clock.now() + timedelta(hours=24)
        session.add(export)
    session.flush()
    delete(ada)
    over = exports.expire(session, now=clock.now())
    assert [session.get_one(Export, one, populate_existing=True).user_id for one in over] == [ada.id]


def test_a_few_exports_a_day_but_failed_ones_do_not_count(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    for number in range(settings().exports_per_day + 1):
        assert ada.post(EXPORTS).status_code == 202, number
        status = {"status": ExportStatus.FAILED if number == 0 else ExportStatus.EXPIRED}
        session.execute(update(Export).where(Export.status == "pending").values(**status))
        session.commit()
    refused = ada.post(EXPORTS)
    assert error_code(refused) == "rate_limited"
    assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400
    session.execute(update(Export).values(created_at=clock.now() - timedelta(days=1, seconds=1)))
    session.commit()
    assert ada.post(EXPORTS).status_code == 202


def test_racing_requests_ask_for_one_export(real_client: TestClient, committed: Database) -> None:
    ada = sign_up(real_client)
    with ThreadPoolExecutor(4) as pool:
        answers = at_once(pool, *[lambda: ada.post(EXPORTS)] * 4)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_a_suspended_person_may_have_their_data_read_notices_and_leave(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    set_status(session, ada, status="suspended")
    assert error_code(ada.get("/v1/users/me")) == "account_suspended"
    asked = ada.post(EXPORTS)
    assert asked.status_code == 202
    assert ada.get(EXPORTS).json()["total"] == 1
    assert ada.get(asked.headers["Location"]).status_code == 200
    assert ada.get("/v1/notices").status_code == 200
    assert delete(ada).status_code == 202
    assert user(session, ada).deleting_from == "suspended"


def test_the_grace_is_a_setting(client: TestClient, session: Session, configured: Callable[..., None]) -> None:
    configured(ERASURE_GRACE_DAYS="0")
    ada = sign_up(client)
    assert delete(ada).status_code == 202
    assert error_code(log_in(ada)) == "invalid_credentials"
    waiting = work(session, ada)
    assert waiting is not None
    assert waiting.due_at is not None
    assert waiting.due_at - clock.now() < leaving.longest_statement()


def test_all_of_somebodys_logins_end(session: Session) -> None:
    ada = make_user(session)
    now = clock.now()
    for _ in range(3):
        session.add(LoginSession(user_id=ada.id, token_hash=b"", idle_until=now, expires_at=now))
    leaving.leave(session, ada, verified_hash="!", now=now)
    ends = session.scalars(select(LoginSession.revoked_why).where(LoginSession.user_id == ada.id)).all()
    assert ends == ["account deleted"] * 3
    assert backlog.unfinished(session, ERASE_ACCOUNT) == 1
    assert events.ENDED in {event.type for event in events.noted(session)}, "open connections look again"
