"""How large requests may be and how slowly they may come: every route, and a real server at the end of a raw socket."""

import json
import re
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from websockets.sync.client import connect

from api.bodies import ADDRESS_LIMIT, HEADERS_LIMIT, JSON_LIMIT, LIMITS, UPLOADS
from api.protocol import HEAD_LIMIT
from shared.database import Database
from shared.photos.models import Photo
from shared.settings import settings
from tests.api.test_photos import form
from tests.live import Api, api
from tests.people import Person, error_code, sign_up
from tests.pictures import small_photo

SECONDS = {"REQUEST_TIMEOUT_SECONDS": "0.8", "UPLOAD_TIMEOUT_SECONDS": "2", "KEEP_ALIVE_SECONDS": "1"}
JSON = "Content-Type: application/json\r\n"


def chunks(size: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    while size > 0:
        yield b" " * min(size, 8192)
        size -= 8192


def test_a_body_above_its_limit_is_refused_everywhere_and_nothing_is_done(
    client: TestClient, queries: list[str]
) -> None:
    ada = sign_up(client)
    document = client.get("/openapi.json").json()
    routes = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    assert len(routes) > 60
    for method, path in routes:
        limit = LIMITS.get(f"{method} {path}", JSON_LIMIT)
        there = re.sub(r"{\w+}", str(uuid.uuid4()), path)
        bodies = [b" " * (limit + 1), chunks(limit + 1)]
        if f"{method} {path}" in UPLOADS:  # the route itself reads it, and finds more to refuse
            bodies = bodies[:1]
        for body in bodies:
            queries.clear()
            answer = ada.request(method, there, content=body, headers={"Content-Type": "application/json"})
            assert (answer.status_code, error_code(answer)) == (413, "too_large"), (method, path)
            assert answer.json()["error"]["details"] == {"limit_bytes": limit}
            assert queries == [], (method, path)


def test_a_body_that_does_not_say_its_length_may_be_as_large_as_any(client: TestClient) -> None:
    ada = sign_up(client)
    bio = json.dumps({"bio": "Reads.", "name": "Ada"}).encode()
    body = iter([bio, *chunks(JSON_LIMIT - len(bio))])
    answer = ada.put("/v1/users/me", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["bio"]) == (200, "Reads.")


def test_addresses_and_headers_have_an_end(client: TestClient) -> None:
    ada = sign_up(client)
    for path in (f"/v1/users/me?{'x' * ADDRESS_LIMIT}", f"/v1/{'x' * ADDRESS_LIMIT}"):
        assert error_code(ada.get(path)) == "validation_error"
    assert ada.get(f"/v1/users/me?{'x' * (ADDRESS_LIMIT - 100)}").status_code == 200
    assert error_code(ada.get("/v1/users/me", headers={"X-More": "x" * HEADERS_LIMIT})) == "too_large"
    assert ada.get("/v1/users/me", headers={"X-More": "x" * (HEADERS_LIMIT - 2000)}).status_code == 200
    length = {"Content-Length": "9" * 20_000, "Content-Type": "application/json"}
    assert error_code(ada.put("/v1/users/me", content=b"{}", headers=length)) == "too_large"


def test_a_form_has_no_more_than_some_parts_and_each_a_small_head(client: TestClient) -> None:
    ada = sign_up(client)
    fields = {f"field{number}": (None, "x") for number in range(1000)}
    answer = ada.post("/v1/profile/photos", files=fields | {"file": ("p.jpg", small_photo())})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")
    assert ada.post("/v1/auth/token", data={f"field{number}": "x" for number in range(2000)}).status_code == 422
    answer = ada.post("/v1/profile/photos", **form(name="x" * 100_000, body=small_photo()))
    assert error_code(answer) == "validation_error"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    media = tmp_path_factory.mktemp("media")
    with api(**SECONDS, STORAGE_URL=f"file://{media}") as running:
        yield running, media


@pytest.fixture
def server(running: tuple[Api, Path]) -> Api:
    return running[0]


@pytest.fixture
def ada(real_client: TestClient) -> Person:
    return sign_up(real_client)


@contextmanager
def raw(server: Api) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as connection:
        yield connection


def head(method: str, path: str, person: Person | None = None, more: str = "") -> bytes:
    token = f"Authorization: Bearer {person.tokens['access_token']}\r\n" if person else ""
    return f"{method} {path} HTTP/1.1\r\nHost: test\r\n{token}{more}\r\n".encode()


def answered(connection: socket.socket) -> tuple[int, dict[str, str], dict[str, Any]]:
    """(status, headers, body) of what comes until the server closes."""
    received = b""
    while part := connection.recv(65536):
        received += part
    lines, _, body = received.partition(b"\r\n\r\n")
    first, *rest = lines.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    return int(first.split()[1]), headers, json.loads(body)


def answered_once(connection: socket.socket) -> int:
    """The status of one whole answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1)
    length = int(re.findall(rb"content-length: (\d+)", received)[0])
    while length > 0:
        length -= len(connection.recv(length))
    return int(received.split()[1])


def require_refused(connection: socket.socket, status: int, code: str) -> None:
    got, headers, body = answered(connection)
    assert (got, body["error"]["code"]) == (status, code)
    assert set(body["error"]) == {"code", "message", "details", "request_id"}
    assert body["error"]["request_id"] == headers["x-request-id"]
    assert (headers["content-type"], headers["connection"]) == ("application/json", "close")


def drip(connection: socket.socket, data: bytes, *, size: int, pause: float) -> None:
    """Send a bit at a time, until that is done or nobody listens any more."""
    for start in range(0, len(data), size):
        try:
            connection.sendall(data[start : start + size])
        except OSError:
            return
        time.sleep(pause)


def closed_within(connection: socket.socket, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        return connection.recv(65536) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_head_comes_within_its_time(server: Api) -> None:
    with raw(server) as connection:
        drip(connection, head("GET", "/v1/health/live")[:12], size=1, pause=0.1)
        require_refused(connection, 408, "request_timeout")
    with raw(server) as connection:
        assert closed_within(connection, 3), "nothing ever came"


def test_a_head_without_end_and_what_is_no_http(server: Api) -> None:
    with raw(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n" + b"X-More: x\r\n" * (HEAD_LIMIT // 11 + 1))
        require_refused(connection, 413, "too_large")
    with raw(server) as connection:
        connection.sendall(b"\x16\x03\x01 not http at all\r\n\r\n")
        require_refused(connection, 400, "validation_error")


@pytest.mark.parametrize("more", ["Content-Length: 60\r\n", "Transfer-Encoding: chunked\r\n"])
@pytest.mark.parametrize("path", ["/v1/auth/login", "/v1/matching/like", "/v1/auth/token"])
def test_a_body_comes_within_its_time(server: Api, ada: Person, path: str, more: str) -> None:
    kind = "Content-Type: application/x-www-form-urlencoded\r\n" if path.endswith("token") else JSON
    with raw(server) as connection:
        connection.sendall(head("POST", path, ada, kind + more))
        body = b"username=ada" if "Length" in more else b"1\r\nu\r\n" * 12
        drip(connection, body, size=1 if "Length" in more else 6, pause=0.1)
        require_refused(connection, 408, "request_timeout")


@pytest.mark.parametrize(("pause", "size"), [(0.25, 500), (1.5, 3000)])
def test_a_photo_comes_within_its_time_or_leaves_nothing(
    running: tuple[Api, Path], ada: Person, committed: Database, pause: float, size: int
) -> None:
    server, media = running
    sent = form(body=small_photo() + bytes(20_000))
    body, kind = sent["content"], sent["headers"]
    assert isinstance(body, bytes)
    assert isinstance(kind, dict)
    fields = f"Content-Type: {kind['Content-Type']}\r\nContent-Length: {len(body)}\r\n"
    with raw(server) as connection:
        began = time.monotonic()
        connection.sendall(head("POST", "/v1/profile/photos", ada, fields))
        drip(connection, body[:6000], size=size, pause=pause)
        require_refused(connection, 408, "request_timeout")
        assert time.monotonic() - began < 6
    assert [path for path in media.rglob("*") if path.is_file()] == []
    with committed.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Photo)) == 0


def test_a_photo_that_comes_in_time_may_come_slowly(running: tuple[Api, Path], ada: Person) -> None:
    server, media = running
    sent = form(body=small_photo())
    body, kind = sent["content"], sent["headers"]
    assert isinstance(body, bytes)
    assert isinstance(kind, dict)
    fields = f"Content-Type: {kind['Content-Type']}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    with raw(server) as connection:
        connection.sendall(head("POST", "/v1/profile/photos", ada, fields))
        drip(connection, body, size=len(body) // 4 + 1, pause=0.3)
        assert answered(connection)[0] == 202
    uploads = [path for path in media.rglob("*") if path.is_file()]
    assert len(uploads) == 1
    uploads[0].unlink()


def test_whoever_goes_on_sending_after_the_answer_is_cut_off(server: Api) -> None:
    with raw(server) as connection:
        connection.sendall(head("POST", "/v1/auth/login", more=f"{JSON}Content-Length: 900000\r\n"))
        assert answered_once(connection) == 413
        began = time.monotonic()
        drip(connection, b"x" * 60, size=1, pause=0.1)
        assert closed_within(connection, 1)
        assert time.monotonic() - began < 10
    with raw(server) as connection:
        connection.sendall(head("GET", "/v1/health/live"))
        assert answered_once(connection) == 200
        drip(connection, b"\r\n" * 60, size=2, pause=0.1)
        assert closed_within(connection, 1), "empty lines keep nothing open"


def test_a_connection_stays_for_another_request_and_not_for_ever(server: Api) -> None:
    with raw(server) as connection:
        for _ in range(3):
            connection.sendall(head("GET", "/v1/health/live"))
            assert answered_once(connection) == 200
            time.sleep(0.5)
        assert closed_within(connection, 3)
    with raw(server) as connection:  # a body that comes after its answer leaves the connection good
        connection.sendall(head("POST", "/v1/auth/login", more=f"{JSON}Content-Length: 70000\r\n"))
        assert answered_once(connection) == 413
        connection.sendall(b" " * 70_000)
        connection.sendall(head("GET", "/v1/health/live"))
        assert answered_once(connection) == 200
        assert closed_within(connection, 3)


def test_a_websocket_is_no_slow_request(server: Api, ada: Person) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/v1/ws", ping_interval=None) as connection:
        connection.send(json.dumps({"type": "auth", "token": ada.tokens["access_token"]}))
        time.sleep(2.5)
        connection.send('{"type": "ping"}')
        assert json.loads(connection.recv(5))["type"] == "pong"


def test_the_times_are_settings() -> None:
    values = settings()
    assert (values.request_timeout_seconds, values.upload_timeout_seconds, values.keep_alive_seconds) == (15, 300, 75)
