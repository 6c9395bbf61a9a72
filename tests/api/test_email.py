"""Signing in by mail: proving an address, and choosing a new password."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from api.app import create_app
from shared import clock, ledger
from shared.accounts import by_mail
from shared.accounts.models import EmailToken, LoginSession, Status, User
from shared.database import Database
from shared.errors import Refusal
from shared.jobs import REFRESH_QUEUE, SEND_MAIL
from shared.ledger import Work
from shared.mail.models import Mail
from shared.mail.rules import MOST_IN_AN_HOUR
from tests.people import PASSWORD, Person, error_code, sign_up
from tests.races import at_once

FORGOT, RESET = "/v1/auth/password/forgot", "/v1/auth/password/reset"
VERIFY, RESEND = "/v1/auth/email/verify", "/v1/auth/email/resend"
Configure = Callable[..., None]
NEW = "a difference engine"


def token_for(session: Session, person: Person, purpose: str = by_mail.RESET, *, now: datetime | None = None) -> str:
    """As a worker makes it when it sends the mail."""
    return by_mail._issue(session, session.get_one(User, person.id), purpose=purpose, now=now or clock.now())


def mails(session: Session, person: Person) -> list[str]:
    return list(session.scalars(select(Mail.kind).where(Mail.user_id == person.id).order_by(Mail.created_at)))


def reset(client: TestClient, token: str, password: str = NEW) -> int:
    return client.post(RESET, json={"token": token, "password": password}).status_code


def test_who_joins_is_asked_to_prove_the_address(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    (mail,) = session.scalars(select(Mail))
    assert (mail.kind, mail.user_id, mail.data, mail.sent_at) == ("verify_email", ada.id, {}, None)
    assert session.get(Work, (SEND_MAIL.name, str(mail.id))) is not None


def test_an_address_is_proven_once_and_ranking_is_told(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    token = token_for(session, ada, by_mail.VERIFY)
    session.execute(text("DELETE FROM work"))
    session.commit()
    assert ada.get("/v1/users/me").json()["email_verified"] is False
    assert client.post(VERIFY, json={"token": token}).status_code == 204
    assert ada.get("/v1/users/me").json()["email_verified"] is True
    assert session.scalars(select(Work.kind)).all() == [REFRESH_QUEUE.name]
    again = client.post(VERIFY, json={"token": token})
    assert (again.status_code, error_code(again)) == (401, "token_invalid")
    assert "used already" in again.json()["error"]["message"]


@pytest.mark.parametrize("path", [VERIFY, RESET])
def test_tokens_of_nobody_of_another_purpose_or_too_old_do_nothing(
    client: TestClient, session: Session, path: str
) -> None:
    ada = sign_up(client)
    mine, other = (by_mail.VERIFY, by_mail.RESET) if path == VERIFY else (by_mail.RESET, by_mail.VERIFY)
    old = token_for(session, ada, mine, now=clock.now() - by_mail.GOOD_FOR[mine])
    crossed = token_for(session, ada, other)
    session.commit()
    before = session.scalars(select(User.password_hash)).all()
    for token, code in ((old, "token_expired"), (crossed, "token_invalid"), ("x" * 22, "token_invalid")):
        body = {"token": token} | ({"password": NEW} if path == RESET else {})
        assert error_code(client.post(path, json=body)) == code
    session.expire_all()
    assert session.scalars(select(User.password_hash)).all() == before
    assert session.get_one(User, ada.id).email_verified_at is None


def test_a_token_proves_the_address_that_it_was_sent_to_and_no_other(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    tokens = token_for(session, ada, by_mail.VERIFY), token_for(session, ada)
    session.get_one(User, ada.id).email = "another@example.com"
    session.commit()
    assert error_code(client.post(VERIFY, json={"token": tokens[0]})) == "token_invalid"
    assert reset(client, tokens[1]) == 401


def test_a_new_password_ends_all_that_the_old_one_began(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    token, other = token_for(session, ada), token_for(session, ada)
    session.commit()
    assert reset(client, token) == 204
    assert error_code(ada.get("/v1/users/me")) == "token_invalid"
    assert session.scalar(select(func.count()).where(LoginSession.revoked_at.is_(None))) == 0
    assert (reset(client, token), reset(client, other)) == (401, 401)
    log_in = partial(client.post, "/v1/auth/login")
    assert log_in(json={"username": ada.email, "password": PASSWORD}).status_code == 401
    back = log_in(json={"username": ada.email, "password": NEW})
    assert back.json()["user"]["email_verified"] is True, "the mail came"
    assert mails(session, ada) == ["verify_email", "password_changed"]


def test_a_weak_password_leaves_the_link_as_it_is(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    token = token_for(session, ada)
    session.commit()
    for weak in ("password", "short", ada.email, "x" * 200):
        answer = client.post(RESET, json={"token": token, "password": weak})
        assert error_code(answer) == "weak_password"
    assert reset(client, token) == 204


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.DELETING])
def test_who_is_suspended_or_leaving_cannot_come_back_by_mail(
    client: TestClient, session: Session, status: Status
) -> None:
    ada = sign_up(client)
    tokens = token_for(session, ada, by_mail.VERIFY), token_for(session, ada)
    session.execute(update(User).values(status=status))
    session.commit()
    assert error_code(client.post(VERIFY, json={"token": tokens[0]})) == "token_invalid"
    assert reset(client, tokens[1]) == 401


def test_changing_the_password_is_told_by_mail_and_ends_links(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    token = token_for(session, ada)
    session.commit()
    body = {"old_password": PASSWORD, "new_password": NEW}
    assert ada.put("/v1/users/me/password", json=body).status_code == 204
    assert mails(session, ada) == ["verify_email", "password_changed"]
    assert reset(client, token, "yet another engine") == 401


def test_a_stolen_login_is_told_by_mail_once(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    stolen = {"refresh_token": ada.tokens["refresh_token"]}
    assert client.post("/v1/auth/refresh", json=stolen).status_code == 200
    session.execute(update(LoginSession).values(rotated_at=clock.now() - timedelta(minutes=1), device="Pixel <9>"))
    session.commit()
    for _ in range(2):
        assert error_code(client.post("/v1/auth/refresh", json=stolen)) == "token_reused"
    assert mails(session, ada) == ["verify_email", "login_ended"]
    assert session.scalars(select(Mail.data).where(Mail.kind == "login_ended")).one() == {"device": "Pixel <9>"}


def test_a_stolen_login_that_is_used_many_times_at_once_is_told_once(
    real_client: TestClient, committed: Database
) -> None:
    for _ in range(4):
        ada = sign_up(real_client)
        stolen = {"refresh_token": ada.tokens["refresh_token"]}
        assert real_client.post("/v1/auth/refresh", json=stolen).status_code == 200
        with committed.transaction() as session:
            session.execute(update(LoginSession).values(rotated_at=clock.now() - timedelta(minutes=1)))
        with ThreadPoolExecutor(8) as pool:
            answers = at_once(pool, *[partial(real_client.post, "/v1/auth/refresh", json=stolen)] * 8)
        assert [error_code(answer) for answer in answers] == ["token_reused"] * 8
        assert committed.call(mails, ada) == ["verify_email", "login_ended"]


def test_forgot_tells_nobody_who_exists(client: TestClient, session: Session, queries: list[str]) -> None:
    """The same statements and the same words; what follows happens on a worker."""
    ada = sign_up(client, email="ada@example.com")
    asked = []
    for address in (ada.email, "Ada@Example.com", "nobody@example.com"):
        queries.clear()
        answer = client.post(FORGOT, json={"email": address})
        own = {"x-request-id", "ratelimit"}  # the count of the address goes on
        shown = {name: value for name, value in answer.headers.items() if name not in own}
        asked.append((answer.status_code, answer.json(), shown, list(queries)))
    assert asked[0][0] == 202
    assert asked[0] == asked[1] == asked[2]
    assert len(asked[0][3]) == 2, "the mail and its work"
    assert not [statement for statement in asked[0][3] if "users" in statement.split("VALUES")[0]]
    rows = session.execute(select(Mail.user_id, Mail.kind).where(Mail.kind == by_mail.RESET)).all()
    assert rows == [(None, by_mail.RESET)] * 3


def test_forgot_takes_no_longer_for_somebody_than_for_nobody(real_client: TestClient) -> None:
    ada = sign_up(real_client)
    took: dict[str, list[float]] = {ada.email: [], "nobody@example.com": []}
    for _ in range(40):
        for address, times in took.items():
            began = time.perf_counter()
            assert real_client.post(FORGOT, json={"email": address}).status_code == 202
            times.append(time.perf_counter() - began)
    somebody, nobody = (sorted(times)[20] for times in took.values())
    assert 0.5 < somebody / nobody < 2


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "ada@example.com\nbcc: x@example.com", None, 7])
def test_what_is_no_address_is_refused_and_promises_nothing(client: TestClient, session: Session, email: Any) -> None:
    assert error_code(client.post(FORGOT, json={"email": email})) == "validation_error"
    assert session.scalars(select(Mail)).all() == []


@contextmanager
def from_elsewhere(db: Database) -> Iterator[TestClient]:
    """A client at an address that nobody else has."""
    host = f"2001:db8:{secrets.randbits(16):x}:{secrets.randbits(16):x}::1"
    with TestClient(create_app(db), raise_server_exceptions=False, client=(host, 50000)) as client:
        yield client


def test_forgot_is_limited_per_address(db: Database, configured: Configure, unique: str) -> None:
    configured(RATE_LIMIT_FORGOT="3/minute")
    with from_elsewhere(db) as client:
        codes = [client.post(FORGOT, json={"email": f"{n}{unique}@example.com"}).status_code for n in range(4)]
    assert codes == [202, 202, 202, 429]


def test_whoever_asks_for_an_account_too_often_keeps_nobody_from_asking_and_has_no_more_mails_sent(
    db: Database, session: Session, configured: Configure, unique: str
) -> None:
    configured(RATE_LIMIT_FORGOT="3/minute")
    answers = []
    for email in (f"{unique}@example.com", f"{unique.upper()}@Example.com") * 3:
        with from_elsewhere(db) as client:
            answers.append(client.post(FORGOT, json={"email": email}))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert session.scalar(select(func.count()).select_from(Mail)) == 3


@pytest.mark.parametrize("path", [VERIFY, RESET])
def test_tokens_cannot_be_guessed_for_long(db: Database, configured: Configure, path: str) -> None:
    configured(RATE_LIMIT_LOGIN_ADDRESS="3/minute")
    body = {"token": "x" * 22} | ({"password": NEW} if path == RESET else {})
    with from_elsewhere(db) as client:
        assert [client.post(path, json=body).status_code for _ in range(5)] == [401] * 3 + [429] * 2


def test_wishes_for_the_link_are_limited_per_person(client: TestClient, configured: Configure) -> None:
    ada, bob = sign_up(client), sign_up(client)
    configured(RATE_LIMIT_FORGOT="2/minute")
    assert [ada.post(RESEND).status_code for _ in range(3)] == [202, 202, 429]
    assert bob.post(RESEND).status_code == 202


def test_links_are_good_for_as_long_as_they_say(client: TestClient, session: Session) -> None:
    ada, now = sign_up(client), clock.now()
    for purpose, hours in (("verify_email", 24), ("reset_password", 1)):
        token, age = token_for(session, ada, purpose, now=now), timedelta(hours=hours)
        by_mail.owner(session, token=token, purpose=purpose, now=now + age - timedelta(seconds=1))
        with pytest.raises(Refusal) as refused:
            by_mail.owner(session, token=token, purpose=purpose, now=now + age)
        assert refused.value.code == "token_expired"


def test_a_flood_of_wishes_for_the_link_ends(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    codes = [ada.post(RESEND).status_code for _ in range(MOST_IN_AN_HOUR + 1)]
    assert codes == [202] * (MOST_IN_AN_HOUR - 1) + [429, 429], "with the one of joining"
    refused = ada.post(RESEND)
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    session.execute(update(Mail).values(created_at=clock.now() - timedelta(hours=2)))
    session.commit()
    assert ada.post(RESEND).status_code == 202
    assert len(mails(session, ada)) == MOST_IN_AN_HOUR + 1


def test_who_is_proven_gets_no_more_links(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    session.execute(update(User).values(email_verified_at=clock.now()))
    session.commit()
    assert ada.post(RESEND).status_code == 202
    assert mails(session, ada) == ["verify_email"]


def test_of_two_resets_with_one_token_one_is_done(real_client: TestClient, committed: Database) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            ada = sign_up(real_client)
            token = committed.call(token_for, ada)
            codes = at_once(pool, *(partial(reset, real_client, token, f"engine number {n}") for n in range(2)))
            assert sorted(codes) == [204, 401]
            winner = codes.index(204)
            body = {"username": ada.email, "password": f"engine number {winner}"}
            assert real_client.post("/v1/auth/login", json=body).status_code == 200
            assert committed.call(mails, ada) == ["verify_email", "password_changed"]


def test_of_resets_with_two_tokens_of_one_person_one_is_done_and_neither_waits_crosswise(
    real_client: TestClient, committed: Database
) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            ada = sign_up(real_client)
            tokens = [committed.call(token_for, ada) for _ in range(2)]
            assert sorted(at_once(pool, *(partial(reset, real_client, token) for token in tokens))) == [204, 401]


def test_of_wishes_for_the_link_at_once_no_more_are_met(real_client: TestClient, committed: Database) -> None:
    ada = sign_up(real_client)
    with ThreadPoolExecutor(10) as pool:
        codes = at_once(pool, *[lambda: ada.post(RESEND).status_code] * 10)
    assert sorted(codes) == [202] * (MOST_IN_AN_HOUR - 1) + [429] * (11 - MOST_IN_AN_HOUR)


def test_expired_tokens_are_purged_a_day_later(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    for age in (timedelta(), timedelta(hours=20), timedelta(hours=26)):
        token_for(session, ada, now=clock.now() - age)
    assert by_mail.purge_tokens(session, now=clock.now()) == 1
    assert session.scalar(select(func.count()).select_from(EmailToken)) == 2


def test_a_mail_dies_with_its_account(committed: Database, real_client: TestClient) -> None:
    ada = sign_up(real_client)
    with committed.transaction() as session:
        session.delete(session.get_one(User, ada.id))
    with committed.transaction() as session:
        assert session.scalars(select(Mail)).all() == []
        (key,) = session.scalars(select(Work.key).where(Work.kind == SEND_MAIL.name))
        assert ledger.claim(session, SEND_MAIL, key) is not None, "whoever takes it finds nothing to send"
