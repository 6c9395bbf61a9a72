"""What is not for somebody is not found by them, or refused, and stays as it is: tried on every route there is.

The routes, and whom each is for, are read from the application. What an id names, only access.py can tell.
"""

import json
import uuid
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import text
from sqlalchemy.orm import Session

from api.app import create_app
from shared import clock
from shared.accounts.models import Role, Status, User
from shared.accounts.tokens import KeyRing
from shared.models import Base
from shared.settings import settings
from shared.storage import storage
from tests.api.access import EVEN_SUSPENDED, IDS, RELATIONS, Access, Scene, Values
from tests.api.routes import RANKS, Route, routes
from tests.likes import signed_in
from tests.people import error_code, make_user

ROUTES = routes(create_app())
FOR_SOMEBODY = [route for route in ROUTES if route.least is not None]
FOR_A_ROLE = [route for route in FOR_SOMEBODY if route.least != Role.USER]
NAMED = {f"{route.name}.{name}": route for route in ROUTES for name in route.ids}
TRIED = [name for name in sorted(NAMED) if isinstance(IDS.get(name), Access)]
BOOKKEEPING = "last_active_at"


def everything(session: Session) -> dict[str, str]:
    """What each table holds, in short, and which files there are."""
    session.flush()
    of_each = " UNION ALL ".join(
        f"SELECT '{name}', md5(coalesce(string_agg(row, ' ' ORDER BY row), ''))"
        f" FROM (SELECT (to_jsonb(one) - '{BOOKKEEPING}')::text AS row FROM {name} one) AS rows"
        for name in Base.metadata.tables
    )
    return {name: str(digest) for name, digest in session.execute(text(of_each))} | {
        "files": str(sorted(key for key, _ in storage().list("")))
    }


def call(client: TestClient, route: Route, headers: dict[str, str], values: Values) -> Response:
    body = {name: value for name, value in values.items() if name not in route.in_path}
    sent = json.dumps(body, default=str) if body else None
    return client.request(route.method, route.address(values), headers=headers, content=sent)


def signed_in_headers(session: Session, user: User) -> dict[str, str]:
    now = clock.now()
    claims = signed_in(session, user)
    token = KeyRing(settings()).issue("access", claims, issued=now, expires=now + timedelta(minutes=5))
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def is_refused(client: TestClient, session: Session, route: Route, asker: User | None, values: Values) -> Response:
    """The answer, after which everything is as before."""
    headers = {"Content-Type": "application/json"} if asker is None else signed_in_headers(session, asker)
    before = everything(session)
    answer = call(client, route, headers, values)
    assert everything(session) == before, f"{answer.status_code}, but not without effect: {answer.text}"
    return answer


def scene(session: Session, relation: str) -> Scene:
    made = Scene(session, make_user(session), make_user(session, name="Bob"), relation)
    RELATIONS[relation](made)
    session.flush()
    return made


def sample(route: Route) -> Values:
    """Values that a route may well be called with: those of its example."""
    return {**dict.fromkeys(route.in_path, uuid.uuid4()), **(route.body or {})}


def test_every_id_has_an_entry() -> None:
    for name in sorted(NAMED.keys() - IDS.keys()):
        route = NAMED[name]
        pytest.fail(
            f"{route.method} {route.path} names something of somebody's: say in IDS of tests/api/access.py, as "
            f"{name!r}, how to make one and who must not get at it, or why it is everybody's"
        )
    assert not IDS.keys() - NAMED.keys(), "entries of ids that no route has any more"


@pytest.mark.parametrize("name", TRIED)
def test_an_id_is_no_key(client: TestClient, session: Session, name: str) -> None:
    """Who knows it can do nothing with it, unless what it names is theirs; then they can."""
    route, access = NAMED[name], IDS[name]
    assert isinstance(access, Access)
    for relation, code in access.refused.items():
        tried = scene(session, relation)
        answer = is_refused(client, session, route, tried.asker, access.make(tried))
        assert (error_code(answer) if answer.is_error else None) == code, f"{relation}: {answer.text}"
    tried = scene(session, access.allowed)
    values = access.make(tried)
    assert is_refused(client, session, route, None, values).status_code == 401
    answer = call(client, route, signed_in_headers(session, tried.asker), values)
    assert answer.status_code < 300, f"{access.allowed}: {answer.text}"


@pytest.mark.parametrize("name", TRIED)
def test_nobody_who_is_away_can_use_it_either(client: TestClient, session: Session, name: str) -> None:
    route, access = NAMED[name], IDS[name]
    assert isinstance(access, Access)
    for status, code in ((Status.SUSPENDED, "account_suspended"), (Status.DELETING, "token_invalid")):
        tried = scene(session, access.allowed)
        values = access.make(tried)
        tried.asker.status = status
        if name in EVEN_SUSPENDED and status == Status.SUSPENDED:
            assert call(client, route, signed_in_headers(session, tried.asker), values).status_code < 300
            continue
        assert error_code(is_refused(client, session, route, tried.asker, values)) == code


def test_who_is_not_signed_in_is_refused(client: TestClient, session: Session) -> None:
    for route in FOR_SOMEBODY:
        answer = is_refused(client, session, route, None, sample(route))
        assert error_code(answer) == "not_authenticated", route.name


@pytest.mark.parametrize("route", FOR_A_ROLE, ids=lambda route: route.name)
def test_who_has_too_little_of_a_role_is_refused(client: TestClient, session: Session, route: Route) -> None:
    assert route.least is not None
    for role in RANKS[: RANKS.index(route.least)]:
        answer = is_refused(client, session, route, make_user(session, role=role), sample(route))
        assert error_code(answer) == "forbidden", role
    headers = signed_in_headers(session, make_user(session, role=route.least))
    assert call(client, route, headers, sample(route)).status_code not in {401, 403}


def test_what_administrates_is_for_no_plain_user() -> None:
    administrating = {route.name for route in ROUTES if route.path.startswith("/v1/admin")}
    assert administrating
    assert administrating <= {route.name for route in FOR_A_ROLE}
