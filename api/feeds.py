"""Feeds: lists that move while they are read, a page at a time from where the last one ended."""

import base64
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from api.shapes import Shape
from shared.errors import Refusal
from shared.matching.rules import Place

S = TypeVar("S")
T = TypeVar("T")
_PLACE: TypeAdapter[tuple[AwareDatetime, uuid.UUID]] = TypeAdapter(tuple[AwareDatetime, uuid.UUID])
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")]


class Feed(Shape, Generic[T]):
    """A page of a feed. `next_cursor` asks for the next one; there is none after the last."""

    items: list[T]
    next_cursor: str | None


def place(cursor: str | None) -> Place | None:
    """Where the page before ended.

    Raises:
        Refusal: `validation_error` when no page of ours ended with this cursor.
    """
    if cursor is None:
        return None
    try:
        return _PLACE.validate_json(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, ValidationError):
        message = "Leave it out to begin anew."
        raise Refusal("validation_error", details={"fields": [{"field": "query.cursor", "message": message}]}) from None


def feed(rows: Sequence[S], shape: Callable[[S], T], place_of: Callable[[S], Place], *, limit: int) -> Feed[T]:
    """A page of rows of which one more than `limit` was asked for, to know whether there is another page."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Feed(items=[shape(row) for row in shown], next_cursor=_cursor(place_of(shown[-1])) if more else None)


def _cursor(end: Place) -> str:
    moment, row_id = end
    return base64.urlsafe_b64encode(json.dumps([moment.isoformat(), str(row_id)]).encode()).decode()
