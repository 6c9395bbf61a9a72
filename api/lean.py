"""Routes that are asked for most: the same as any other to a client, at about half of the cost.

FastAPI resolves dependencies, validates, copies and serialises step by step, whatever a route needs. A lean route has
one form, `async def route(request, me: Me, body: SomeBody) -> SomeShape`, so each step is one call. It is described as
any other; the body is read as JSON whatever its content type says. See docs/decisions/0012-lean-path.md.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security.utils import get_authorization_scheme_param
from pydantic import BaseModel, ValidationError

from api.dependencies import signed_in
from shared.accounts.models import Role


class LeanRoute(APIRoute):
    """A route of that form: `APIRouter(route_class=LeanRoute)`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What FastAPI calls for each request."""
        endpoint: Callable[..., Coroutine[Any, Any, BaseModel]] = self.endpoint
        body_type: type[BaseModel] = endpoint.__annotations__["body"]
        status = self.status_code or 200

        async def handle(request: Request) -> Response:
            scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
            me = signed_in(request, token if scheme.lower() == "bearer" else None, Role.USER)
            answer = await endpoint(request=request, me=me, body=_read(body_type, await request.body()))
            return Response(answer.model_dump_json(), status, media_type="application/json")

        return handle


def _read(body_type: type[BaseModel], content: bytes) -> BaseModel:
    try:
        return body_type.model_validate_json(content)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors(include_url=False)]
        raise RequestValidationError(problems) from None
