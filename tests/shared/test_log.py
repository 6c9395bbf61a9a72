"""Logs: one line per event, each with its request's id, and nothing in them that must not be there."""

import io
import json
import logging
import re
import sys
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from anyio import to_thread
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import log
from tests.people import make_user, sign_up

Lines = Callable[[], list[str]]
Entries = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, logging_restored: None) -> Lines:
    """What was logged since the last look."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)

    def read() -> list[str]:
        text = written.getvalue()
        written.seek(0)
        written.truncate()
        return text.splitlines()

    return read


@pytest.fixture
def as_json(lines: Lines) -> Entries:
    log.configure(process="api", level="INFO", as_json=True)
    return lambda: [json.loads(line) for line in lines()]


@pytest.fixture
def human(lines: Lines) -> Lines:
    log.configure(process="api", level="INFO", as_json=False)
    return lines


@pytest.fixture(params=["json", "human"])
def everything(request: pytest.FixtureRequest, lines: Lines) -> Lines:
    log.configure(process="api", level="DEBUG", as_json=request.param == "json")
    return lines


def fail(password: str) -> None:
    kept = password
    raise RuntimeError(f"no {len(kept)}")


def test_a_json_line_holds_what_was_said(as_json: Entries) -> None:
    log.logger("shared.photos").warning("photo rejected", reason="corrupt", number=7)
    (entry,) = as_json()
    time = entry.pop("timestamp")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", time)
    assert entry == {"event": "photo rejected", "reason": "corrupt", "number": 7, "level": "warning", "process": "api"}


def test_lines_of_libraries_have_the_same_form(as_json: Entries) -> None:
    logging.getLogger("some.library").error("it %s", "broke", extra={"part": "engine"})
    (entry,) = as_json()
    assert (entry["event"], entry["level"], entry["logger"]) == ("it broke", "error", "some.library")
    assert (entry["part"], entry["process"]) == ("engine", "api")


def test_quiet_libraries_and_lower_levels_are_left_out(as_json: Entries) -> None:
    log.logger("ours").debug("detail")
    logging.getLogger("celery.beat").info("tick")
    logging.getLogger("httpx").info("GET /")
    logging.getLogger("celery.beat").warning("tock")
    assert [entry["event"] for entry in as_json()] == ["tock"]


def test_the_request_id_is_on_every_line_inside(as_json: Entries) -> None:
    with log.context(request_id="request-1"):
        log.logger("ours").info("one")
        logging.getLogger("theirs").warning("two")
        with log.context(job="photos.process"):
            log.logger("ours").info("three")
        assert log.current_request_id() == "request-1"
    log.logger("ours").info("four")
    assert [entry.get("request_id") for entry in as_json()] == ["request-1"] * 3 + [None]
    assert log.current_request_id() is None


def test_the_request_id_follows_onto_worker_threads(as_json: Entries) -> None:
    async def main() -> None:
        with log.context(request_id="request-1"):
            await to_thread.run_sync(log.logger("ours").info, "inside")

    anyio.run(main)
    assert [entry["request_id"] for entry in as_json()] == ["request-1"]


def test_requests_that_run_at_once_keep_their_ids(as_json: Entries) -> None:
    start = threading.Barrier(4)

    def work(number: int) -> None:
        with log.context(request_id=f"request-{number}"):
            start.wait()
            log.logger("ours").info(str(number))

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry["event"]: entry["request_id"] for entry in as_json()} == {str(n): f"request-{n}" for n in range(4)}


def test_a_trace_in_json_says_where_and_not_what_was_in_the_variables(as_json: Entries) -> None:
    try:
        fail("secret-7531")
    except RuntimeError:
        log.logger("ours").exception("attempt failed")
        logging.getLogger("theirs").exception("theirs too")
    entries = as_json()
    assert [entry["event"] for entry in entries] == ["attempt failed", "theirs too"]
    for entry in entries:
        assert entry["level"] == "error"
        assert entry["exception"][0]["exc_type"] == "RuntimeError"
        assert entry["exception"][0]["exc_value"] == "no 11"
        assert [frame["name"] for frame in entry["exception"][0]["frames"]][-1] == "fail"
    assert "7531" not in json.dumps(entries)


def test_a_trace_for_people_says_where_and_not_what_was_in_the_variables(human: Lines) -> None:
    try:
        fail("secret-7531")
    except RuntimeError:
        log.logger("ours").exception("attempt failed", last=True)
    lines = human()
    assert re.fullmatch(r"\d\d:\d\d:\d\d error +attempt failed  last=True", lines[0])
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "RuntimeError: no 11"
    assert "7531" not in "\n".join(lines).replace('fail("secret-7531")', "")


def stumble_over_a_row() -> None:
    error = RuntimeError("violates check\nDETAIL:  Failing row contains (ada@example.com, $bcrypt).\nSQL: INSERT")
    log.logger("ours").error("unexpected error", exc_info=error)


def test_a_row_that_postgres_quotes_is_left_out_in_json(as_json: Entries) -> None:
    stumble_over_a_row()
    (entry,) = as_json()
    assert entry["exception"][0]["exc_value"] == "violates check\nDETAIL: (left out)\nSQL: INSERT"


def test_a_row_that_postgres_quotes_is_left_out_for_people(human: Lines) -> None:
    stumble_over_a_row()
    assert human()[1:] == ["RuntimeError: violates check", "DETAIL: (left out)", "SQL: INSERT"]


def test_a_line_for_people(human: Lines) -> None:
    with log.context(request_id="request-1"):
        log.logger("ours").info("request", status=200)
    log.logger("ours").warning("careful")
    first, second = human()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d +request  request_id=request-1 status=200|.* status=200 request_id=request-1", first
    )
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning +careful", second)


def test_a_request_is_one_line_with_its_id_and_without_its_words(client: TestClient, as_json: Entries) -> None:
    sign_up(client, email="secret-7531@example.com", bio="bio-7531")
    client.get("/v1/nothing?token=7531", headers={"X-Request-ID": "my-request", "Authorization": "Bearer 7531"})
    entries = [entry for entry in as_json() if entry["event"] == "request"]
    assert [(entry["method"], entry["path"], entry["status"]) for entry in entries] == [
        ("POST", "/v1/auth/signup", 201),
        ("GET", "/v1/nothing", 404),
    ]
    assert entries[1]["request_id"] == "my-request"
    assert entries[0]["ms"] > 0
    assert "7531" not in json.dumps(entries)


@given(st.text(max_size=80))
def test_a_request_id_is_always_well_formed(proposed: str) -> None:
    made = log.request_id(proposed)
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", made)
    assert (made == proposed) == bool(re.fullmatch(r"[A-Za-z0-9._-]{8,64}", proposed))


def test_a_line_break_makes_no_second_json_line(as_json: Entries) -> None:
    log.logger("ours").info('one\n{"event": "two"}', path="/a\nb")
    assert len(as_json()) == 1


class Account(BaseModel):
    email: int


def invalid_value() -> Exception:
    try:
        Account.model_validate(dict.fromkeys(["email"], f"ada-{7530 + 1}@example.com, input_type=of hers"))
    except ValidationError as error:
        return error
    raise AssertionError


def doubled_row(session: Session) -> Exception:
    about: dict[str, Any] = {"email": "ada-7531@example.com", "bio": "bio-7531", "latitude": 7.531, "longitude": 1}
    make_user(session, **about)
    with pytest.raises(IntegrityError) as caught, session.begin_nested():
        make_user(session, **about)
    return caught.value


def test_an_exception_does_not_tell_what_it_is_about(everything: Lines, session: Session) -> None:
    noted = RuntimeError("failed")
    noted.add_note("DETAIL: Key (email)=(ada-7531@example.com)")
    noted.add_note("DETAIL:  Failing row contains (1, Hello\n\nmeet me at 7531 Main Street\n, x).\n[SQL: INSERT]")
    errors = [invalid_value(), doubled_row(session), noted]
    for error in (*errors, ExceptionGroup("several", [errors[0], ExceptionGroup("inner", errors[1:])])):
        log.logger("ours").error("unexpected error", exc_info=error)
        logging.getLogger("theirs").error("unexpected error", exc_info=error)
    said = "\n".join(everything())
    assert "7531" not in said
    assert "7.531" not in said
    for kept in ("Input should be a valid integer", "input_type=str", "uq_users_email", "INSERT INTO users"):
        assert said.count(kept) >= 4, kept


def test_at_the_lowest_level_libraries_tell_nothing_of_a_request(
    everything: Lines, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "httpx2")  # which the test asks with
    ada = sign_up(client, email="ada-7531@example.com", bio="bio-7531")
    client.post("/v1/auth/login", json={"username": "ada-7531", "password": "wrong-7531"})
    client.post("/v1/auth/token", data={"username": "ada-7531", "password": "wrong-7531"})
    ada.upload(b"\xff\xd8\xff7531", name="photo-7531.jpg")
    ada.get("/v1/users/me?token=7531")
    said = "\n".join(everything())
    assert said.count("/v1/auth/login") == 1
    assert "7531" not in said
    assert ada.tokens["access_token"] not in said
