"""The server program as we run it: open connections end when it stops, and nobody who never reads holds one."""

import socket
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.protocol import HttpProtocol
from shared.settings import Settings

UNREAD_SECONDS: Final = 30  # a client that takes nothing of what waits for it is cut off after so long
FRAME_BYTES: Final = 16 * 1024  # of a client: it says little more than its token


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own, but for a client that does not read: its close frame goes behind what waits for it.

    uvicorn would wait with it until the client reads.
    """

    async def send(self, message: Any) -> None:  # noqa: ANN401 - an ASGI message
        """Send one message of the application."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)


class Server(uvicorn.Server):
    """uvicorn's own, which ends the connections that stay open before it waits for requests to be finished."""

    def __init__(self, app: FastAPI, values: Settings) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                host=values.api_host,
                port=values.api_port,
                # The server's business, not the application's: so every path in a scope is whole, and redirects stay
                # below it.
                root_path=values.root_path,
                proxy_headers=True,
                forwarded_allow_ips=values.forwarded_allow_ips,
                log_config=None,
                access_log=False,  # the middleware's line says more
                server_header=False,
                timeout_keep_alive=values.keep_alive_seconds,
                timeout_graceful_shutdown=30,
                http=HttpProtocol,
                ws=WebSocketProtocol,
                ws_max_size=FRAME_BYTES,
                ws_ping_interval=20,
                ws_ping_timeout=20,
                ws_per_message_deflate=False,  # it would take tens of kilobytes for each connection
            )
        )

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until SIGTERM."""
        listening = sockets or [self.config.bind_socket()]
        for one in listening:
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; what is accepted inherits it
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
        super().run(listening)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        await self._app.state.hub.close()
        await super().shutdown(sockets)
