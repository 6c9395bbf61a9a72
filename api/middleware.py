"""What happens around every request: its id, its log line, and the answer when nobody caught an error."""

import logging
import time
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.status import HTTP_400_BAD_REQUEST, HTTP_429_TOO_MANY_REQUESTS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import standing
from api.errors import answer
from api.headers import completed
from api.measures import NO_ROUTE, Requests
from shared import log, tracing
from shared.errors import Refusal

_ID: Final = b"x-request-id"
_RATE: Final = b"ratelimit"
_ORIGIN: Final = b"origin"
_KEPT: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CONSOLE: Final = "/admin"
_log = log.logger(__name__)


class RequestContext:
    """Gives each request an id that is in its answer and in every log line, and each answer its headers; measures it.

    The outermost. `strict_transport` tells browsers that came over https to come in no other way from now on.
    """

    def __init__(self, app: ASGIApp, *, requests: Requests, strict_transport: bool) -> None:
        self._app = app
        self._requests = requests
        self._strict_transport = strict_transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = log.request_id(
            next((value.decode("latin-1") for name, value in scope["headers"] if name == _ID), None)
        )
        status, began, counted = 0, time.perf_counter(), standing.begin()
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        strict = self._strict_transport and scope["scheme"] == "https"
        requests = self._requests
        requests.unanswered += 1
        tracing.note(**{"request.id": request_id})

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                requests.unanswered -= 1
                requests.answered(scope, status, time.perf_counter() - began)
                headers = completed(message.get("headers", ()), path=path, strict_transport=strict)
                message["headers"] = [*headers, (_ID, request_id.encode())]
                if status != HTTP_429_TOO_MANY_REQUESTS or not any(name == _RATE for name, _ in headers):
                    message["headers"] += counted.fields()  # unless it tells of the rate that refuses
            await send(message)

        with log.context(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                if not status:
                    requests.unanswered -= 1
                    requests.answered(scope, status, time.perf_counter() - began)
                if logging.getLogger(__name__).isEnabledFor(logging.INFO):  # making a line that nobody gets takes time
                    took = round((time.perf_counter() - began) * 1000, 1)
                    _log.info("request", method=scope["method"], path=scope["path"], status=status, ms=took)


class Cors(CORSMiddleware):
    """Lets the pages of known sites call us; to others it says no in the form of every error.

    Not what lies under /admin: a page of an app must not read the console with the cookies of an operator.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers to who is no page need nothing of it, but for those that caches keep: they must know whom for."""
        if scope["type"] != "http" or self._concerns(scope):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    @staticmethod
    def _concerns(scope: Scope) -> bool:
        if scope["path"].startswith(_CONSOLE, len(scope.get("root_path", ""))):
            return False
        return scope["method"] in _KEPT or any(name == _ORIGIN for name, _ in scope["headers"])

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a browser that asks whether a page may send its request."""
        response = super().preflight_response(request_headers)
        if response.status_code < HTTP_400_BAD_REQUEST:
            return response
        return answer(Refusal("forbidden", "This site may not call the API."))


class UnexpectedErrors:
    """Turns stray exceptions into a 500 that tells nothing. Inside of Cors, so that a page can read even that.

    Those of WebSockets the server logs and closes itself.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            _log.exception("unexpected error", path=scope.get("path"), route=route)
            if started:
                raise
            await answer(Refusal("internal_error"))(scope, receive, send)
