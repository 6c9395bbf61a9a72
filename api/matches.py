"""Routes of matches: one's own, and what becomes of them."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request

from api.accounts import SIGNED_IN
from api.dependencies import Me
from api.errors import documented
from api.feeds import Cursor, Feed, feed, place
from api.messages import MESSAGE_EXAMPLE, MessageShape
from api.profiles import PROFILE_EXAMPLE, ProfileShape, profile_shape
from api.shapes import Body, Limit, Shape, with_example
from shared import clock
from shared.matching.rules import OPEN, MatchState
from shared.messaging import conversations
from shared.messaging.conversations import Conversation

router = APIRouter(prefix="/v1/matching", tags=["matches"])

MATCH_EXAMPLE: Final[dict[str, Any]] = {
    "id": "d3b5a1f0-5a5e-4f0e-9a40-6f6f8f0b7c55",
    "state": "active",
    "user": PROFILE_EXAMPLE,
    "created_at": "2026-11-24T18:49:12Z",
    "state_changed_at": "2026-11-24T18:49:12Z",
    "dating": {"proposed_by_me": False, "proposed_by_them": True},
    "last_message": MESSAGE_EXAMPLE,
    "unread": 1,
    "your_turn": True,
}


class DatingShape(Shape):
    """Who of the two has proposed to date; when both have, they do."""

    proposed_by_me: bool
    proposed_by_them: bool


class MatchShape(Shape):
    """A match as you see it. Of one that has ended, `user` has no more than a name.

    `your_turn` while the last message is theirs, or nobody has written yet.
    """

    model_config = with_example(MATCH_EXAMPLE)

    id: uuid.UUID
    state: MatchState
    user: ProfileShape
    created_at: datetime
    state_changed_at: datetime
    dating: DatingShape
    last_message: MessageShape | None
    unread: int
    your_turn: bool


class MatchPatch(Body):
    """What to make of a match."""

    model_config = with_example({"state": "archived"})

    state: MatchState


class MatchName(Body):
    """Which match."""

    model_config = with_example({"match_id": MATCH_EXAMPLE["id"]})

    match_id: uuid.UUID


def match_shape(conversation: Conversation, request: Request) -> MatchShape:
    """The shape of one's own match."""
    own, last = conversation.own, conversation.last_message
    return MatchShape(
        id=own.match.id,
        state=MatchState(own.match.state),
        user=profile_shape(own.profile, request),
        created_at=own.match.created_at,
        state_changed_at=own.match.state_changed_at,
        dating=DatingShape(proposed_by_me=own.proposed_by_me, proposed_by_them=own.proposed_by_them),
        last_message=MessageShape.model_validate(last) if last else None,
        unread=conversation.unread,
        your_turn=conversation.my_turn,
    )


@router.get(
    "/matches",
    operation_id="list_matches",
    summary="Your matches",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def list_matches(
    request: Request,
    me: Me,
    state: Annotated[MatchState | None, Query(description="Left out: all in which you can talk")] = None,
    limit: Annotated[Limit, Query()] = 30,
    cursor: Cursor = None,
) -> Feed[MatchShape]:
    """The one that was last active first."""
    states = OPEN if state is None else (state,)
    rows = await me.run(conversations.several, states=states, after=place(cursor), limit=limit + 1, now=clock.now())
    return feed(
        rows,
        lambda one: match_shape(one, request),
        lambda one: (one.own.match.active_at, one.own.match.id),
        limit=limit,
    )


@router.get(
    "/matches/{match_id}",
    operation_id="get_match",
    summary="One of your matches",
    responses=documented(*SIGNED_IN, "not_in_match", "validation_error"),
)
async def get_match(request: Request, me: Me, match_id: uuid.UUID) -> MatchShape:
    """Also one that has ended, unless a block ended it."""
    return match_shape(await me.run(conversations.one, match_id=match_id, now=clock.now()), request)


@router.patch(
    "/matches/{match_id}",
    operation_id="change_match",
    summary="Archive, bring back, date or unmatch",
    responses=documented(*SIGNED_IN, "not_in_match", "invalid_transition", "validation_error"),
)
async def change_match(request: Request, me: Me, match_id: uuid.UUID, body: MatchPatch) -> MatchShape:
    """`dating` takes both: the first proposes, the second agrees, and both are paused while it lasts.

    Asking for the state that the match is in takes your own proposal back.
    """
    changed = await me.run(conversations.change, match_id=match_id, to=body.state, now=clock.now())
    return match_shape(changed, request)


@router.post(
    "/unmatch",
    operation_id="unmatch",
    summary="End a match",
    responses=documented(*SIGNED_IN, "not_in_match", "invalid_transition", "validation_error"),
)
async def unmatch(request: Request, me: Me, body: MatchName) -> MatchShape:
    """For good. You can report the other for another 30 days."""
    ended = await me.run(conversations.change, match_id=body.match_id, to=MatchState.UNMATCHED, now=clock.now())
    return match_shape(ended, request)
