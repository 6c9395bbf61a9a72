"""Logging in at the console: who gets in, what the cookie is good for, and all that ends it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.app import create_app
from shared import clock
from shared.accounts.models import LoginSession, User
from shared.accounts.sign_in import password_was_changed
from shared.audit import AuditEntry
from shared.database import Database
from shared.settings import DEVELOPMENT_SECRET
from tests.console import HERE, Desk, make_staff
from tests.people import PASSWORD, error_code, sign_up

Configure = Callable[..., None]
REFUSED = "That e-mail address, username or password is not right."


@pytest.fixture
def mo(session: Session) -> User:
    return make_staff(session, "moderator", email="mo@example.com", username="mo_")


@pytest.fixture
def desk(client: TestClient, mo: User) -> Desk:
    return Desk.opened(client, "mo@example.com")


def is_out(desk: Desk) -> bool:
    """Whether a page leads to the login instead."""
    answer = desk.get("/people/list")
    assert answer.status_code in {200, 303}
    return answer.status_code == 303 and "/admin/login" in answer.headers["location"]


def login_of(session: Session, user: User) -> LoginSession:
    session.expire_all()
    return session.scalars(select(LoginSession).where(LoginSession.user_id == user.id)).one()


@pytest.mark.parametrize("login", ["mo@example.com", "MO@example.com", "mo_"])
def test_staff_get_in_by_address_or_name(client: TestClient, mo: User, session: Session, login: str) -> None:
    desk = Desk.opened(client, login)
    assert (desk.answer.status_code, desk.answer.headers["location"]) == (303, "http://testserver/admin/")
    assert "Moderator" in desk.page("/")
    assert login_of(session, mo).device == "Admin console"
    assert session.scalars(select(AuditEntry.action).where(AuditEntry.actor_id == mo.id)).all() == ["console.login"]


def test_everybody_else_gets_the_answer_to_a_wrong_password(client: TestClient, mo: User, session: Session) -> None:
    sign_up(client, email="ada@example.com")
    make_staff(session, email="gone@example.com", status="suspended")
    make_staff(session, email="leaving@example.com", status="deleting")
    tries = [
        ("mo@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("ada@example.com", PASSWORD),
        ("gone@example.com", PASSWORD),
        ("leaving@example.com", PASSWORD),
        ("mo@example.com", ""),
        ("", PASSWORD),
        ("mo@example.com\0", PASSWORD),
        ("m" * 300, PASSWORD),
    ]
    before = len(session.scalars(select(LoginSession.id)).all())
    for login, password in tries:
        desk = Desk.opened(client, login, password)
        assert desk.answer.status_code == 401, (login, password)
        assert REFUSED in desk.answer.text
        assert "set-cookie" not in desk.answer.headers
        assert PASSWORD not in desk.answer.text
        assert is_out(desk)
    assert len(session.scalars(select(LoginSession.id)).all()) == before


def test_the_cookies_are_for_the_console_alone_and_out_of_reach(desk: Desk) -> None:
    cookies = desk.answer.headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["console", "console_device"]
    for cookie in cookies:
        assert "Path=/admin;" in cookie + ";"
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Secure" not in cookie
    assert ["Max-Age" in cookie for cookie in cookies] == [False, True]
    desk.page("/")
    assert set(desk.client.cookies) == {"console", "console_device"}, "and there is no other"


def test_who_guesses_elsewhere_keeps_nobody_out(client: TestClient, desk: Desk, configured: Configure) -> None:
    configured(RATE_LIMIT_LOGIN_FAILURES="3/hour")
    for _ in range(4):
        elsewhere = Desk.opened(client, "mo@example.com", "wrong").answer
    assert elsewhere.status_code == 429
    assert Desk.opened(client, "mo@example.com").answer.status_code == 429, "not even with the right one"
    form = {"username": "mo@example.com", "password": PASSWORD}
    assert desk.client.post("/admin/login", data=form, headers=HERE).status_code == 303, "but on a known device"


def test_over_https_the_cookie_goes_over_nothing_else(client: TestClient, mo: User) -> None:
    form = {"username": "mo@example.com", "password": PASSWORD}
    headers = {**HERE, "origin": "https://testserver"}
    secure = TestClient(client.app, base_url="https://testserver", follow_redirects=False)
    secure.portal = client.portal
    cookies = secure.post("/admin/login", data=form, headers=headers).headers.get_list("set-cookie")
    assert ["Secure" in cookie for cookie in cookies] == [True, True]


def test_neither_opens_the_door_of_the_other(client: TestClient, desk: Desk, mo: User, session: Session) -> None:
    tokens = client.post("/v1/auth/login", json={"username": "mo@example.com", "password": PASSWORD}).json()
    for name in ("access_token", "refresh_token", "device_token"):
        asked = TestClient(client.app, follow_redirects=False, cookies={"console": tokens[name]})
        asked.portal = client.portal
        answer = asked.get("/admin/people/list", headers={"Authorization": f"Bearer {tokens['access_token']}"})
        assert answer.status_code == 303
    device = desk.client.cookies["console_device"]
    cookie = desk.client.cookies["console"]
    for token in (device, cookie, cookie.partition(".")[0], cookie.partition(".")[2]):
        answer = client.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"})
        assert error_code(answer) == "token_invalid"
        answer = client.post("/v1/auth/refresh", json={"refresh_token": token})
        assert error_code(answer) == "token_invalid"


def test_a_cookie_that_was_not_signed_here_opens_nothing(desk: Desk) -> None:
    session_id, _, mac = desk.client.cookies["console"].partition(".")
    other = session_id[:-1] + ("0" if session_id[-1] != "0" else "1")
    forged = (
        "",
        "x",
        session_id,
        f"{session_id}.",
        f"{session_id}.{mac}0",
        f"{other}.{mac}",
        f"{session_id}.x.{mac}",
        f"not-an-id.{mac}",
        f"{session_id}.é",
    )
    desk.client.cookies.clear()
    for text in forged:
        answer = desk.client.get("/admin/", headers={b"cookie": f"console={text}".encode()})
        assert answer.status_code == 303, text
    assert desk.client.get("/admin/", headers={b"cookie": f"console={session_id}.{mac}".encode()}).status_code == 200


def test_the_signature_of_a_form_is_none_of_a_cookie(desk: Desk) -> None:
    session_id = desk.client.cookies["console"].partition(".")[0]
    token = desk.token()
    desk.client.cookies.clear()
    desk.client.cookies.set("console", f"{session_id}.{token}")
    assert is_out(desk)


def test_a_new_key_logs_nobody_out(db: Database, desk: Desk, configured: Configure) -> None:
    for retired, is_in in ((DEVELOPMENT_SECRET, True), ("r" * 32, False)):
        configured(SECRET_KEY="n" * 32, RETIRED_SECRET_KEYS=retired)
        with TestClient(create_app(db), follow_redirects=False) as renewed:
            renewed.cookies.set("console", desk.client.cookies["console"], path="/admin")
            assert (renewed.get("/admin/").status_code == 200) == is_in


def test_logging_out_ends_the_session_and_not_only_the_cookie(desk: Desk, mo: User, session: Session) -> None:
    kept = desk.client.cookies["console"]
    out = desk.post("/logout")
    assert (out.status_code, out.headers["location"]) == (303, "http://testserver/admin/login")
    assert login_of(session, mo).revoked_at is not None
    desk.client.cookies.set("console", kept, path="/admin")
    assert is_out(desk)


@pytest.mark.parametrize(
    "change",
    [
        {"role": "user"},
        {"status": "suspended"},
        {"status": "deleting"},
    ],
    ids=str,
)
def test_whoever_may_not_be_here_any_more_is_out_at_once(
    desk: Desk, mo: User, session: Session, change: dict[str, str]
) -> None:
    assert not is_out(desk)
    session.execute(update(User).where(User.id == mo.id).values(**change))
    assert is_out(desk)


def test_a_new_password_ends_the_session(desk: Desk, mo: User, session: Session) -> None:
    password_was_changed(session, user_id=mo.id, now=clock.now())
    session.flush()
    assert is_out(desk)


def test_a_session_ends_when_unused_and_after_half_a_day(desk: Desk, mo: User, session: Session) -> None:
    login = login_of(session, mo)
    assert login.idle_until - login.rotated_at == timedelta(minutes=30)
    assert login.expires_at - login.rotated_at == timedelta(hours=12)
    login.idle_until = clock.now() + timedelta(minutes=5)
    session.flush()
    assert not is_out(desk)
    assert login_of(session, mo).idle_until > clock.now() + timedelta(minutes=29), "looking at a page is using it"
    login_of(session, mo).expires_at = clock.now()
    session.flush()
    assert is_out(desk)
    login_of(session, mo).expires_at = clock.now() + timedelta(hours=1)
    login_of(session, mo).idle_until = clock.now()
    session.flush()
    assert is_out(desk)


def test_it_can_be_ended_from_the_list_of_devices(client: TestClient, desk: Desk, mo: User) -> None:
    tokens = client.post("/v1/auth/login", json={"username": "mo@example.com", "password": PASSWORD}).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    devices = client.get("/v1/auth/sessions", headers=headers).json()["items"]
    (here,) = [device for device in devices if device["device"] == "Admin console"]
    assert client.delete(f"/v1/auth/sessions/{here['id']}", headers=headers).status_code == 204
    assert is_out(desk)


def test_tries_are_counted_with_those_of_the_api(client: TestClient, mo: User, configured: Configure) -> None:
    configured(RATE_LIMIT_LOGIN="2/minute")
    wrong = {"username": "mo@example.com", "password": "wrong"}
    assert client.post("/v1/auth/login", json=wrong).status_code == 401
    assert Desk.opened(client, "mo@example.com", "wrong").answer.status_code == 401
    limited = Desk.opened(client, "mo@example.com").answer
    assert limited.status_code == 429
    assert "Too many tries" in limited.text
    assert int(limited.headers["retry-after"]) > 0


def test_the_login_leads_back_to_where_one_was_going(client: TestClient, desk: Desk, mo: User) -> None:
    stranger = Desk(TestClient(client.app, follow_redirects=False), desk.answer)
    stranger.client.portal = client.portal
    sent = stranger.get("/people/list?q=ada")
    assert sent.headers["location"] == "http://testserver/admin/login?next=%2Fpeople%2Flist%3Fq%3Dada"
    assert 'value="/people/list?q=ada"' in stranger.client.get(sent.headers["location"]).text
    form = {"username": "mo@example.com", "password": PASSWORD}
    ways = {
        "/people/list?q=ada": "http://testserver/admin/people/list?q=ada",
        "": "http://testserver/admin/",
        "https://evil.example": "http://testserver/admin/",
        "//evil.example": "http://testserver/admin//evil.example",
        "javascript:alert(1)": "http://testserver/admin/",
    }
    for following, where in ways.items():
        answer = stranger.client.post("/admin/login", data={**form, "next": following}, headers=HERE)
        assert answer.headers["location"] == where
