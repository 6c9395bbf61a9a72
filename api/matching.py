"""Routes of likes and passes."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, status

from api.accounts import SIGNED_IN
from api.creating import Creating
from api.dependencies import Me
from api.errors import documented
from api.feeds import Cursor, Feed, feed, place
from api.profiles import PROFILE_EXAMPLE, ProfileShape, profile_shape
from api.shapes import Body, Limit, Shape, with_example
from shared import clock
from shared.matching import likes, passes
from shared.matching.models import Like
from shared.matching.received import ReceivedLike, received
from shared.matching.rules import Quota

router = APIRouter(prefix="/v1/matching", tags=["likes"])

QUOTA_EXAMPLE: Final[dict[str, Any]] = {
    "limit": 10,
    "used": 1,
    "remaining": 9,
    "comments_required_remaining": 4,
    "resets_at": "2026-11-25T05:00:00Z",
}
LIKE_EXAMPLE: Final[dict[str, Any]] = {
    "id": "2b1e6c9a-2f33-4a9d-8a4b-0a1b6f2d9c10",
    "user_id": PROFILE_EXAMPLE["id"],
    "comment": "Fish soup all day? I would bring the bread.",
    "photo_id": None,
    "prompt_id": "53fd92a3-4bc0-4978-9077-fe93dea42f80",
    "created_at": "2026-11-24T18:49:12Z",
}


class PersonName(Body):
    """Who is meant."""

    model_config = with_example({"user_id": PROFILE_EXAMPLE["id"]})

    user_id: uuid.UUID


class QuotaShape(Shape):
    """What is left of your likes today. `resets_at` is your next midnight."""

    model_config = with_example(QUOTA_EXAMPLE)

    limit: int
    used: int
    remaining: int
    comments_required_remaining: int
    resets_at: datetime


class LikeShape(Shape):
    """A like: of one that you sent `user_id` is whom you like, of one that you received who likes you."""

    model_config = with_example(LIKE_EXAMPLE)

    id: uuid.UUID
    user_id: uuid.UUID
    comment: str | None
    photo_id: uuid.UUID | None
    prompt_id: uuid.UUID | None
    created_at: datetime


class ReceivedLikeShape(LikeShape):
    """A like that you received, and who sent it."""

    model_config = with_example(LIKE_EXAMPLE | {"user": PROFILE_EXAMPLE})

    user: ProfileShape


class PassShape(Shape):
    """Whom you will not be shown until when, and how long you can take it back."""

    model_config = with_example(
        {
            "user_id": PROFILE_EXAMPLE["id"],
            "expires_at": "2026-12-24T18:49:12Z",
            "rewind_until": "2026-11-24T18:54:12Z",
        }
    )

    user_id: uuid.UUID
    expires_at: datetime
    rewind_until: datetime


class RewindShape(Shape):
    """Whom you may be shown again."""

    model_config = with_example({"user_id": PROFILE_EXAMPLE["id"]})

    user_id: uuid.UUID


@router.get(
    "/quota",
    operation_id="get_quota",
    summary="Likes left today",
    responses=documented(*SIGNED_IN),
)
async def get_quota(me: Me) -> QuotaShape:
    """Your day begins at midnight where your time zone is."""
    return quota_shape(await me.run(likes.quota, now=clock.now()))


@router.get(
    "/likes",
    operation_id="list_likes",
    summary="Likes that you received",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def list_likes(
    request: Request, me: Me, limit: Annotated[Limit, Query()] = 30, cursor: Cursor = None
) -> Feed[ReceivedLikeShape]:
    """Those that wait for your answer, the newest first: like back, or pass."""
    rows = await me.run(received, after=place(cursor), limit=limit + 1, now=clock.now())
    return feed(rows, lambda one: _received(one, request), lambda one: (one.like.created_at, one.like.id), limit=limit)


@router.post(
    "/pass",
    operation_id="pass",
    summary="Pass somebody",
    status_code=status.HTTP_201_CREATED,
    responses=documented(*SIGNED_IN, "not_found", "already_liked", "cannot_target_self", "validation_error"),
)
async def pass_over(me: Creating, body: PersonName) -> PassShape:
    """They are not shown to you for 30 days; again starts anew."""
    return await me.create(PassShape.model_validate, None, passes.pass_over, user_id=body.user_id, now=clock.now())


@router.post(
    "/rewind",
    operation_id="rewind",
    summary="Take the last pass back",
    responses=documented(*SIGNED_IN, "nothing_to_rewind"),
)
async def rewind(me: Me) -> RewindShape:
    """Within five minutes, once a day."""
    return RewindShape(user_id=await me.run(passes.rewind, now=clock.now()))


def quota_shape(quota: Quota) -> QuotaShape:
    """The shape of what is left today."""
    return QuotaShape.model_validate(quota)


def _received(one: ReceivedLike, request: Request) -> ReceivedLikeShape:
    sent: Like = one.like
    return ReceivedLikeShape(
        id=sent.id,
        user_id=sent.liker_id,
        comment=sent.comment,
        photo_id=sent.photo_id,
        prompt_id=sent.prompt_id,
        created_at=sent.created_at,
        user=profile_shape(one.profile, request),
    )
