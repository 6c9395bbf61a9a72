"""Routes of notifications: what people are told, and which of it is mailed to them."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field, StrictBool

from api.accounts import SIGNED_IN
from api.dependencies import Db, Me, RateLimits
from api.errors import documented
from api.feeds import Cursor, Feed, feed, place
from api.rates import Rates, address
from api.shapes import Body, Limit, Shape, Storable, with_example
from shared import clock
from shared.errors import Refusal
from shared.notifications import service, unsubscribing
from shared.notifications.models import Notification
from shared.notifications.rules import Mailed
from shared.settings import settings

router = APIRouter(prefix="/v1/notifications", tags=["notifications"])

_ID: Final = "0b9f9f0e-53a5-4d55-8b1f-8b3d3f6d1a11"
_SWITCHES: Final = {"mail": {"match.created": True, "message.created": False}}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Mails from Delete</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 12vh auto; padding: 0 1.5rem; }}
button {{ font: inherit; font-weight: 600; color: #fff; background: #b3352b; border: 0; border-radius: .6rem;
  padding: .8rem 1.5rem; cursor: pointer; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{words}</p>
{button}
</body>
</html>
"""
_WHAT: Final = {Mailed.MATCH: "about new matches", Mailed.MESSAGE: "about messages that wait for you"}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
}

UnsubscribeToken = Annotated[Storable, Query(max_length=200, description="From the link in a mail")]


class NotificationShape(Shape):
    """One thing that you were told. `kind` is the type of an event, `data` what that event carries."""

    model_config = with_example(
        {
            "id": _ID,
            "kind": "match.created",
            "data": {"match_id": "d3b5a1f0-5a5e-4f0e-9a40-6f6f8f0b7c55"},
            "created_at": "2026-11-24T18:49:12Z",
            "read_at": None,
        }
    )

    id: uuid.UUID
    kind: str
    data: dict[str, Any]
    created_at: datetime
    read_at: datetime | None


class NotificationFeed(Feed[NotificationShape]):
    """A page of them, and how many are unread altogether."""

    unread: int


class ToRead(Body):
    """Which ones you have read; left out or null: all so far."""

    model_config = with_example({"ids": [_ID]})

    ids: list[uuid.UUID] | None = Field(None, max_length=100)


class Unread(Shape):
    """How many are left."""

    model_config = with_example({"unread": 0})

    unread: int


class NewSwitches(Body):
    """Whether each kind is mailed to you; those left out are."""

    model_config = with_example(_SWITCHES)

    mail: dict[Mailed, StrictBool]


class Switches(Shape):
    """Whether each kind is mailed to you when you are away. Mails about your account cannot be switched off."""

    model_config = with_example(_SWITCHES)

    mail: dict[Mailed, bool]


@router.get(
    "",
    operation_id="list_notifications",
    summary="What you were told",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def list_notifications(me: Me, limit: Annotated[Limit, Query()] = 30, cursor: Cursor = None) -> NotificationFeed:
    """The newest first."""
    told = await me.run(service.told, after=place(cursor), limit=limit + 1)
    page = feed(told.rows, NotificationShape.model_validate, _place_of, limit=limit)
    return NotificationFeed(items=page.items, next_cursor=page.next_cursor, unread=told.unread)


@router.post(
    "/read",
    operation_id="read_notifications",
    summary="Mark notifications as read",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def read_notifications(me: Me, body: ToRead) -> Unread:
    """Some of them, or all so far; what you have read is not mailed. Ids of no notification of yours change nothing."""
    return Unread(unread=await me.run(service.mark_read, ids=body.ids, now=clock.now()))


@router.get(
    "/settings",
    operation_id="get_notification_settings",
    summary="What is mailed to you",
    responses=documented(*SIGNED_IN),
)
async def get_notification_settings(me: Me) -> Switches:
    """Per kind of notification that is mailed when you do not read it for a while."""
    return Switches(mail=await me.run(service.switches))


@router.put(
    "/settings",
    operation_id="set_notification_settings",
    summary="Choose what is mailed to you",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def set_notification_settings(me: Me, body: NewSwitches) -> Switches:
    """Sets all switches; kinds left out go back to their default, which is on."""
    return Switches(mail=await me.run(service.switch, wanted=body.mail))


@router.get(
    "/unsubscribe",
    operation_id="show_unsubscribe",
    summary="Ask whether to switch off one kind of mail",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}, **documented("token_invalid", "validation_error", "rate_limited")},
)
async def show_unsubscribe(request: Request, rates: RateLimits, token: UnsubscribeToken) -> Response:
    """A page with a button. It changes nothing: programs that look through mails open every link."""
    await _count(request, rates)
    _, kind = _read(token)
    button = '<form method="post"><button>Switch them off</button></form>'
    words = f"Shall we send you no more mails {_WHAT[kind]}? You can switch them on again in the app."
    return _page("Fewer mails?", words, button)


@router.post(
    "/unsubscribe",
    operation_id="unsubscribe",
    summary="Switch off one kind of mail",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}, **documented("token_invalid", "validation_error", "rate_limited")},
)
async def unsubscribe(request: Request, rates: RateLimits, token: UnsubscribeToken, db: Db) -> Response:
    """With the token of a mail and no login, as mail programs do it (RFC 8058). Again is no error."""
    await _count(request, rates)
    user_id, kind = _read(token)
    await db.run(service.mute, user_id=user_id, kind=kind)
    return _page("Done", f"We send you no more mails {_WHAT[kind]}. You can switch them on again in the app.", "")


async def _count(request: Request, rates: Rates) -> None:
    await rates.check(settings().rate_limit_unsubscribe, "unsubscribe", address(request))


def _read(token: str) -> tuple[uuid.UUID, Mailed]:
    found = unsubscribing.read(token, settings())
    if found is None:
        raise Refusal("token_invalid", "This link is not one of ours. In the app you can choose what is mailed to you.")
    return found


def _page(title: str, words: str, button: str) -> Response:
    return HTMLResponse(_PAGE.format(title=title, words=words, button=button), headers=_HEADERS)


def _place_of(row: Notification) -> tuple[datetime, uuid.UUID]:
    return row.created_at, row.id
