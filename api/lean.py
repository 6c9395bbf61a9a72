"""Routes that are asked for most: the same as any other to a client, at about half of the cost.

FastAPI resolves dependencies, validates, copies and serialises step by step, whatever a route needs. A lean route has
one of two forms, so each step is one call:

    async def route(request, me: Me, body: SomeBody) -> SomeShape
    async def route(request, me: Me, query: Annotated[SomeQuery, Query()]) -> Response

with its path's UUIDs beside these, `request` left out where it is not needed, and `me: Creating` for what can be sent
again under an `Idempotency-Key`. It is described as any other; a body is read as JSON whatever its content type says.
See docs/decisions/0012-lean-path.md.
"""

import uuid
from typing import Any, Final, get_args

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security.utils import get_authorization_scheme_param
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.types import Receive, Scope, Send

from api.creating import HEADER, KEY, Creating, Creator
from api.dependencies import signed_in
from shared.accounts.models import Role

_KEY: Final = HEADER.lower().encode()
_MEDIA_TYPE: Final = "application/json"
_UUID: Final = TypeAdapter(uuid.UUID)


class LeanRoute(APIRoute):
    """A route of one of those forms: `APIRouter(route_class=LeanRoute)`."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what is raised is answered by the application's handlers, as everywhere."""
        if self.methods and scope["method"] not in self.methods:
            await super().handle(scope, receive, send)  # which says so
            return
        request = Request(scope, receive, send)
        scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
        me = await signed_in(request, token if scheme.lower() == "bearer" else None, Role.USER)
        asked = self.endpoint.__annotations__
        if asked["me"] is Creating:
            me = Creator(me, request, None, _name(scope))
        given: dict[str, object] = {name: _id(name, text) for name, text in request.path_params.items()}
        if "request" in asked:
            given["request"] = request
        if "body" in asked:
            given["body"] = _read(asked["body"], await request.body())
        else:
            given["query"] = _query(get_args(asked["query"])[0], request)
        answer: BaseModel | Response = await self.endpoint(me=me, **given)
        if not isinstance(answer, Response):
            answer = Response(answer.model_dump_json(), self.status_code or 200, media_type=_MEDIA_TYPE)
        await answer(scope, receive, send)


def _name(scope: Scope) -> str | None:
    named: bytes | None = next((value for field, value in scope["headers"] if field == _KEY), None)
    if named is None:
        return None
    try:
        return KEY.validate_python(named.decode("latin-1"))
    except ValidationError as error:
        raise _invalid("header", HEADER, error=error) from None


def _id(name: str, text: str) -> uuid.UUID:
    try:
        return _UUID.validate_strings(text)
    except ValidationError as error:
        raise _invalid("path", name, error=error) from None


def _read(body_type: type[BaseModel], content: bytes) -> BaseModel:
    try:
        return body_type.model_validate_json(content)
    except ValidationError as error:
        raise _invalid("body", error=error) from None


def _query(query_type: type[BaseModel], request: Request) -> BaseModel:
    try:
        return query_type.model_validate(dict[str, Any](request.query_params))
    except ValidationError as error:
        raise _invalid("query", error=error) from None


def _invalid(*where: str, error: ValidationError) -> RequestValidationError:
    problems = [{**problem, "loc": (*where, *problem["loc"])} for problem in error.errors(include_url=False)]
    return RequestValidationError(problems)
