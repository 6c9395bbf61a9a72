"""What happens around every request: its id, its log line, its size, and the answer when nobody caught an error."""

import logging
import time
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.status import HTTP_400_BAD_REQUEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import answer
from api.measures import NO_ROUTE, Requests
from shared import log, tracing
from shared.errors import Refusal
from shared.photos.rules import MAX_BYTES

JSON_LIMIT: Final = 64 * 1024
UPLOAD_LIMIT: Final = MAX_BYTES + 64 * 1024  # the file and the multipart form around it
LIMITS: Final = {"/v1/profile/photos": UPLOAD_LIMIT, "/v1/matching/contacts": 192 * 1024}  # of paths that take more
_ID: Final = b"x-request-id"
_ORIGIN: Final = b"origin"
_KEPT: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_log = log.logger(__name__)


class RequestContext:
    """Gives each request an id that is in its answer and in every log line, and measures it. The outermost."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = log.request_id(
            next((value.decode("latin-1") for name, value in scope["headers"] if name == _ID), None)
        )
        status, began, requests = 0, time.perf_counter(), self._requests
        requests.unanswered += 1
        tracing.note(**{"request.id": request_id})

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                requests.unanswered -= 1
                requests.answered(scope, status, time.perf_counter() - began)
                message["headers"] = [*message.get("headers", ()), (_ID, request_id.encode())]
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
    """Lets the pages of known sites call us; to others it says no in the form of every error."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers to who is no page need nothing of it, but for those that caches keep: they must know whom for."""
        if (
            scope["type"] == "http"
            and scope["method"] not in _KEPT
            and not any(name == _ORIGIN for name, _ in scope["headers"])
        ):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

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


class BodyLimits:
    """Refuses bodies that are too large: at once when the length is announced, else while they arrive."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._limited = {limit: RequestBodyLimitMiddleware(app, limit) for limit in (JSON_LIMIT, *LIMITS.values())}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        limit = LIMITS.get(path, JSON_LIMIT)
        announced = Headers(scope=scope).get("content-length")
        if announced is None or not announced.isdecimal():
            await self._limited[limit](scope, receive, send)
        elif int(announced) > limit:
            await answer(Refusal("too_large", details={"limit_bytes": limit}))(scope, receive, send)
        else:
            await self._app(scope, receive, send)  # the server lets nobody send more than they have announced
