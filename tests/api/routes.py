"""Every route of the application, as it is: what its path and body name, and who may call it."""

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from shared.accounts.models import Role

RANKS = list(Role)


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    name: str
    method: str
    path: str
    least: Role | None
    """Whom it is for: this role, or one with more in it; None for everybody."""
    body: Any
    """The example of the document; None where there is none."""
    ids: frozenset[str]
    """What is named in the path, and each UUID of the body."""

    def address(self, values: dict[str, Any]) -> str:
        """The path with these values in it."""
        return re.sub(r"{(\w+)(:\w+)?}", lambda found: str(values[found[1]]), self.path)

    @property
    def in_path(self) -> list[str]:
        """What is named in the path."""
        return re.findall(r"{(\w+)", self.path)


def routes(app: FastAPI) -> list[Route]:
    """All but WebSockets and mounted applications, which have no methods."""
    return list(_routes(app))


def _routes(app: FastAPI) -> Iterator[Route]:
    document = app.openapi()
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        path, methods = context.path, context.methods
        if path is None or not methods:
            continue
        described: dict[str, Any] = document["paths"].get(re.sub(r":\w+}", "}", path), {})
        for method in sorted(methods - {"HEAD"}):
            operation = described.get(method.lower(), {})
            content = operation.get("requestBody", {}).get("content", {})
            whole = _resolved(next((media["schema"] for media in content.values()), {}), document)
            yield Route(
                name=operation.get("operationId") or str(context.name),
                method=method,
                path=path,
                least=_least(route.dependant) if isinstance(route, APIRoute) else None,
                body=next(iter(whole.get("examples", [])), None),
                ids=frozenset({*re.findall(r"{(\w+)", path), *_uuids(whole, document)}),
            )


def _least(dependant: Dependant) -> Role | None:
    found = [
        role
        for dependency in dependant.dependencies
        for role in (
            inspect.getclosurevars(dependency.call).nonlocals.get("least")
            if inspect.isfunction(dependency.call)
            else None,
            _least(dependency),
        )
        if isinstance(role, Role)
    ]
    return max(found, key=RANKS.index, default=None)


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """A schema that may stand elsewhere, or be left out, as it stands there."""
    for part in schema.get("anyOf", []):
        if part.get("type") != "null":
            return _resolved(part, document)
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _uuids(body: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    for name, schema in body.get("properties", {}).items():
        if '"format": "uuid"' in _text(schema, document):
            yield name


def _text(schema: dict[str, Any], document: dict[str, Any]) -> str:
    """A schema written out, with all that it points to."""
    text = json.dumps(schema)
    for name in re.findall(r'"#/components/schemas/(\w+)"', text):
        text += _text(document["components"]["schemas"][name], document)
    return text
