"""What somebody tries who means harm: fields that are not theirs, hosts that are not ours, texts that take long."""

import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.mail.rules import masked
from shared.matching.comments import normalised, shingles
from shared.matching.contact_details import contact_details
from shared.photos.models import Photo, PhotoStatus
from tests.api.test_headers import every_request
from tests.live import Api, api
from tests.people import Person, error_code, sign_up

EDITABLE = {"username", "name", "gender", "bio", "time_zone"}  # columns that are named as they are sent
JSON_LIMIT = 64 * 1024  # bytes of a body


def columns_of(session: Session, person: Person) -> dict[str, object]:
    user = session.get_one(User, person.id, populate_existing=True)
    return {name: getattr(user, name) for name in User.__table__.columns.keys()}  # noqa: SIM118 - not a mapping


def test_nobody_sets_what_is_not_theirs_to_set(client: TestClient, session: Session) -> None:
    ada = sign_up(client)
    before = columns_of(session, ada)
    forbidden = (set(before) | {"email_verified", "is_admin", "profile", "age", "preferences.role"}) - EDITABLE
    values: tuple[object, ...] = ("admin", True, "2000-01-01", {"role": "admin"})
    for name in sorted(forbidden):
        for value in values:
            for method in ("PATCH", "PUT"):
                body = {"name": "Ada", name: value}
                answer = ada.request(method, "/v1/users/me", json=body)
                assert (answer.status_code, error_code(answer)) == (422, "validation_error"), name
        if name not in {"email", "birth_date"}:
            more = {
                "email": f"{uuid.uuid4().hex}@example.com",
                "birth_date": "1990-12-10",
                "password": "engines of 1843",
            }
            answer = client.post("/v1/auth/signup", json={"name": "Eve", **more, name: "admin"})
            assert answer.status_code == 422, name
    inside = ada.patch("/v1/users/me", json={"preferences": {"role": "admin"}, "location": {"place": [1, 2, 3]}})
    assert inside.status_code == 422
    assert columns_of(session, ada) == before


def test_a_token_is_not_read_from_an_address_or_a_cookie(client: TestClient) -> None:
    """Addresses stand in histories and logs, and cookies are sent by the pages of others."""
    app = client.app
    assert isinstance(app, FastAPI)
    ada = sign_up(client)
    token = ada.tokens["access_token"]
    protected = [(method, path) for method, template, path in every_request(app) if "/v1/users/me" in template]
    assert len(protected) > 5
    for method, path in [*protected, ("GET", "/v1/events"), ("GET", "/v1/discovery")]:
        for name in ("token", "access_token", "authorization"):
            cookie = {"Cookie": f"{name}={token}; session={token}"}
            answer = client.request(method, f"{path}?{name}={token}", headers=cookie)
            assert answer.status_code == 401, path
        assert client.request(method, path, headers={"Authorization": f"Basic {token}"}).status_code == 401


@pytest.fixture
def shown(client: TestClient, session: Session) -> Person:
    """Somebody whose answers hold links to media."""
    ada = sign_up(client)
    renditions = {name: f"photos/aa/a-{name}" for name in ("320", "640", "1080", "jpeg")}
    session.add(Photo(user_id=ada.id, position=0, status=PhotoStatus.READY, renditions=renditions))
    session.commit()
    return ada


@pytest.mark.parametrize(
    "host", ["evil.example", "", "[", "[::1", "a:b:c", "a@b", "a/../b", "a b", "a?b#c", "\xe9", "x" * 9000]
)
def test_a_made_up_host_harms_nobody_but_who_sends_it(shown: Person, host: str) -> None:
    given = {"Host": host.encode("latin-1")}
    for method, path in (
        ("GET", "/v1/profile/photos"),
        ("GET", f"/v1/users/{shown.id}"),
        ("GET", "/v1/badges"),
        ("GET", "/v1/health/live/"),
        ("GET", "/docs"),
        ("GET", "/demo"),
        ("PATCH", "/v1/users/me"),
    ):
        answer = shown.request(method, path, headers=given, follow_redirects=False, json={})
        assert answer.status_code < 500, (path, answer.text)
        if path.startswith("/v1"):
            assert answer.headers["Cache-Control"] == "no-store", "no cache hands it to others"


@pytest.fixture(scope="module")
def running() -> Iterator[Api]:
    with api(FORWARDED_ALLOW_IPS="") as running:
        yield running


def raw(running: Api, *lines: bytes) -> bytes:
    """What the server says to bytes that no library would send."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=1) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
        received = b""
        try:
            while not received.endswith(b"}") and (more := connection.recv(65536)):
                received += more
        except TimeoutError:
            pass
    return received


@pytest.mark.xdist_group("live")
def test_the_server_says_nothing_of_itself_and_is_told_no_headers(running: Api) -> None:
    answer = raw(running, b"GET /v1/health/live HTTP/1.1", b"Host: x", b"X-Request-ID: abcdefgh%0d%0aX-Evil:1")
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 200")
    assert b"server:" not in head
    assert b"uvicorn" not in answer.lower()
    assert b"evil" not in head
    assert b"content-security-policy: default-src 'none'" in head
    for lines in (
        [b"GET /v1/health/live HTTP/1.1", b"Host: a", b"Host: b"],
        [b"GET /\x00 HTTP/1.1", b"Host: a"],
        [b"GET /v1/health/live HTTP/1.1", b"Host: [", b"X-Request-ID: \xff\xfe\xfd"],
        [b"POST /v1/auth/login HTTP/1.1", b"Host: a", b"Content-Length: 2", b"Transfer-Encoding: chunked", b"", b"{}"],
        [b"GET /v1/health/live/ HTTP/1.1", b"Host: [::1"],
        [b"GET http://evil.example/v1/health/live/ HTTP/1.1", b"Host: a"],
        [b"\x16\x03\x01"],
    ):
        answer = raw(running, *lines)
        assert not answer.startswith(b"HTTP/1.1 5"), (lines, answer[:300])
    assert raw(running, b"GET /v1/health/live HTTP/1.1", b"Host: x").startswith(b"HTTP/1.1 200"), "it still serves"


@pytest.mark.xdist_group("live")
def test_an_address_that_a_client_claims_is_not_believed(running: Api) -> None:
    """Only what a proxy of FORWARDED_ALLOW_IPS says."""
    body = json.dumps({"refresh_token": "x"}).encode()
    with api(FORWARDED_ALLOW_IPS="192.0.2.1", RATE_LIMIT_REFRESH="2/minute") as strict:
        statuses = [
            raw(
                strict,
                b"POST /v1/auth/refresh HTTP/1.1",
                b"Host: x",
                b"Content-Type: application/json",
                f"X-Forwarded-For: 198.51.100.{number}".encode(),
                f"Forwarded: for=198.51.100.{number}".encode(),
                f"X-Real-IP: 198.51.100.{number}".encode(),
                f"Content-Length: {len(body)}".encode(),
                b"",
                body,
            ).split(b" ")[1]
            for number in range(4)
        ]
    assert statuses == [b"401", b"401", b"429", b"429"]


UNITS = (
    "a", "1", " ", ".", "-", "_", "@", "a@", "a.", "a-", "1 ", "1-", "at ", "dot ", "a at ", "a dot ", "(at)", "on my ",
    "my ", "insta ", "follow me on ", "www", "www.", "http:/", "zero", "eins ", "double 1 ", "plus 1", "l0", "gmail ",
    "empty ", "é", "ﬀ", "\u200b", "ǆ", "not ", "c'est-", "add me ", "t.me ", "name is ", "o", "oli", "+1", "(1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("look", "length", "most"),
    [(contact_details, 300, 0.5), (lambda text: shingles(normalised(text)), 300, 0.5), (masked, 20_000, 0.5)],
    ids=["contact details", "shingles", "words of a mail server"],
)
def test_no_text_takes_long_to_look_through(look: Callable[[str], object], length: int, most: float) -> None:
    for first in UNITS:
        for second in ("", *UNITS) if length < 1000 else ("",):
            text = ((first + second) * length)[: length - 1] + "!"
            began = time.process_time()
            look(text)
            assert time.process_time() - began < most, (first, second)


def test_json_that_is_as_large_and_deep_as_allowed_takes_no_time(client: TestClient) -> None:
    head = {"Content-Type": "application/json"}
    for body in (
        b"[" * (JSON_LIMIT - 1),
        b'{"a":' * (JSON_LIMIT // 5),
        b"9" * JSON_LIMIT,
        b'"' + b"\\u0041" * 10_000 + b'"',
    ):
        for path in ("/v1/auth/login", "/v1/auth/signup"):
            began = time.process_time()
            assert client.post(path, content=body, headers=head).status_code == 422
            assert time.process_time() - began < 1
