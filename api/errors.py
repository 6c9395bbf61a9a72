"""One handler for every error: whatever goes wrong, a client gets the same form."""

from typing import Any, Final

from fastapi import FastAPI, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from obstore.exceptions import BaseError as StorageError
from psycopg import OperationalError as DriverError
from psycopg.errors import IdleInTransactionSessionTimeout
from pydantic import BaseModel
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api import measures
from shared import log
from shared.errors import ERRORS, Refusal

_OF_STATUS: Final = {
    400: "validation_error",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    415: "unsupported_media",
    422: "validation_error",
    429: "rate_limited",
    503: "service_unavailable",
}
_log = log.logger(__name__)


class ErrorBody(BaseModel):
    """What went wrong: `code` for programs, `message` for people."""

    code: str
    message: str
    details: dict[str, Any] | None
    request_id: str | None


class ErrorAnswer(BaseModel):
    """The form of every error."""

    error: ErrorBody


def answer(refusal: Refusal) -> JSONResponse:
    """The response that tells a refusal."""
    measures.refused(refusal.code)
    body = ErrorBody(
        code=refusal.code,
        message=refusal.message,
        details=dict(refusal.details) if refusal.details is not None else None,
        request_id=log.current_request_id(),
    )
    headers = dict(refusal.headers or {})
    if refusal.status == status.HTTP_401_UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, section 11.6.1: every 401 names a scheme
    return JSONResponse({"error": body.model_dump(mode="json")}, refusal.status, headers)


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for its OpenAPI description, with an example of each code."""
    responses: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        status, words = ERRORS[code]
        entry = responses.setdefault(
            status, {"model": ErrorAnswer, "description": "", "content": {"application/json": {"examples": {}}}}
        )
        entry["description"] = f"{entry['description']}, `{code}`".lstrip(", ")
        example = {"code": code, "message": words, "details": None, "request_id": "5f0c7a9be8a14d0c8f3f6f0f2c9d1b7e"}
        entry["content"]["application/json"]["examples"][code] = {"value": {"error": example}}
    return responses


def install(app: FastAPI) -> None:
    """Make the application answer every error in the standard form."""

    @app.exception_handler(Refusal)
    async def _refused(_request: Request, refusal: Refusal) -> JSONResponse:
        return answer(refusal)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        # The input is never echoed: it may hold a password.
        fields = [
            {"field": ".".join(_printable(part) for part in problem["loc"]), "message": _words(problem)}
            for problem in error.errors()
        ]
        return answer(Refusal("validation_error", details={"fields": fields}))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        code = _OF_STATUS.get(error.status_code, "internal_error")
        headers = dict(error.headers or {})
        if error.status_code == status.HTTP_405_METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_allowed(request)) or headers["Allow"]
        return answer(Refusal(code, headers=headers))

    @app.exception_handler(OperationalError)
    @app.exception_handler(InterfaceError)
    @app.exception_handler(PoolTimeout)
    @app.exception_handler(DriverError)
    async def _database_away(_request: Request, error: Exception) -> JSONResponse:
        _log.error("the database does not answer", error=str(error.__cause__ or error).strip())
        return answer(Refusal("service_unavailable", headers={"Retry-After": "2"}))

    @app.exception_handler(InternalError)
    async def _database_refused(request: Request, error: InternalError) -> JSONResponse:
        if not isinstance(error.orig, IdleInTransactionSessionTimeout):
            raise error
        return await _database_away(request, error)

    @app.exception_handler(StorageError)
    async def _storage_away(_request: Request, error: StorageError) -> JSONResponse:
        _log.error("the storage does not answer", error=str(error).partition("\n")[0])
        return answer(Refusal("service_unavailable", headers={"Retry-After": "2"}))

    @app.exception_handler(ClientDisconnect)
    async def _hung_up(_request: Request, _error: ClientDisconnect) -> JSONResponse:
        return answer(Refusal("validation_error", "The upload was not complete."))


def _allowed(request: Request) -> list[str]:
    """The methods of a path: each is a route of its own, of which the first one has refused this one."""
    path = getattr(request.scope.get("route"), "path", None)
    routes = iter_route_contexts(request.app.routes)
    return sorted({method for route in routes if route.path == path for method in route.methods or ()})


def _words(problem: dict[str, Any]) -> str:
    limits = problem.get("ctx", {})
    if isinstance(problem["input"], str):  # pydantic counts "items after validation" where text was tidied first
        if problem["type"] == "too_long":
            return f"String should have at most {limits['max_length']} characters"
        if problem["type"] == "too_short":
            least = limits["min_length"]
            return f"String should have at least {least} character{'s' if least > 1 else ''}"
    return str(problem["msg"]).removeprefix("Value error, ")


def _printable(part: object) -> str:
    return str(part).encode("utf-8", "replace").decode()
