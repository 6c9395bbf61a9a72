"""A new SECRET_KEY in the steps of docs/operations.md, with an old and a new API process at every moment of each."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from api.app import create_app
from shared.database import Database
from shared.notifications import unsubscribing
from shared.notifications.rules import Mailed
from shared.settings import Settings
from tests.people import Person, error_code, sign_up

Configure = Callable[..., None]
ADA = uuid.UUID(int=7)
OLD, NEW = "o" * 64, "n" * 64
STEPS = [(OLD, ""), (OLD, NEW), (NEW, OLD), (NEW, "")]


@pytest.fixture
def processes(configured: Configure, db: Database) -> Iterator[list[TestClient]]:
    """One API process for each step, all on one database."""
    clients = []
    with ExitStack() as running:
        for current, retired in STEPS:
            configured(SECRET_KEY=current, RETIRED_SECRET_KEYS=retired)
            clients.append(running.enter_context(TestClient(create_app(db))))
        yield clients


def at(process: TestClient, person: Person) -> Person:
    return Person(process, person.email, person.tokens)


def refreshed(person: Person) -> Response:
    return person.client.post("/v1/auth/refresh", json={"refresh_token": person.tokens["refresh_token"]})


def test_nobody_is_logged_out_by_it(processes: list[TestClient]) -> None:
    ada = sign_up(processes[0])
    for before, after in pairwise(processes[:3]):
        for one, other in ((before, after), (after, before)):
            grace = sign_up(one)
            for process in (one, other):
                assert at(process, ada).get("/v1/users/me").status_code == 200
                assert at(process, grace).get("/v1/users/me").status_code == 200
                answer = refreshed(at(process, grace))
                assert answer.status_code == 200, answer.text
                grace.tokens |= answer.json()
        answer = refreshed(at(after, ada))
        assert answer.status_code == 200
        ada.tokens |= answer.json()
    assert at(processes[3], ada).get("/v1/users/me").status_code == 200, "by now everything is signed with the new key"


def test_a_key_that_is_gone_opens_nothing(processes: list[TestClient]) -> None:
    ada = sign_up(processes[0])
    for path in ("/v1/users/me", "/v1/auth/sessions"):
        assert error_code(at(processes[3], ada).get(path)) == "token_invalid"
    assert error_code(refreshed(at(processes[3], ada))) == "token_invalid"
    assert at(processes[2], ada).get("/v1/users/me").status_code == 200, "nor is its session ended by that"


def test_a_process_that_does_not_know_the_key_yet_ends_nothing(processes: list[TestClient]) -> None:
    """Whoever leaves the first step out."""
    ada = sign_up(processes[2])
    assert error_code(at(processes[0], ada).get("/v1/users/me")) == "token_invalid"
    assert error_code(refreshed(at(processes[0], ada))) == "token_invalid"
    assert refreshed(at(processes[2], ada)).status_code == 200


def test_links_in_old_mails_work_as_long_as_the_key_is_believed() -> None:
    first, second, third, last = (
        Settings(secret_key=key, retired_secret_keys=[retired] if retired else []) for key, retired in STEPS
    )
    token = unsubscribing.token_for(ADA, Mailed.MATCH, first)
    assert all(unsubscribing.read(token, values) == (ADA, Mailed.MATCH) for values in (first, second, third))
    assert unsubscribing.read(token, last) is None
