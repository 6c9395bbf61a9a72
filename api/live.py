"""Live events for clients that stay connected: over a WebSocket, or as server-sent events."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request, Response, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.websockets import WebSocketDisconnect

from api.accounts import SIGNED_IN
from api.dependencies import Me, SignedIn
from api.errors import documented
from api.listener import NO_LONGER_SIGNED_IN, Frame, Listener
from api.listening import Hub
from api.rates import address
from api.tallies import Tallies
from shared import log
from shared.accounts.models import Role, User
from shared.accounts.tokens import Claims, KeyRing
from shared.errors import Refusal

_log = log.logger(__name__)
router = APIRouter(prefix="/v1", tags=["live events"])

TO_SIGN_IN: Final = 10.0  # seconds until the first frame must have come
NOT_UNDERSTOOD: Final = 4400
TRY_LATER: Final = 1013
BEARER: Final = "bearer"
KEEP_ALIVE: Final = 15.0  # seconds between two signs of life to a client that only reads
FRAMES: Final = 60  # of a client within a minute: it renews its token now and then, and may ping
MINUTE: Final = 60.0
GONE: Final = (WebSocketDisconnect, RuntimeError)  # the library's ways to say that the client has left
COME_BACK: Final = 2000  # milliseconds after which such a client connects again


class Opening(BaseModel):
    """The first frame of a client: its token, and the last event that it has, if it wants to know what it missed."""

    type: str
    token: str = ""
    since: str | None = None


async def live(websocket: WebSocket) -> None:
    """Everything that happens to somebody, as it happens. See docs/live-events.md."""
    opening = await _opened(websocket)
    if opening is None:
        return
    claims = await _signed_in(websocket, opening.token)
    if claims is None or not await _may_connect(websocket, "connections", claims.user_id):
        return
    hub: Hub = websocket.app.state.hub
    listening = hub.listening(claims, since=opening.since, asks="since" in opening.model_fields_set)
    del opening  # it would be kept as long as the connection
    async with listening as listener:
        tasks = [asyncio.create_task(work) for work in (_send(websocket, listener), _receive(websocket, listener))]
        await listener.ended.wait()
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception) and not isinstance(outcome, GONE):
                _log.error("a connection failed", error=repr(outcome))
    if listener.code is not None:
        await _close(websocket, listener.code, listener.reason)


# Starlette's kind of route: FastAPI's would hold 4 kB for every open connection, to solve dependencies that it has not.
router.add_websocket_route("/v1/ws", live)


async def _opened(websocket: WebSocket) -> Opening | None:
    """What the client begins with: a pair of subprotocols (all that a browser can set), or a first frame."""
    offered = websocket.scope["subprotocols"]
    by_protocol = offered[:1] == [BEARER]
    await websocket.accept(subprotocol=BEARER if by_protocol else None)
    if not await _may_connect(websocket, "connections_address", address(websocket)):
        return None
    if by_protocol:
        token = offered[1] if len(offered) > 1 else ""
        asked = {"since": websocket.query_params["since"]} if "since" in websocket.query_params else {}
        return Opening.model_validate({"type": "auth", "token": token, **asked})
    try:
        opening = Opening.model_validate_json(await asyncio.wait_for(websocket.receive_text(), TO_SIGN_IN))
    except WebSocketDisconnect:
        return None
    except (TimeoutError, ValidationError, KeyError):  # KeyError: bytes came
        opening = None
    if opening is None or opening.type != "auth":
        await _close(websocket, NO_LONGER_SIGNED_IN, "not_authenticated")
        return None
    return opening


async def _may_connect(websocket: WebSocket, rate: str, key: uuid.UUID | str) -> bool:
    """Count a connection; False when it had to be closed, which a browser sees only of one that was accepted."""
    tallies: Tallies = websocket.app.state.tallies
    try:
        await tallies.count(rate, key)
    except Refusal as refusal:
        await _close(websocket, TRY_LATER, refusal.code)
        return False
    return True


async def _signed_in(websocket: WebSocket, token: str) -> Claims | None:
    """Whose token this is; None when the connection had to be closed for it."""
    keys: KeyRing = websocket.app.state.keys
    try:
        claims = keys.read(token, "access")
        await SignedIn(websocket.app.state.database, claims, Role.USER).run(_nothing)
    except Refusal as refusal:
        await _close(websocket, NO_LONGER_SIGNED_IN, refusal.code)
    except SQLAlchemyError:
        await _close(websocket, TRY_LATER, "service_unavailable")
    else:
        return claims
    return None


async def _send(websocket: WebSocket, listener: Listener) -> None:
    try:
        while (frame := await listener.next()) is not None:
            await websocket.send_text(frame.text)
    finally:  # whatever it was, a connection that is not written to must not stay
        listener.end()


async def _receive(websocket: WebSocket, listener: Listener) -> None:
    """A new token in time keeps the connection open. A browser cannot ping by itself, so a frame of that type does."""
    until, frames = 0.0, 0
    try:
        while True:
            said = Opening.model_validate_json(await websocket.receive_text())
            if time.monotonic() > until:
                until, frames = time.monotonic() + MINUTE, 0
            frames += 1
            if frames > FRAMES:
                listener.end(TRY_LATER, "rate_limited")
                return
            if said.type == "ping":
                await websocket.send_text('{"type": "pong"}')
            elif said.type == "auth":
                claims = await _signed_in(websocket, said.token)
                if claims is None or claims.user_id != listener.claims.user_id:
                    listener.end(NO_LONGER_SIGNED_IN, "token_invalid")
                    return
                listener.renew(claims)
    except (ValidationError, KeyError):
        listener.end(NOT_UNDERSTOOD, "not understood")
    finally:
        listener.end()


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    with suppress(*GONE):  # it has been closed already
        await websocket.close(code, reason)


class EventStream(StreamingResponse):
    """Server-sent events until the listener has ended, also when its client does not read."""

    def __init__(self, hub: Hub, claims: Claims, since: str | None, *, asks: bool) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # no proxy is to keep them back
        super().__init__(self._frames(), media_type="text/event-stream", headers=headers)
        self._hub, self._claims, self._since, self._asks = hub, claims, since, asks

    async def _frames(self) -> AsyncIterator[str]:
        async with self._hub.listening(self._claims, since=self._since, asks=self._asks) as listener:
            yield f"retry: {COME_BACK}\n\n"
            while not listener.ended.is_set():
                try:
                    frame = await asyncio.wait_for(listener.next(), KEEP_ALIVE)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if frame is not None:
                    yield _server_sent(frame)


@router.get(
    "/events",
    operation_id="stream_events",
    summary="Live events as a stream",
    response_class=Response,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "Events, as they happen"},
        **documented(*SIGNED_IN, "validation_error"),
    },
)
async def stream_events(
    request: Request,
    me: Me,
    since: Annotated[str | None, Query(max_length=100, description="The last event that you have")] = None,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> EventStream:
    """The same events as over the WebSocket, for clients that prefer server-sent events.

    After a break, `Last-Event-ID` (which browsers send by themselves) or `since` brings what was missed in the last
    minutes, and then a `ready` event.
    """
    await me.run(_nothing)
    last = last_event_id or since
    return EventStream(request.app.state.hub, me.claims, last, asks=last is not None)


def _server_sent(frame: Frame) -> str:
    named = f"id: {frame.id}\n" if frame.id else ""
    return f"event: {frame.type}\n{named}data: {frame.text}\n\n"


def _nothing(_session: Session, _user: User) -> None:
    """That they are signed in is checked for everybody."""
