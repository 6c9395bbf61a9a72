"""Headers of every answer of every route, whatever its outcome."""

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from httpx2 import Response

from api.app import create_app
from api.headers import PAGES, POLICY
from shared.badges.drawings import DRAWINGS
from shared.database import Database
from shared.storage import storage
from tests.people import Person, sign_up
from tests.shared.test_settings import SAFE

Configure = Callable[..., None]
ALWAYS = {
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}
KEPT = {"/media/{key:path}", "/v1/badges/{slug}/icon.svg", "/demo", "/demo/{name}"}  # by caches
STREAMS = {"/v1/events"}  # never end


def require_safe(answer: Response, why: str = "") -> None:
    headers = [(name.lower(), value) for name, value in answer.headers.multi_items()]
    names = [name for name, _ in headers]
    assert len(set(names) - {"vary"}) == len([name for name in names if name != "vary"]), (why, "twice", names)
    found = dict(headers)
    for name, value in ALWAYS.items():
        assert found.get(name) == value, (why, name)
    # The console's forms would not say where they come from with none at all; other sites are told nothing either.
    assert found["referrer-policy"] in {"no-referrer", "same-origin"}, why
    assert "camera=()" in found["permissions-policy"], why
    assert found["cross-origin-resource-policy"] in {"same-origin", "cross-origin"}, why
    policy = found["content-security-policy"]
    assert "default-src 'none'" in policy or "default-src 'self'" in policy, (why, policy)
    assert "frame-ancestors 'none'" in policy or "sandbox" in policy, (why, policy)
    assert "server" not in found, why
    assert "x-powered-by" not in found, why
    if answer.headers.get("content-type", "").startswith("application/json"):
        assert found["cache-control"] == "no-store", why
        assert policy == POLICY, why
        assert found["cross-origin-resource-policy"] == "same-origin", why


def every_request(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """(method, template, path) of every route of the application, also those that the document does not tell."""
    for route in iter_route_contexts(app.routes):
        template = route.path
        if template is not None and route.methods and template not in STREAMS:  # a WebSocket's has no method
            path = re.sub(r"\{\w+_id\}", str(uuid.uuid4()), template)
            path = re.sub(r"\{\w+(:path)?\}", "x", path)
            for method in sorted(route.methods):
                yield method, template, path


def test_every_route_answers_with_them_to_anybody(client: TestClient) -> None:
    app = client.app
    assert isinstance(app, FastAPI)
    requests = list(every_request(app))
    assert len(requests) > 70
    ada = sign_up(client)
    last = {"POST": 1, "DELETE": 2}  # what ends the session comes at the end
    for method, template, path in sorted(requests, key=lambda one: (last.get(one[0], 0), "log" in one[1])):
        for answer in (client.request(method, path), ada.request(method, path)):
            require_safe(answer, f"{method} {template} {answer.status_code}")
            if answer.status_code < 400 and template not in KEPT and not template.startswith("/demo"):
                assert answer.headers["Cache-Control"] == "no-store", template


def test_errors_have_them_too(client: TestClient) -> None:
    app = client.app
    assert isinstance(app, FastAPI)

    @app.get("/break")
    async def broken() -> None:
        raise RuntimeError

    here = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "GET"}
    answers = {
        404: client.get("/nothing"),
        405: client.delete("/v1/auth/login"),
        413: client.post("/v1/auth/login", content=b"x" * 70_000),
        422: client.post("/v1/auth/login", json={}),
        500: client.get("/break"),
        200: client.options("/v1/users/me", headers=here),
        403: client.options("/v1/users/me", headers=here | {"Origin": "https://evil.example"}),
        307: client.get("/v1/health/", follow_redirects=False),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        require_safe(answer, str(status))
        assert answer.headers["Cache-Control"] == "no-store"


def test_an_answer_of_ones_own_is_never_kept(client: TestClient) -> None:
    ada: Person = sign_up(client)
    for path in ("/v1/users/me", "/v1/discovery", "/v1/matching/matches", "/v1/notifications", "/v1/auth/sessions"):
        answer = ada.get(path)
        assert answer.status_code == 200
        require_safe(answer, path)


def test_pictures_may_be_shown_by_the_pages_of_apps(client: TestClient, configured: Configure, tmp_path: Path) -> None:
    configured(STORAGE_URL=f"file://{tmp_path}")
    storage().put("photos/ab/1-320.webp", b"picture", "image/webp")
    for path in (storage().url("photos/ab/1-320.webp"), f"/v1/badges/{next(iter(DRAWINGS))}/icon.svg"):
        answer = client.get(path)
        assert answer.status_code == 200
        require_safe(answer, path)
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "max-age" in answer.headers["Cache-Control"]
        again = client.get(str(answer.request.url), headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        require_safe(again, path)


def test_the_pages_for_trying_the_api_may_load_what_they_name_and_no_more(client: TestClient) -> None:
    for path in PAGES:
        answer = client.get(path)
        require_safe(answer, path)
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        loaded = {"script-src": r'<script[^>]+src="([^"]+)"', "style-src": r'rel="stylesheet"[^>]+href="([^"]+)"'}
        for directive, pattern in loaded.items():
            for url in re.findall(pattern, answer.text):
                origin = "/".join(url.split("/")[:3])
                assert origin in policy[directive].split(), (path, url)
        assert "'self'" not in policy["script-src"], "nobody can have us serve a script"
        assert "unsafe" not in policy["default-src"]


@pytest.mark.parametrize(
    ("environment", "scheme", "told"),
    [("production", "https", True), ("production", "http", False), ("development", "https", False)],
)
def test_browsers_are_told_to_stay_with_https_in_production(
    db: Database, configured: Configure, environment: str, scheme: str, told: bool
) -> None:
    configured(**SAFE | {"ENVIRONMENT": environment})
    app = create_app(db)
    with TestClient(app, base_url=f"{scheme}://api.example.com", raise_server_exceptions=False) as client:
        for path in ("/v1/health/live", "/nothing", "/v1/users/me"):
            answer = client.get(path)
            assert answer.headers.get("Strict-Transport-Security") == ("max-age=31536000" if told else None)
            require_safe(answer)


def test_behind_a_prefix_pages_have_their_policy_too(db: Database, configured: Configure) -> None:
    configured(ROOT_PATH="/api")
    with TestClient(create_app(db), root_path="/api") as client:
        assert client.get("/api/docs").headers["Content-Security-Policy"] == PAGES["/docs"]
        assert client.get("/api/v1/health/live").headers["Content-Security-Policy"] == POLICY


def test_no_page_of_an_app_reads_what_lies_under_admin(client: TestClient) -> None:
    app = client.app
    assert isinstance(app, FastAPI)

    @app.get("/admin/people")
    async def people() -> dict[str, str]:
        return {"name": "Ada"}

    origin = {"Origin": "https://my.trydelete.app"}
    assert client.get("/v1/health/live", headers=origin).headers["Access-Control-Allow-Origin"] == origin["Origin"]
    for answer in (
        client.get("/admin/people", headers=origin),
        client.options("/admin/people", headers=origin | {"Access-Control-Request-Method": "GET"}),
    ):
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        require_safe(answer)
