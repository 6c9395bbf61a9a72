"""What a request may consist of: how large each part of it may be, and how long its body may take to come."""

import asyncio
from typing import Final

from fastapi import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.status import HTTP_408_REQUEST_TIMEOUT
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import answer
from api.patience import Patience
from shared.errors import Refusal
from shared.photos.rules import MAX_BYTES
from shared.settings import settings

ADDRESS_LIMIT: Final = 8 * 1024  # bytes of path and query
HEADERS_LIMIT: Final = 32 * 1024
JSON_LIMIT: Final = 64 * 1024  # of every route that is not named here
UPLOAD_LIMIT: Final = MAX_BYTES + 64 * 1024  # the file and the multipart form around it
UPLOADS: Final = {"POST /v1/profile/photos": UPLOAD_LIMIT}  # read as a stream, and given more time
LIMITS: Final = UPLOADS | {"PUT /v1/matching/contacts": 192 * 1024}
_LENGTH: Final = b"content-length"
_CODING: Final = b"transfer-encoding"
_DIGITS: Final = 18  # of a length; more are too many bytes in any case


class BodyLimits:
    """Refuses what is too large, at once when its length is announced, and bodies that come too slowly."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._streamed = {route: RequestBodyLimitMiddleware(app, limit) for route, limit in UPLOADS.items()}
        self._seconds, self._upload_seconds = settings().request_timeout_seconds, settings().upload_timeout_seconds
        self._patience = Patience(min(1.0, self._seconds / 4))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        size, length, coded = 0, None, scope["http_version"] >= "2"  # which needs neither of the two
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == _LENGTH:
                length = value
            elif name == _CODING:
                coded = True
        refusal = _head_refusal(scope, size)
        if refusal is not None:
            await answer(refusal)(scope, receive, send)
        elif length is None and not coded:
            await self._app(scope, receive, send)
        else:
            await self._with_body(scope, receive, send, length)

    async def _with_body(self, scope: Scope, receive: Receive, send: Send, length: bytes | None) -> None:
        route = f"{scope['method']} {scope['path'].removeprefix(scope.get('root_path', ''))}"
        limit = LIMITS.get(route, JSON_LIMIT)
        in_time = self._in_time(receive, upload=route in UPLOADS)
        if length is not None and length.isdigit():
            if len(length) > _DIGITS or int(length) > limit:
                await answer(_too_large(limit))(scope, receive, send)
            else:  # the server lets nobody send more than they have announced
                await self._app(scope, in_time, send)
        elif route in UPLOADS:
            await self._streamed[route](scope, in_time, send)
        else:
            await self._collected(scope, in_time, send, limit)

    async def _collected(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        """Read the whole of an unannounced body before anything is done: also where nothing would read it."""
        body = b""
        try:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return  # the client has left
                body += message.get("body", b"")
                if len(body) > limit:
                    await answer(_too_large(limit))(scope, receive, send)
                    return
                if not message.get("more_body", False):
                    break
        except HTTPException as error:
            await answer(Refusal("request_timeout", headers=error.headers))(scope, receive, send)
            return
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def once() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, once, send)

    def _in_time(self, receive: Receive, *, upload: bool) -> Receive:
        """`receive` for as long as a body may take in all, and an upload between two parts of it."""
        now = asyncio.get_running_loop().time
        end, ended = now() + (self._upload_seconds if upload else self._seconds), False

        async def in_time() -> Message:
            nonlocal ended
            if ended:
                return await receive()
            try:
                message = await self._patience.wait(receive, until=min(end, now() + self._seconds))
            except TimeoutError:
                raise HTTPException(HTTP_408_REQUEST_TIMEOUT, headers={"Connection": "close"}) from None
            ended = not message.get("more_body", False)
            return message

        return in_time


def _head_refusal(scope: Scope, size: int) -> Refusal | None:
    if size > HEADERS_LIMIT:
        return Refusal("too_large", "The headers are larger than allowed.", details={"limit_bytes": HEADERS_LIMIT})
    if len(scope["path"]) + len(scope["query_string"]) > ADDRESS_LIMIT:
        message = "must be shorter"
        return Refusal("validation_error", details={"fields": [{"field": "path", "message": message}]})
    return None


def _too_large(limit: int) -> Refusal:
    return Refusal("too_large", details={"limit_bytes": limit})
