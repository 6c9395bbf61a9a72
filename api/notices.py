"""Routes of notices: what was decided about oneself, and objecting to it."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from api.accounts import EVEN_SUSPENDED
from api.creating import CreatingEvenSuspended
from api.dependencies import MeEvenSuspended
from api.errors import documented
from api.shapes import Body, Limit, Offset, Page, Shape, Visible, page, with_example
from shared import clock
from shared.moderation import service
from shared.moderation.rules import HOW_TO_OBJECT

router = APIRouter(prefix="/v1/notices", tags=["notices"])

APPEAL_LENGTH: Final = 2000
NOTICE_EXAMPLE: Final[dict[str, Any]] = {
    "id": "6a7f1d1e-40c5-4c1b-9f2e-9f5a3f0b1c22",
    "kind": "likes_paused",
    "facts": "5 of your likes within 24 hours were refused as spam, so your likes are paused.",
    "rule": "Likes are for personal words to one person.",
    "automatic": True,
    "until": "2026-11-25T18:49:12Z",
    "how_to_object": HOW_TO_OBJECT,
    "appeal": None,
    "appealed_at": None,
    "overturned": None,
    "created_at": "2026-11-24T18:49:12Z",
}


class NoticeShape(Shape):
    """A decision about you: the facts, the rule, whether a rule or a person decided, and until when it holds.

    `how_to_object` is empty where there is nothing to object to; `overturned` says what became of your appeal.
    """

    model_config = with_example(NOTICE_EXAMPLE)

    id: uuid.UUID
    kind: str
    facts: str
    rule: str
    automatic: bool
    until: datetime | None
    how_to_object: str | None
    appeal: str | None
    appealed_at: datetime | None
    overturned: bool | None
    created_at: datetime


class NewAppeal(Body):
    """Why the decision is wrong, in your words."""

    model_config = with_example({"text": "I wrote to five people about the same concert."})

    text: Annotated[Visible, StringConstraints(min_length=1, max_length=APPEAL_LENGTH)]


@router.get(
    "",
    operation_id="list_notices",
    summary="What was decided about you",
    responses=documented(*EVEN_SUSPENDED, "validation_error"),
)
async def list_notices(
    me: MeEvenSuspended, limit: Annotated[Limit, Query()] = 100, offset: Annotated[Offset, Query()] = 0
) -> Page[NoticeShape]:
    """The newest first."""
    return page(await me.run(service.notices), NoticeShape.model_validate, limit=limit, offset=offset)


@router.post(
    "/{notice_id}/appeal",
    operation_id="appeal",
    summary="Object to a decision",
    responses=documented(*EVEN_SUSPENDED, "not_found", "invalid_transition", "validation_error"),
)
async def appeal(me: CreatingEvenSuspended, notice_id: uuid.UUID, body: NewAppeal) -> NoticeShape:
    """Once. Somebody else than who decided will look at it again."""
    return await me.create(
        NoticeShape.model_validate, None, service.appeal, notice_id=notice_id, text=body.text, now=clock.now()
    )
