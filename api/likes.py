"""The route of a like: the hottest that writes, so one statement and no thread."""

import uuid
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Request, status
from pydantic import StringConstraints, model_validator
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.accounts import SIGNED_IN
from api.creating import Creating, Creator, itself
from api.dependencies import SignedIn
from api.errors import documented
from api.lean import LeanRoute
from api.matches import MATCH_EXAMPLE, MatchShape, match_shape
from api.matching import LIKE_EXAMPLE, QUOTA_EXAMPLE, LikeShape, QuotaShape, quota_shape
from api.shapes import Body, Shape, Visible, with_example
from shared import clock, events, log
from shared.accounts.models import User
from shared.database import one
from shared.errors import Refusal
from shared.matching import likes, spam
from shared.matching.like_statement import LIKE
from shared.matching.likes import Liked, Wish
from shared.matching.rules import COMMENT_LENGTH
from shared.messaging import conversations

_log = log.logger(__name__)
router = APIRouter(prefix="/v1/matching", tags=["likes"], route_class=LeanRoute)


class NewLike(Body):
    """Whom you like, with a sentence, and about which of their photos or answers if you want."""

    model_config = with_example({key: LIKE_EXAMPLE[key] for key in ("user_id", "comment", "prompt_id")})

    user_id: uuid.UUID
    comment: Annotated[Visible, StringConstraints(max_length=COMMENT_LENGTH)] | None = None
    photo_id: uuid.UUID | None = None
    prompt_id: uuid.UUID | None = None

    @model_validator(mode="after")
    def _about_one_thing(self) -> Self:
        if self.photo_id is not None and self.prompt_id is not None:
            raise ValueError("a like is about one photo or one answer, not both")
        return self


class LikeAnswer(Shape):
    """The like, the match that it made if they like you too, and what is left today."""

    model_config = with_example({"like": LIKE_EXAMPLE, "match": MATCH_EXAMPLE, "quota": QUOTA_EXAMPLE})

    like: LikeShape
    match: MatchShape | None
    quota: QuotaShape


@router.post(
    "/like",
    operation_id="like",
    summary="Like somebody",
    status_code=status.HTTP_201_CREATED,
    responses=documented(
        *SIGNED_IN,
        "forbidden",
        "likes_paused",
        "not_found",
        "already_liked",
        "already_matched",
        "cannot_target_self",
        "comment_required",
        "comment_duplicated",
        "comment_contact_info",
        "validation_error",
        "daily_like_limit",
        "too_fast",
        "service_unavailable",
    ),
)
async def like(request: Request, me: Creating, body: NewLike) -> LikeAnswer:
    """A match when they like you too.

    The first likes of a day come with a personal comment. A comment that you have sent before, contact details and
    likes in a rush are refused; when that happens too often, your likes are paused, and a notice says why.
    """
    wish, now = Wish(body.user_id, body.comment, body.photo_id, body.prompt_id), clock.now()
    try:
        if me.is_named:
            return await _like_once(request, me, wish, now)
        liked = await _like(me, wish, now)
    except Refusal as refusal:
        if refusal.code not in spam.REFUSALS:
            raise
        raise await me.run(spam.count, refusal=refusal, wish=wish, now=now) from None
    match = await _match(request, me, liked, now)
    await me.was_here(liked.last_active_at, now)
    return _answer(liked, match)


async def _like(me: SignedIn, wish: Wish, now: datetime) -> Liked:
    """Send a like by one statement, again when another request changed the same rows in the middle of it."""
    asked = likes.parameters(me.claims, wish, now=now)
    for _ in range(likes.TRIES):
        try:
            row = await me.db.one(LIKE, asked)
        except likes.LOST_RACE:
            continue
        if row is None:  # this session has ended, or just begun
            await me.run(_nothing)
            continue
        answer = likes.Answer(*row)
        if answer.refusal or answer.like_id:
            liked = likes.read(answer, wish, now=now)
            me.db.send(likes.news(me.claims.user_id, liked))
            return liked
    raise Refusal("service_unavailable", headers={"Retry-After": "1"})


async def _like_once(request: Request, me: Creator, wish: Wish, now: datetime) -> LikeAnswer:
    """The same statement in an ordinary transaction, which can keep its answer."""
    asked = likes.parameters(me.claims, wish, now=now)

    def do(session: Session, user: User) -> LikeAnswer:
        for _ in range(likes.TRIES):
            row = one(session, LIKE, asked)
            if row is None:
                raise Refusal("token_invalid")
            answer = likes.Answer(*row)
            if answer.refusal or answer.like_id:
                liked = likes.read(answer, wish, now=now)
                events.keep(session, likes.news(user.id, liked))
                return _answer(liked, _match_in(session, user, request, liked, now))
        raise Refusal("service_unavailable", headers={"Retry-After": "1"})

    for _ in range(likes.TRIES):
        try:
            return await me.create(itself, None, do)
        except likes.LOST_RACE:
            continue
    raise Refusal("service_unavailable", headers={"Retry-After": "1"})


def _match_in(session: Session, user: User, request: Request, liked: Liked, now: datetime) -> MatchShape | None:
    if liked.match_id is None:
        return None
    try:
        return match_shape(conversations.one(session, user, match_id=liked.match_id, now=now), request)
    except Refusal:  # the other is gone, and the like stands
        return None


async def _match(request: Request, me: SignedIn, liked: Liked, now: datetime) -> MatchShape | None:
    """The match that the like has made. The like stands, also when the other is gone before this is read."""
    if liked.match_id is None:
        return None
    try:
        return match_shape(await me.run(conversations.one, match_id=liked.match_id, now=now), request)
    except (Refusal, SQLAlchemyError) as error:
        _log.warning("could not show a match that was made", match_id=liked.match_id, error=type(error).__name__)
        return None


def _nothing(_session: Session, _user: User) -> None:
    """That they are signed in is checked for everybody."""


def _answer(liked: Liked, match: MatchShape | None) -> LikeAnswer:
    return LikeAnswer(like=_sent(liked), match=match, quota=quota_shape(liked.quota))


def _sent(liked: Liked) -> LikeShape:
    return LikeShape(
        id=liked.id,
        user_id=liked.wish.user_id,
        comment=liked.wish.comment or None,
        photo_id=liked.wish.photo_id,
        prompt_id=liked.wish.prompt_id,
        created_at=liked.created_at,
    )
