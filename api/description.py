"""What whole kinds of routes have in common, added to the OpenAPI document at one place."""

from collections.abc import Iterator
from typing import Any, Final

from api.creating import HEADER
from api.errors import documented

Described = dict[str, Any]

_ERROR: Final = {"$ref": "#/components/schemas/ErrorAnswer"}
_HEADERS: Final = {
    "RateLimit": (
        "The rate with the fewest tries left: its name, tries left (`r`) and seconds until it begins anew (`t`)",
        '"default";r=287;t=41',
    ),
    "RateLimit-Policy": ("That rate: tries (`q`) in so many seconds (`w`)", '"default";q=300;w=60'),
    "Retry-After": ("Seconds to wait", "12"),
}


def complete(document: Described) -> None:
    """Say of each operation what follows from its kind: errors that every such has, and headers of its answers."""
    document["components"]["headers"] = {
        name: {"description": words, "schema": {"type": "string"}, "example": example}
        for name, (words, example) in _HEADERS.items()
    }
    for operation in _operations(document):
        if any(parameter["name"] == HEADER for parameter in operation.get("parameters", ())):
            _add_errors(operation, "validation_error", "idempotency_conflict")
        if "requestBody" in operation:
            _add_errors(operation, "too_large", "request_timeout")
        if operation.get("security"):
            _add_errors(operation, "rate_limited")
        if "429" in operation["responses"]:
            _add_headers(operation["responses"])


def _operations(document: Described) -> Iterator[Described]:
    for methods in document["paths"].values():
        yield from methods.values()


def _add_errors(operation: Described, *codes: str) -> None:
    for code in codes:
        ((status, entry),) = documented(code).items()
        answers: Described = operation["responses"]
        there = answers.setdefault(
            str(status), {"description": "", "content": {"application/json": {"schema": _ERROR, "examples": {}}}}
        )
        examples = there["content"]["application/json"]["examples"]
        if code not in examples:
            there["description"] = f"{there['description']}, `{code}`".lstrip(", ")
            examples |= entry["content"]["application/json"]["examples"]


def _add_headers(answers: Described) -> None:
    for status, answer in answers.items():
        names = _HEADERS if status == "429" else ("RateLimit", "RateLimit-Policy")
        answer.setdefault("headers", {}).update({name: {"$ref": f"#/components/headers/{name}"} for name in names})
