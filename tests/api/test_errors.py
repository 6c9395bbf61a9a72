"""Whatever goes wrong, a client gets the same form, and nobody's words or secrets come back."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import given
from hypothesis import strategies as st

from api.app import create_app
from api.dependencies import Me
from dev.parts import free_port
from shared.database import Database, make_engine
from shared.errors import ERRORS, Refusal
from shared.settings import Settings
from tests.people import PASSWORD, Person, error_code, sign_up

OF_OUR_OWN = {"request_timeout": 408}
OF_THE_CONTRACT = """
validation_error 422, invalid_credentials 401, token_expired 401, token_invalid 401, token_reused 401, not_authenticated 401, not_verified 403,
account_suspended 403, forbidden 403, not_found 404, method_not_allowed 405, email_taken 409, username_taken 409, underage 422, weak_password 422,
too_large 413, unsupported_media 415, photo_limit 409, prompt_limit 409, prompt_already_answered 409, quiz_too_soon 409, quiz_incomplete 422,
already_liked 409, already_matched 409, cannot_target_self 422, comment_required 422, comment_duplicated 422, comment_contact_info 422,
daily_like_limit 429, too_fast 429, likes_paused 403, nothing_to_rewind 409, invalid_transition 409, not_in_match 404, match_closed 409,
idempotency_conflict 409, rate_limited 429, service_unavailable 503, internal_error 500
"""  # noqa: E501 - as it is written there
NUL, SURROGATE = "a\0b", "a\ud800b"
JSON_TYPE = {"Content-Type": "application/json"}
ALLOWED = ("http://localhost:3000", "http://localhost:5173", "https://trydelete.app", "https://my.trydelete.app")


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client)


@pytest.fixture
def without_database() -> Iterator[TestClient]:
    """A client of an application whose database is not there."""
    engine = make_engine(Settings(database_url=f"postgresql://postgres@127.0.0.1:{free_port()}/delete"))
    with TestClient(create_app(Database(engine, threads=2)), raise_server_exceptions=False) as client:
        yield client
    engine.dispose()


def post_raw(client: TestClient, body: bytes, path: str = "/v1/auth/login", **headers: str) -> Response:
    return client.post(path, content=body, headers=JSON_TYPE | headers)


def dump(body: object) -> bytes:
    """JSON in ASCII, so that also a lone surrogate can be sent."""
    return json.dumps(body).encode()


def test_every_code_has_the_contracts_status() -> None:
    contract = {code: int(status) for code, status in re.findall(r"(\w+) (\d{3})", OF_THE_CONTRACT)}
    contract |= OF_OUR_OWN
    assert {code: status for code, (status, _) in ERRORS.items()} == {code: contract[code] for code in ERRORS}


def test_every_code_says_something_to_a_person() -> None:
    for code, (_, words) in ERRORS.items():
        assert re.fullmatch("[a-z]+(_[a-z]+)*", code)
        assert words[0].isupper()
        assert words.endswith(".")


def test_an_unknown_path(client: TestClient) -> None:
    for path in ("/", "/v1", "/v1/nothing", "/v1/users/me/nothing", "/%00", "/%ED%A0%80", "/" + "x" * 5000):
        answer = client.get(path)
        assert (answer.status_code, error_code(answer)) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/auth/login", {"POST"}),
        ("DELETE", "/v1/auth/signup", {"POST"}),
        ("POST", "/v1/users/me", {"GET", "PATCH", "PUT", "DELETE"}),
        ("PATCH", "/v1/matching/matches/0/messages", {"GET", "POST"}),
        ("OPTIONS", "/v1/health", {"GET"}),
        ("BREW", "/v1/health/live", {"GET"}),
        ("POST", "/docs", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_an_address_does_not_understand(
    client: TestClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, error_code(answer)) == (405, "method_not_allowed")
    assert allowed == set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    "body",
    [
        {"username": "ada", "password": ["secret-zyzzy"]},
        {"username": "ada", "password": {"secret-zyzzy": "secret-zyzzy"}},
        {"username": ["ada"], "password": "secret-zyzzy"},
        {"password": "secret-zyzzy"},
        {"username": "x" * 300, "password": "secret-zyzzy"},
        {"username": "ada", "password": "secret-zyzzy" * 100},
        {"username": "ada", "password": "secret-zyzzy\0"},
        {"username": "ada", "password": "secret-zyzzy\ud800"},
        {"username": "ada", "password": "secret-zyzzy", "remember": True},
        ["secret-zyzzy"],
        "secret-zyzzy",
    ],
    ids=str,
)
def test_what_was_sent_is_not_sent_back(client: TestClient, body: object) -> None:
    answer = post_raw(client, dump(body))
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")
    assert "zyzzy" not in answer.text


def test_what_was_sent_in_a_form_is_not_sent_back(client: TestClient) -> None:
    for form in ({"password": "secret-zyzzy"}, {"username": "ada", "password": "secret-zyzzy", "grant_type": "zyzzy"}):
        answer = client.post("/v1/auth/token", data=form)
        assert (answer.status_code, error_code(answer)) == (422, "validation_error")
        assert "zyzzy" not in answer.text


def test_details_name_each_field_in_words_for_people(ada: Person) -> None:
    wrong = {"name": "x" * 51, "bio": NUL, "time_zone": "Mars/Base", "preferences": {"min_age": 3}, "colour": "red"}
    answer = ada.patch("/v1/users/me", json=wrong)
    said = {field["field"]: field["message"] for field in answer.json()["error"]["details"]["fields"]}
    assert set(said) == {"body.name", "body.bio", "body.time_zone", "body.preferences.min_age", "body.colour"}
    assert said["body.name"] == "String should have at most 50 characters"
    assert said["body.bio"] == "must not contain the NUL character"
    assert said["body.time_zone"].startswith("must be an IANA time zone")
    blank = ada.patch("/v1/users/me", json={"name": " "}).json()["error"]["details"]["fields"]
    assert blank == [{"field": "body.name", "message": "String should have at least 1 character"}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"username": "ada", "password": }',
        b"null",
        b"7",
        b'{"username": "\xff\xfe", "password": "x"}',
        b'{"username": "ada", "password": NaN}',
        b'{"username": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"username": ' + b"9" * 20_000 + b"}",
        b'{"username": 1e999999, "password": -1e999999}',
    ],
    ids=lambda body: str(body[:20]),
)
def test_what_is_no_json_or_the_wrong_json(client: TestClient, ada: Person, body: bytes) -> None:
    for path in ("/v1/auth/signup", "/v1/auth/login", "/v1/auth/refresh"):
        answer = post_raw(client, body, path)
        assert (answer.status_code, error_code(answer)) == (422, "validation_error")
    for method, path in (("PUT", "/v1/users/me"), ("PATCH", "/v1/users/me"), ("PUT", "/v1/profile/photos/order")):
        answer = ada.request(method, path, content=body, headers=JSON_TYPE)
        assert (answer.status_code, error_code(answer)) == (422, "validation_error")


SIGN_UP = {"email": "grace@example.com", "password": PASSWORD, "name": "Grace", "birth_date": "1990-12-10"}
PROFILE = {
    "name": "Ada",
    "username": "a",
    "gender": "a",
    "bio": "a",
    "time_zone": "a",
    "location": "a",
    "preferences": "a",
}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/auth/signup"): {**PROFILE, **SIGN_UP},
    ("POST", "/v1/auth/login"): {"username": "ada", "email": "ada", "password": "x"},
    ("POST", "/v1/auth/refresh"): {"refresh_token": "x"},
    ("POST", "/v1/auth/logout"): {"refresh_token": "x"},
    ("PUT", "/v1/users/me"): PROFILE,
    ("PATCH", "/v1/users/me"): PROFILE,
    ("PUT", "/v1/users/me/password"): {"old_password": "x", "new_password": "x"},
}


@pytest.mark.parametrize("poison", [NUL, SURROGATE, "\udfff", 10**30, -(10**400), 1e308, [], True, [[NUL]], {NUL: NUL}])
def test_no_field_of_a_body_can_be_poisoned(ada: Person, poison: object) -> None:
    for (method, path), fields in BODIES.items():
        for name in fields:
            whole = {key: value for key, value in {**SIGN_UP, "username": "ada"}.items() if key in fields}
            answer = ada.request(method, path, content=dump({**whole, name: poison}), headers=JSON_TYPE)
            assert answer.status_code == 422, (path, name, answer.text)
            error_code(answer)


@pytest.mark.parametrize("place", ["location", "preferences"])
@pytest.mark.parametrize("poison", [NUL, SURROGATE, 10**30, -(10**400), 1e999, [NUL], {SURROGATE: 1}])
def test_no_field_inside_a_field_can_be_poisoned(ada: Person, place: str, poison: object) -> None:
    inner = {"location": ["latitude", "longitude"], "preferences": ["genders", "min_age", "max_age", "max_distance_km"]}
    for name in inner[place]:
        good: dict[str, object] = {"latitude": 0, "longitude": 0} if place == "location" else {}
        body = {"name": "Ada", place: {**good, name: poison}}
        for method in ("PUT", "PATCH"):
            answer = ada.request(method, "/v1/users/me", content=dump(body), headers=JSON_TYPE)
            assert (answer.status_code, error_code(answer)) == (422, "validation_error"), (name, answer.text)


def test_no_name_of_a_field_can_be_poisoned(ada: Person) -> None:
    for name in (NUL, SURROGATE, "", "x" * 10_000, "__class__", "a.b", "\u202e"):
        for (method, path), body in BODIES.items():
            answer = ada.request(method, path, content=dump({**body, name: 1}), headers=JSON_TYPE)
            assert (answer.status_code, error_code(answer)) == (422, "validation_error")


@pytest.mark.parametrize("poison", ["%00", "a%00b", "%ED%A0%80", "%FF", "%C3%28", "9" * 5000, "-1", "1e3", "٣", ""])
def test_no_query_or_path_or_form_can_be_poisoned(client: TestClient, ada: Person, poison: str) -> None:
    for name in ("limit", "offset"):
        for path in ("/v1/auth/sessions", "/v1/profile/photos"):
            answer = ada.get(f"{path}?{name}={poison}")
            assert (answer.status_code, error_code(answer)) == (422, "validation_error")
    for path in ("/v1/auth/sessions/{}", "/v1/profile/photos/{}"):
        answer = ada.delete(path.format(poison))
        assert answer.status_code in {404, 405, 422}
        error_code(answer)
    for query in (f"expires={poison}&signature=x", f"expires=1&signature={poison}", f"expires={poison}", poison):
        answer = client.get(f"/media/{poison}?{query}")
        assert answer.status_code in {404, 422}
        error_code(answer)
    for name in ("username", "password", "grant_type", "scope", "client_id", poison or "x"):
        form = f"username=ada&password=x&{name}={poison}".encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = client.post("/v1/auth/token", content=form, headers=headers)
        assert answer.status_code in {401, 422}, answer.text
        error_code(answer)


TEXT = st.text(st.characters(codec=None), max_size=40)


@given(login=TEXT, password=TEXT)
def test_any_text_can_be_tried_as_a_login(client: TestClient, login: str, password: str) -> None:
    answer = post_raw(client, dump({"username": login, "password": password}))
    assert answer.status_code in {401, 422}
    error_code(answer)


@given(
    body=st.dictionaries(
        st.sampled_from([*PROFILE, "email"]), st.one_of(TEXT, st.integers(), st.none(), st.lists(TEXT, max_size=3))
    )
)
def test_any_edit_is_answered(ada: Person, body: dict[str, object]) -> None:
    answer = ada.patch("/v1/users/me", content=dump(body), headers=JSON_TYPE)
    assert answer.status_code in {200, 422}, (body, answer.text)


def test_a_body_that_announces_to_be_too_large(client: TestClient) -> None:
    answer = post_raw(client, b'{"username": "' + b"x" * 65_536 + b'"}')
    assert (answer.status_code, error_code(answer)) == (413, "too_large")
    assert answer.json()["error"]["details"] == {"limit_bytes": 65_536}
    assert post_raw(client, b"{}" + b" " * 65_534).status_code == 422, "as much as is allowed"


def test_a_body_that_turns_out_to_be_too_large(client: TestClient) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(80):
            sent += 1
            yield b" " * 1024

    answer = client.post("/v1/auth/login", content=chunks(), headers=JSON_TYPE)
    assert (answer.status_code, error_code(answer)) == (413, "too_large")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/v1/auth/token", content=chunks(), headers=form)
    assert (answer.status_code, error_code(answer)) == (413, "too_large")


def test_a_length_that_is_no_number_is_no_error_of_ours(client: TestClient) -> None:
    for length in ("-1", "x", "", "9" * 30):
        answer = post_raw(client, b"{}", **{"Content-Length": length})
        assert answer.status_code in {413, 422}, length
        error_code(answer)


def test_an_unexpected_error_tells_nothing(client: TestClient, ada: Person) -> None:
    app = client.app
    assert isinstance(app, FastAPI)

    @app.get("/break")
    async def broken() -> None:
        secret = "secret-7531"
        raise RuntimeError(f"SELECT {secret}")

    @app.get("/break-in-a-transaction")
    async def broken_inside(me: Me) -> None:
        await me.run(lambda _session, user: 1 / (user.min_age - user.min_age))

    for path in ("/break", "/break-in-a-transaction"):
        answer = ada.get(path, headers={"Origin": ALLOWED[0], "X-Request-ID": "my-request-1"})
        assert (answer.status_code, error_code(answer)) == (500, "internal_error")
        assert answer.headers["Access-Control-Allow-Origin"] == ALLOWED[0]
        assert answer.headers["X-Request-ID"] == "my-request-1"
        assert answer.headers["Content-Type"] == "application/json"
        assert not re.search(r"7531|SELECT|Traceback|Error|\.py", answer.json()["error"]["message"])
        assert answer.json()["error"]["details"] is None


def test_without_the_database_one_is_asked_to_come_again(without_database: TestClient) -> None:
    answers = [
        without_database.post("/v1/auth/signup", json={**SIGN_UP}),
        without_database.post("/v1/auth/login", json={"username": "ada", "password": "x"}),
        without_database.get("/v1/health"),
        without_database.get("/v1/health/ready"),
    ]
    for answer in answers:
        assert (answer.status_code, error_code(answer)) == (503, "service_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert "127.0.0.1" not in answer.text
        assert "psycopg" not in answer.text
    assert answers[2].json()["error"]["details"]["db"] == "down"
    assert answers[2].json()["error"]["details"]["redis"] == "ok"
    assert without_database.get("/v1/health/live").json() == {"status": "ok"}


@pytest.mark.parametrize("given", ["12345678", "a" * 64, "Aa0._-9z", "5f0c7a9be8a14d0c8f3f6f0f2c9d1b7e"])
def test_a_well_formed_request_id_is_taken(client: TestClient, given: str) -> None:
    for path in ("/v1/health/live", "/nothing", "/v1/users/me"):
        assert client.get(path, headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given", [None, "", "short", "a" * 65, "with space", "with\ttab", "ä" * 10, "<script>x</script>"]
)
def test_another_request_id_is_made(client: TestClient, given: str | None) -> None:
    headers = {} if given is None else {b"X-Request-ID": given.encode()}
    made = {client.get("/v1/health/live", headers=headers).headers["X-Request-ID"] for _ in range(3)}
    assert len(made) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in made)


@pytest.mark.parametrize("origin", ALLOWED)
def test_our_own_sites_may_ask(client: TestClient, origin: str) -> None:
    preflight = client.options(
        "/v1/users/me",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, content-type, idempotency-key, x-request-id",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == origin
    assert preflight.headers["Access-Control-Allow-Credentials"] == "true"
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    for path in ("/v1/health/live", "/nothing", "/v1/users/me"):
        answer = client.get(path, headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://trydelete.app", "https://trydelete.app.evil.example", "null", "*"]
)
def test_other_sites_may_not(client: TestClient, origin: str) -> None:
    preflight = client.options("/v1/users/me", headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
    assert (preflight.status_code, error_code(preflight)) == (403, "forbidden")
    assert "Access-Control-Allow-Origin" not in preflight.headers
    assert "Access-Control-Allow-Origin" not in client.get("/v1/health/live", headers={"Origin": origin}).headers


def test_origins_are_a_setting(db: Database, configured: Callable[..., None]) -> None:
    configured(CORS_ORIGINS="https://one.example, https://two.example")
    with TestClient(create_app(db)) as client:
        for origin, allowed in (("https://two.example", True), (ALLOWED[0], False)):
            headers = client.get("/v1/health/live", headers={"Origin": origin}).headers
            assert ("Access-Control-Allow-Origin" in headers) == allowed


def test_a_refusal_has_the_words_of_its_code_unless_it_has_its_own() -> None:
    assert Refusal("not_found").message == ERRORS["not_found"][1]
    assert str(Refusal("not_found", "No such photo.")) == "No such photo."
    with pytest.raises(KeyError):
        Refusal("made_up")
