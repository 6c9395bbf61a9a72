"""What protects the console from other sites, and what its answers say of themselves."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.routing import Mount, Route

from api.app import create_app
from api.console.mount import Console
from shared.accounts.models import User
from shared.database import Database
from tests.console import HERE, Desk, make_staff
from tests.people import PASSWORD, make_user
from tests.stack import ROOT

Configure = Callable[..., None]
OURS = "https://my.trydelete.app"  # a site that may call the API, and must not reach the console


@pytest.fixture
def root(session: Session) -> User:
    return make_staff(session, "admin", email="root@example.com")


@pytest.fixture
def desk(client: TestClient, root: User) -> Desk:
    return Desk.opened(client, "root@example.com")


def built(client: TestClient) -> list[Route]:
    """The routes of the console that has been built."""
    app = client.app
    assert isinstance(app, FastAPI)
    (console,) = [one.app for one in app.routes if isinstance(one, Mount) and isinstance(one.app, Console)]
    return [route for route in console.routes if isinstance(route, Route)]


def changing(client: TestClient) -> list[str]:
    return [route.path for route in built(client) if "POST" in (route.methods or ())]


def test_there_are_no_routes_but_those_that_are_meant(client: TestClient, desk: Desk) -> None:
    assert sorted((route.path, *sorted(route.methods or ())) for route in built(client)) == [
        ("/", "GET", "HEAD"),
        ("/cases/{case_id}/release", "POST"),
        ("/cases/{case_id}/resolve", "POST"),
        ("/cases/{case_id}/take", "POST"),
        ("/login", "GET", "HEAD"),
        ("/login", "POST"),
        ("/logout", "POST"),
        ("/people/{user_id}/restore", "POST"),
        ("/people/{user_id}/role", "POST"),
        ("/people/{user_id}/suspend", "POST"),
        ("/photos", "GET", "HEAD"),
        ("/work/drop", "POST"),
        ("/work/retry", "POST"),
        ("/{key}/detail", "GET", "HEAD"),
        ("/{key}/list", "GET", "HEAD"),
    ]
    for path in ("/people/create", "/people/edit", "/_api/people/action"):
        assert desk.get(path).status_code == 404
        assert desk.post(path).status_code == 404


def test_what_another_site_sends_does_nothing(client: TestClient, desk: Desk, session: Session) -> None:
    ada = make_user(session)
    token = desk.token()
    senders: list[dict[str, str]] = [
        {"origin": "https://evil.example"},
        {"origin": OURS},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://testserver"},
        {"sec-fetch-site": "none", "origin": "http://testserver"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "origin": "http://testserver"},
        {"origin": "http://testserver.evil.example"},
        {},
    ]
    for headers in senders:
        answer = desk.client.post(
            f"/admin/people/{ada.id}/role", data={"role": "admin", "csrftoken": token}, headers=headers
        )
        assert answer.status_code == 403, headers
        tried = desk.client.post(
            "/admin/login", data={"username": "root@example.com", "password": PASSWORD}, headers=headers
        )
        assert tried.status_code == 403, headers
    session.refresh(ada)
    assert ada.role == "user"


def test_a_form_without_its_token_does_nothing(client: TestClient, desk: Desk, root: User, session: Session) -> None:
    ada = make_user(session)
    make_staff(session, "admin", email="other@example.com")
    theirs = Desk.opened(client, "other@example.com").token()
    paths = [path for path in changing(client) if path != "/login"]
    assert len(paths) == 9
    for path in paths:
        address = "/admin" + path.format(case_id=ada.id, user_id=ada.id)
        for token in ("", "x", "x.y", theirs, desk.client.cookies["console"].partition(".")[2]):
            form = {"csrftoken": token, "role": "admin"}
            assert desk.client.post(address, data=form, headers=HERE).status_code == 403
        assert desk.client.post(address, headers=HERE).status_code == 403
        assert desk.client.post(address, json={"role": "admin"}, headers=HERE).status_code == 403
        assert desk.get(address.removeprefix("/admin")).status_code in {404, 405}, "and not by a link either"
    session.refresh(ada)
    assert ada.role == "user"
    assert "Overview" in desk.page("/"), "nobody was logged out"


def test_pages_of_our_other_sites_cannot_read_the_console(desk: Desk) -> None:
    for headers in (
        {"origin": OURS, "sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"origin": "http://testserver.evil.example"},
    ):
        answer = desk.get("/people/list", headers=headers)
        assert answer.status_code == 403, headers
        assert "root@example.com" not in answer.text
    links: tuple[dict[str, str], ...] = (
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        {"sec-fetch-site": "none"},
        {},
    )
    for headers in links:
        assert desk.get("/people/list", headers=headers).status_code == 200, "a link in a mail may lead here"


def test_looking_changes_nothing(desk: Desk, session: Session) -> None:
    tables = ("users", "cases", "notices", "signals", "reports", "audit", "work")

    def all_rows() -> list[object]:
        return [
            session.execute(text(f"SELECT md5(string_agg({t}::text, '' ORDER BY {t}::text)) FROM {t}")).all()
            for t in tables
        ]

    make_user(session, hidden_at=None)
    before = all_rows()
    for key in ("cases", "people", "matches", "signals", "notices", "work", "audit"):
        desk.page(f"/{key}/list?q=a")
    assert all_rows() == before


def test_every_answer_says_how_to_treat_it(desk: Desk) -> None:
    for path in ("/", "/login", "/people/list", "/nothing", "/static/console.css"):
        headers = desk.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self'; style-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert (headers.get("cache-control") == "no-store") == (not path.startswith("/static"))


def test_pictures_of_a_bucket_are_the_only_thing_from_elsewhere(
    desk: Desk, configured: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "img-src 'self' data:;" in desk.get("/").headers["content-security-policy"]
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "REGION": "eu-north-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    configured(STORAGE_URL="s3://pictures/media")
    policy = desk.get("/").headers["content-security-policy"]
    assert "img-src 'self' data: https://s3.eu-north-1.amazonaws.com;" in policy


def test_nothing_of_a_page_comes_from_elsewhere(desk: Desk) -> None:
    for path in ("/", "/login", "/people/list", "/photos"):
        page = desk.get(path).text
        assert "https://" not in page
        assert "<style" not in page
        assert " style=" not in page
        assert page.count("<script") == 1
        assert " onclick" not in page


def test_the_console_is_no_part_of_the_api(client: TestClient) -> None:
    assert "/admin" not in str([path for path in client.get("/openapi.json").json()["paths"] if "/v1/" not in path])


def test_a_console_that_is_switched_off_is_not_there(db: Database, configured: Configure) -> None:
    configured(ADMIN_CONSOLE="false")
    with TestClient(create_app(db)) as client:
        assert client.get("/admin/login").status_code == 404
        assert client.get("/admin/").json()["error"]["code"] == "not_found"


@pytest.fixture
def prefixed(db: Database, configured: Configure) -> Iterator[TestClient]:
    configured(ROOT_PATH="/api")
    with TestClient(create_app(db), root_path="/api", follow_redirects=False) as client:
        yield client


def test_behind_a_prefix_all_of_it_stays_below(prefixed: TestClient, root: User) -> None:
    assert prefixed.get("/api/admin").headers["location"] == "http://testserver/api/admin/"
    sent = prefixed.get("/api/admin/people/list")
    assert sent.headers["location"] == "http://testserver/api/admin/login?next=%2Fpeople%2Flist"
    form = {"username": "root@example.com", "password": PASSWORD, "next": "/people/list"}
    entered = prefixed.post("/api/admin/login", data=form, headers=HERE)
    assert entered.headers["location"] == "http://testserver/api/admin/people/list"
    assert "Path=/api/admin;" in entered.headers["set-cookie"] + ";"
    page = prefixed.get("/api/admin/people/list").text
    assert "http://testserver/api/admin/static/console.css" in page
    assert "http://testserver/admin" not in page


def test_without_a_database_it_says_so(client: TestClient, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> object:
        from sqlalchemy.exc import OperationalError  # noqa: PLC0415

        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(Database, "run", away)
    answer = desk.get("/")
    assert answer.status_code == 503
    assert "We are not fully available right now" in answer.text
    assert "SELECT" not in answer.text


def test_a_form_from_here_is_known_by_either_header(desk: Desk) -> None:
    for headers in (
        {"sec-fetch-site": "same-origin"},
        {"origin": "http://testserver"},
        {"origin": "http://localhost:8000"},
    ):
        answer = desk.post("/work/retry", kind="mail.send", key="x", headers=headers)
        assert answer.status_code == 303, "the last is PUBLIC_URL, where a proxy hands on another name"


def test_a_process_that_nobody_visits_does_not_load_the_library() -> None:
    code = "import sys; from api.app import create_app; create_app(); assert 'starlette_admin' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
