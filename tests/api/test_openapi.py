"""The OpenAPI document: what a generated client and a reader of the docs rely on."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel
from sqlalchemy import update
from sqlalchemy.orm import Session

from api.app import create_app
from api.errors import ErrorAnswer
from api.shapes import Shape
from shared.accounts.models import Role, User
from shared.database import Database
from shared.errors import ERRORS
from tests.people import error_code, sign_up

DOCS = ("/openapi.json", "/docs", "/redoc")
SAFE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "s" * 64,
    "FLOWER_PASSWORD": "a better one",
    "CONTACT_SALT": "pepper",
    "SMTP_URL": "smtp://localhost",
    "PUBLIC_URL": "https://api.example.com",
}
OPEN = {
    "sign_up",
    "log_in",
    "log_in_by_form",
    "refresh",
    "get_badge_icon",
    "get_media",
    "health",
    "health_live",
    "health_ready",
    "forgot_password",
    "reset_password",
    "verify_email",
    "show_unsubscribe",
    "unsubscribe",
}
EVEN_SUSPENDED = {
    "appeal",
    "ask_for_export",
    "delete_me",
    "get_export",
    "list_exports",
    "list_notices",
}

UNCOUNTED = {"get_badge_icon", "get_media", "health", "health_live", "health_ready"}
NOT_NAMED = {
    "sign_up",  # its answer holds tokens, which are kept nowhere
    "forgot_password",  # whatever was asked before is answered the same, and makes no more than a few mails
    "resend_verification",
}

NO_JSON = {
    "get_media": {"image/webp", "image/jpeg", "application/zip"},
    "get_badge_icon": {"image/svg+xml"},
    "stream_events": {"text/event-stream"},
    "show_unsubscribe": {"text/html"},
    "unsubscribe": {"text/html"},
}


@pytest.fixture
def schema(client: TestClient) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"method": method, "path": path, **operation}
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def body_examples(schema: dict[str, Any], operation: dict[str, Any]) -> list[tuple[str, Any]]:
    """(content type, example) of each example of a request body."""
    found = []
    for content_type, media in operation.get("requestBody", {}).get("content", {}).items():
        found += [(content_type, example["value"]) for example in media.get("examples", {}).values()]
        for part in [media["schema"], *media["schema"].get("anyOf", [])]:
            model = schema["components"]["schemas"].get(part.get("$ref", "").rpartition("/")[2], part)
            found += [(content_type, example) for example in model.get("examples", [])]
    return found


def test_the_document_is_whole(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    assert schema["info"]["title"] == "Delete"
    assert re.fullmatch(r"\d+\.\d+\.\d+", schema["info"]["version"])
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(schema)))
    assert names == set(schema["components"]["schemas"])


def test_every_operation_is_named_and_described(schema: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in operations(schema)]
    assert len(ids) == len(set(ids))
    for operation in operations(schema):
        assert re.fullmatch("[a-z]+(_[a-z]+)*", operation["operationId"])
        assert len(operation["operationId"]) <= 30
        assert operation["summary"][0].isupper()
        assert not operation["summary"].endswith(".")
        assert len(operation["description"]) > 10, operation["path"]
        assert len(operation["tags"]) == 1


def test_every_operation_says_what_it_answers(schema: dict[str, Any]) -> None:
    for operation in operations(schema):
        good = {status: answer for status, answer in operation["responses"].items() if status < "300"}
        assert len(good) == 1, operation["path"]
        status, answer = next(iter(good.items()))
        if status == "204":
            assert "content" not in answer
        elif operation["operationId"] in NO_JSON:
            assert set(answer["content"]) == NO_JSON[operation["operationId"]]
        else:
            assert "$ref" in answer["content"]["application/json"]["schema"], operation["path"]


def test_every_good_answer_has_an_example_that_fits(schema: dict[str, Any]) -> None:
    """Of a list or page, its items have one."""
    shapes = schema["components"]["schemas"]
    for operation in operations(schema):
        for status, answer in operation["responses"].items():
            if status > "299" or "application/json" not in answer.get("content", {}):
                continue
            shape = shapes[answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]
            if "examples" not in shape:
                shape = shapes[shape["properties"]["items"]["items"]["$ref"].rpartition("/")[2]]
            assert shape["examples"], operation["operationId"]
    for model in all_shapes(BaseModel):
        for example in (model.model_config.get("json_schema_extra") or {}).get("examples", []):  # type: ignore[union-attr]
            shown = model.model_validate(example)
            if issubclass(model, Shape):
                assert shown.model_dump(mode="json") == example, "nothing but what is answered"


def all_shapes(model: type[BaseModel]) -> list[type[BaseModel]]:
    below = [one for one in model.__subclasses__() if one.__module__.startswith("api.")]
    return [*below, *(deeper for one in below for deeper in all_shapes(one))]


def test_every_error_answer_has_the_one_form_with_an_example(schema: dict[str, Any]) -> None:
    for operation in operations(schema):
        for status, answer in operation["responses"].items():
            if status < "400":
                continue
            content = answer["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}, operation["operationId"]
            assert content["examples"], operation["operationId"]
            for code, example in content["examples"].items():
                assert ERRORS[code][0] == int(status)
                assert f"`{code}`" in answer["description"]
                error = {"details": None, **example["value"]["error"]}  # the document leaves nulls out
                assert ErrorAnswer.model_validate({"error": error}).error.code == code


def test_every_operation_lists_the_errors_that_any_of_its_kind_can_give(schema: dict[str, Any]) -> None:
    for operation in operations(schema):
        name = operation["operationId"]
        listed = {
            code
            for answer in operation["responses"].values()
            for code in answer.get("content", {}).get("application/json", {}).get("examples", {})
        }
        if operation.get("parameters") or "requestBody" in operation:
            assert "validation_error" in listed, name
        if "requestBody" in operation:
            assert {"too_large", "request_timeout"} <= listed, name
        if name not in OPEN:
            assert operation["security"], name
            assert {"not_authenticated", "token_expired", "token_invalid"} <= listed, name
        if name not in OPEN | EVEN_SUSPENDED | {"log_out"}:
            assert "account_suspended" in listed, name
        if name not in UNCOUNTED:
            assert "rate_limited" in listed, name
            for status, answer in operation["responses"].items():
                assert {"RateLimit", "RateLimit-Policy"} <= set(answer["headers"]), name
                assert ("Retry-After" in answer["headers"]) == (status == "429"), name
        if operation["path"].startswith("/v1/admin/"):
            assert "forbidden" in listed, name


def test_what_creates_can_be_sent_again_under_a_name(schema: dict[str, Any]) -> None:
    for operation in operations(schema):
        headers = [one["name"] for one in operation.get("parameters", []) if one["in"] == "header"]
        creates = operation["method"] == "post" and {"201", "202"} & set(operation["responses"])
        if creates and operation["operationId"] not in NOT_NAMED:
            assert "Idempotency-Key" in headers, operation["operationId"]
        if "Idempotency-Key" in headers:
            conflicts = operation["responses"]["409"]["content"]["application/json"]["examples"]
            assert "idempotency_conflict" in conflicts, operation["operationId"]


def test_every_request_body_has_an_example_that_is_accepted(
    client: TestClient, schema: dict[str, Any], session: Session
) -> None:
    person = sign_up(client)
    session.execute(update(User).values(role=Role.ADMIN))
    for operation in operations(schema):
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {}):
            continue
        examples = body_examples(schema, operation)
        assert bool(examples) == ("requestBody" in operation), operation["operationId"]
        for content_type, example in examples:
            sent = {"json": example} if content_type == "application/json" else {"data": example}
            path = re.sub(r"{\w+}", str(uuid.uuid4()), operation["path"])
            answer = person.request(operation["method"].upper(), path, **sent)
            if answer.status_code >= 400:
                assert error_code(answer) in {
                    "invalid_credentials",
                    "not_found",
                    "not_in_match",
                    "token_invalid",
                    "validation_error",
                }
                wrong = (answer.json()["error"]["details"] or {}).get("fields", [])
                assert {problem["field"] for problem in wrong} <= {"body.ids"}, answer.text  # which nobody has


def test_the_docs_can_authorize(client: TestClient, schema: dict[str, Any]) -> None:
    flow = schema["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"]["password"]
    assert flow["tokenUrl"].removeprefix("/") == "v1/auth/token"
    for page in DOCS[1:]:
        assert "text/html" in client.get(page).headers["Content-Type"]


def test_production_serves_no_docs_unless_asked(db: Database, configured: Callable[..., None]) -> None:
    for asked, status in (({}, 404), ({"DOCS": "false"}, 404), ({"DOCS": "true"}, 200)):
        configured(**SAFE, **asked)
        with TestClient(create_app(db)) as client:
            assert {client.get(path).status_code for path in DOCS} == {status}
            assert client.get("/v1/health/live").status_code == 200


def test_every_shape_has_a_name_of_its_own(schema: dict[str, Any]) -> None:
    """Of two with the same name a generated client would carry our folders."""
    assert not [name for name in schema["components"]["schemas"] if "__" in name]
