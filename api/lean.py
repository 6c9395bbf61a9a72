"""Routes that are asked for most: the same as any other to a client, at about half of the cost.

FastAPI resolves dependencies, validates, copies and serialises step by step, whatever a route needs. A lean route has
one form, `async def route(request, me: Me, body: SomeBody) -> SomeShape`, so each step is one call. It is described as
any other; the body is read as JSON whatever its content type says. See docs/decisions/0012-lean-path.md.
"""

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security.utils import get_authorization_scheme_param
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from api.dependencies import signed_in
from shared.accounts.models import Role


class LeanRoute(APIRoute):
    """A route of that form: `APIRouter(route_class=LeanRoute)`."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what is raised is answered by the application's handlers, as everywhere."""
        if self.methods and scope["method"] not in self.methods:
            await super().handle(scope, receive, send)  # which says so
            return
        request = Request(scope, receive, send)
        scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
        me = signed_in(request, token if scheme.lower() == "bearer" else None, Role.USER)
        body = _read(self.endpoint.__annotations__["body"], await request.body())
        answer: BaseModel = await self.endpoint(request=request, me=me, body=body)
        response = Response(answer.model_dump_json(), self.status_code or 200, media_type="application/json")
        await response(scope, receive, send)


def _read(body_type: type[BaseModel], content: bytes) -> BaseModel:
    try:
        return body_type.model_validate_json(content)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors(include_url=False)]
        raise RequestValidationError(problems) from None
