"""HTTP as the server program speaks it, with limits on what no application sees: heads of requests, and silence."""

import asyncio
from typing import Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.bodies import HEADERS_LIMIT
from api.errors import answer
from shared import log
from shared.errors import Refusal
from shared.settings import settings

HEAD_LIMIT: Final = 2 * HEADERS_LIMIT  # bytes of a head that is not at its end; a whole one is judged by BodyLimits
BAD_REQUEST: Final = 400


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's own, but for clients that send a head slowly or without end, or go on sending what nobody reads.

    Whatever comes while nothing is being answered must be a whole head soon, or the connection is closed.
    """

    _in_head = _upgraded = _ended = False
    _head = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the parent's
        """Somebody connects."""
        super().connection_made(transport)
        self._hurry()

    def connection_lost(self, exc: Exception | None) -> None:
        """Somebody is gone."""
        self._at_ease()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._ended = False
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > HEAD_LIMIT:
                self._refuse(
                    Refusal("too_large", "The headers are larger than allowed.", details={"limit_bytes": HEADERS_LIMIT})
                )
            else:
                self._hurry()
        elif not self._upgraded and not self._ended and not self._is_answering():
            self._hurry()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head, self._head = True, 0

    def on_headers_complete(self) -> None:
        """A head has ended."""
        self._in_head = False
        self._at_ease()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A body has ended; when it was answered before that, uvicorn has forgotten how long it may stay idle."""
        super().on_message_complete()
        self._ended = True
        if not self._is_answering():
            self._at_ease()
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def handle_websocket_upgrade(self) -> None:
        """The connection goes on as a WebSocket."""
        self._upgraded = True
        self._at_ease()
        self._unset_keepalive_if_required()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """What came is not HTTP."""
        self._refuse(Refusal("validation_error", msg), status=BAD_REQUEST)

    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # none before the first request
        return cycle is not None and not cycle.response_complete

    def _hurry(self) -> None:
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(settings().request_timeout_seconds, self._too_late)

    def _at_ease(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self._in_head:
            self._refuse(Refusal("request_timeout"))
        else:
            self.transport.close()

    def _refuse(self, refusal: Refusal, *, status: int | None = None) -> None:
        """Answer in the form of every error and close, unless that would be in the middle of another answer."""
        if self.transport.is_closing():
            return
        if not self._is_answering():
            request_id = log.request_id(None)
            with log.context(request_id=request_id):
                response = answer(refusal)
            fields = [*response.raw_headers, (b"x-request-id", request_id.encode()), (b"connection", b"close")]
            head = b"".join(b"%b: %b\r\n" % field for field in fields)
            self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status or refusal.status], head, bytes(response.body)))
        self.transport.close()
