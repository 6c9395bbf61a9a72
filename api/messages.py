"""Routes of messages: hot, so one statement each and no thread, but for noting what has been read."""

import re
import uuid
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response, status
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.orm import Session

from api.accounts import SIGNED_IN
from api.creating import Creating, Creator, itself
from api.dependencies import Me, SignedIn
from api.errors import documented
from api.lean import LeanRoute
from api.shapes import Body, Limit, Line, Shape, Visible, with_example
from shared import clock, events
from shared.accounts.models import User
from shared.database import one
from shared.errors import Refusal
from shared.lean import Row
from shared.messaging import messages
from shared.messaging.messages import Draft
from shared.messaging.rules import CLIENT_ID_LENGTH, MESSAGE_LENGTH
from shared.messaging.statements import NEWER, OLDER, SEND

lean = APIRouter(prefix="/v1/matching/matches", tags=["messages"], route_class=LeanRoute)
router = APIRouter(prefix="/v1/matching/matches", tags=["messages"])

LAST: Final = 2**31 - 1  # above every number of a message
_CURSOR: Final = re.compile(r"(older|newer)\.(0|[1-9][0-9]{0,8})", re.ASCII)  # than the message of this number

MESSAGE_EXAMPLE: Final[dict[str, Any]] = {
    "id": "5bb7a7f6-40a3-4b3b-8f0e-1d5d3a4c2b19",
    "client_id": "a9ff2b1c-6d7e-4f7b-9a53-0f6f5c7be6a1",
    "number": 12,
    "sender_id": "c81451ea-7cc4-405f-b696-522ddb820b9b",
    "text": "Then bring the bread, and an appetite.",
    "created_at": "2026-11-24T18:52:40.120000Z",
    "read_at": None,
}


class MessageShape(Shape):
    """One message. Those of a match are numbered from 1 on without a gap: that is their order.

    `client_id` is what its sender has called it; `read_at` is when the other has read it.
    """

    model_config = with_example(MESSAGE_EXAMPLE)

    id: uuid.UUID
    client_id: str | None
    number: int
    sender_id: uuid.UUID
    text: str
    created_at: datetime
    read_at: datetime | None


class MessagePage(Shape):
    """Messages, the newest first. `next_cursor` asks for older ones; `previous_cursor` for those that are newer."""

    model_config = with_example({"items": [MESSAGE_EXAMPLE], "next_cursor": "older.12", "previous_cursor": "newer.12"})

    items: list[MessageShape]
    next_cursor: str | None
    previous_cursor: str


class MessagesQuery(BaseModel):
    """Which page."""

    limit: Limit = 30
    cursor: str | None = Field(
        None, max_length=200, description="`next_cursor` or `previous_cursor` of another page; left out: the newest"
    )


class NewMessage(Body):
    """What you say. With a `client_id` of your own, sending it again changes nothing."""

    model_config = with_example({key: MESSAGE_EXAMPLE[key] for key in ("text", "client_id")})

    text: Annotated[Visible, StringConstraints(min_length=1, max_length=MESSAGE_LENGTH)]
    client_id: Annotated[Line, StringConstraints(min_length=1, max_length=CLIENT_ID_LENGTH)] | None = None


class ReadUpTo(Body):
    """The last message that you have read; left out: all that there are."""

    model_config = with_example({"message_id": MESSAGE_EXAMPLE["id"]})

    message_id: uuid.UUID | None = None


class ReadShape(Shape):
    """Up to which number you have read, and how many messages you have not."""

    model_config = with_example({"match_id": "d3b5a1f0-5a5e-4f0e-9a40-6f6f8f0b7c55", "number": 12, "unread": 0})

    match_id: uuid.UUID
    number: int
    unread: int


@lean.get(
    "/{match_id}/messages",
    operation_id="list_messages",
    summary="What you two have written",
    response_model=MessagePage,
    responses=documented(*SIGNED_IN, "not_in_match", "validation_error", "service_unavailable"),
)
async def list_messages(me: Me, match_id: uuid.UUID, query: Annotated[MessagesQuery, Query()]) -> Response:
    """The newest first; also of a match that has ended, unless a block ended it.

    With `previous_cursor` you get the messages that came after those you have, a page at a time.
    """
    now, (newer, number) = clock.now(), _place(query.cursor)
    asked = messages.page_of(me.claims, match_id, number=number, limit=query.limit, now=now)
    page = messages.page(await me.db.one(NEWER if newer else OLDER, asked))
    await me.was_here(page.last_active_at, now)
    following = b'"older.%d"' % page.first if page.first is not None and page.first > 1 else b"null"
    latest = page.last if page.last is not None else number if newer else 0
    body = b'{"items":%b,"next_cursor":%b,"previous_cursor":"newer.%d"}' % (page.messages, following, latest)
    return Response(body, media_type="application/json")


@lean.post(
    "/{match_id}/messages",
    operation_id="send_message",
    summary="Write to your match",
    status_code=status.HTTP_201_CREATED,
    responses=documented(
        *SIGNED_IN, "not_in_match", "match_closed", "idempotency_conflict", "validation_error", "service_unavailable"
    ),
)
async def send_message(me: Creating, match_id: uuid.UUID, body: NewMessage) -> MessageShape:
    """An archived match comes back to life by it. Sent again with the same `client_id`, it is the same message."""
    wanted, now = Draft(match_id, body.text, body.client_id), clock.now()
    if me.is_named:
        return await _send_once(me, wanted, now)
    sent = messages.sent(await _send(me, wanted, now), wanted, me.claims.user_id)
    shown = MessageShape.model_validate(sent)
    me.db.send(messages.news(sent, shown.model_dump(mode="json")))
    await me.was_here(sent.last_active_at, now)
    return shown


@router.post(
    "/{match_id}/read",
    operation_id="mark_read",
    summary="Say how far you have read",
    responses=documented(*SIGNED_IN, "not_in_match", "not_found", "validation_error"),
)
async def mark_read(me: Me, match_id: uuid.UUID, body: ReadUpTo | None = None) -> ReadShape:
    """The other sees it at their messages. Marking what is read already changes nothing."""
    up_to = body.message_id if body is not None else None
    return ReadShape.model_validate(await me.run(messages.mark_read, match_id=match_id, up_to=up_to, now=clock.now()))


async def _send(me: SignedIn, wanted: Draft, now: datetime) -> Row | None:
    asked = messages.draft(me.claims, wanted, now=now)
    for _ in range(messages.TRIES):
        try:
            row = await me.db.one(SEND, asked)
        except messages.LOST_RACE:
            continue
        if row is not None:
            return row
        await me.run(_nothing)  # this session has ended, or just begun
    raise Refusal("service_unavailable", headers={"Retry-After": "1"})


async def _send_once(me: Creator, wanted: Draft, now: datetime) -> MessageShape:
    """The same statement in an ordinary transaction, which can keep its answer."""
    asked = messages.draft(me.claims, wanted, now=now)

    def do(session: Session, user: User) -> MessageShape:
        sent = messages.sent(one(session, SEND, asked), wanted, user.id)
        shown = MessageShape.model_validate(sent)
        events.keep(session, messages.news(sent, shown.model_dump(mode="json")))
        return shown

    for _ in range(messages.TRIES):
        try:
            return await me.create(itself, None, do)
        except messages.LOST_RACE:
            continue
    raise Refusal("service_unavailable", headers={"Retry-After": "1"})


def _nothing(_session: Session, _user: User) -> None:
    """That they are signed in is checked for everybody."""


def _place(cursor: str | None) -> tuple[bool, int]:
    """(whether newer messages are wanted, than the one of which number)."""
    if cursor is None:
        return False, LAST
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        message = "Leave it out to begin with the newest."
        raise Refusal("validation_error", details={"fields": [{"field": "query.cursor", "message": message}]})
    return parts[1] == "newer", int(parts[2])
