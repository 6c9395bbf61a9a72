"""Where the console hangs in the API. The first request to it builds it: a process that nobody asks pays nothing."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from anyio import to_thread
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from shared.storage import storage

if TYPE_CHECKING:
    from starlette.applications import Starlette

PATH: Final = "/admin"
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "same-origin",  # with none at all, browsers would hide where a form comes from
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def mount(app: FastAPI) -> None:
    """Serve the console below PATH, outside of the OpenAPI document."""
    app.mount(PATH, Console(app), name="admin")


class Console:
    """The console as an ASGI application."""

    def __init__(self, api: FastAPI) -> None:
        self._api = api
        self._built: Starlette | None = None
        self._building = asyncio.Lock()

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """What links to pages are made from."""
        return self._built.routes if self._built is not None else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if self._built is None:
            async with self._building:
                if self._built is None:
                    self._built = await to_thread.run_sync(self._build)

        is_static = scope["path"].startswith(f"{scope['root_path']}/static/")
        of_answer = {
            **_HEADERS,
            "Content-Security-Policy": content_security_policy(),
            "Cache-Control": "max-age=3600" if is_static else "no-store",
        }

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(of_answer)
            await send(message)

        await self._built(scope, receive, send_with_headers)

    def _build(self) -> "Starlette":
        from api.console.site import build  # noqa: PLC0415 - 10 MB that only a process with visitors needs

        return build(self._api)


def content_security_policy() -> str:
    """Nothing inline, and nothing from elsewhere but the pictures of a bucket."""
    pictures = "" if storage().is_local else f" {_origin(storage().url('any'))}"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:{pictures}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])
