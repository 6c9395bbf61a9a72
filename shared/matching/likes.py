"""Likes: what a like asks of the one statement that it is, what came of it, and what is left today."""

import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from psycopg import IntegrityError
from psycopg.errors import DivisionByZero
from sqlalchemy import Date, cast, delete, func, select
from sqlalchemy.orm import Session

from shared.accounts.models import Status, User
from shared.accounts.tokens import Claims
from shared.errors import Refusal, invalid
from shared.events import Event, event
from shared.matching import comments, contact_details
from shared.matching.models import DailyLikeCount
from shared.matching.rules import Quota, day_ends, in_order, side
from shared.models import chosen
from shared.settings import settings

TRIES: Final = 4  # each try after the first means that another request has changed the very same rows
LOST_RACE: Final = (IntegrityError, DivisionByZero)
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
KEEP_COUNTS: Final = timedelta(days=3)  # dates differ by two around the world


CONTACT_WORDS: Final = {
    "link": "Please leave out the link. You can share it once you have matched.",
    "email": "Please leave out the e-mail address. You can share it once you have matched.",
    "phone": "Please leave out the phone number. You can share it once you have matched.",
    "handle": "Please leave out where else to find you. You can share it once you have matched.",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Whom somebody likes, with what words, and about what."""

    user_id: uuid.UUID
    comment: str | None = None
    photo_id: uuid.UUID | None = None
    prompt_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Liked:
    """A like that was sent; `match_id` when it answered one."""

    id: uuid.UUID
    wish: Wish
    created_at: datetime
    match_id: uuid.UUID | None
    told: bool
    """Whether the other hears of it: not while they have passed, since then it waits for no answer."""
    quota: Quota
    last_active_at: datetime


def parameters(claims: Claims, wish: Wish, *, now: datetime) -> dict[str, Any]:
    """What the statement LIKE asks for.

    Raises:
        Refusal: `cannot_target_self`, or `comment_contact_info`, which is to be given to `spam.count`.
    """
    if wish.user_id == claims.user_id:
        raise Refusal("cannot_target_self")
    comment = wish.comment or None
    found = contact_details.contact_details(comment) if comment else None
    if found:
        raise Refusal("comment_contact_info", CONTACT_WORDS[found], details={"found": found})
    values, (low, high) = settings(), in_order(claims.user_id, wish.user_id)
    words = comments.normalised(comment) if comment else ""
    shingles = comments.shingles(words) if comment else ()
    return {
        "me": claims.user_id,
        "session": claims.session_id,
        "them": wish.user_id,
        "low": low,
        "high": high,
        "side": side(claims.user_id, wish.user_id),
        "now": now,
        "comment": comment,
        "personal": comment is not None and comments.length(comment) >= values.personal_comment_length,
        "fingerprint": comments.fingerprint(words) if comment else None,
        "shingles": f"{{{','.join(map(str, shingles))}}}",  # half of the driver's time was for a list of so many
        "near": comments.NEAR,
        "compared": values.compared_comments,
        "photo_id": wish.photo_id,
        "prompt_id": wish.prompt_id,
        "per_day": values.likes_per_day,
        "commented": values.commented_likes_per_day,
        "per_minute": values.likes_per_minute,
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """The row that LIKE answers with."""

    time_zone: str
    last_active_at: datetime
    likes_paused_until: datetime | None
    day: date
    free_at: datetime | None
    """When there may be another like, if there were too many within a minute."""
    used: int
    refusal: str | None
    """Why there is no like. With neither refusal nor like somebody else was quicker: ask again."""
    like_id: uuid.UUID | None
    match_id: uuid.UUID | None
    told: int
    """How many people have a notification of it."""

    @property
    def quota(self) -> Quota:
        """What is left today."""
        return _quota(self.used, self.day, self.time_zone)


def read(answer: Answer, wish: Wish, *, now: datetime) -> Liked:
    """The like that was sent.

    Raises:
        Refusal: why it was not; those of `spam.REFUSALS` are to be given to `spam.count`.
    """
    if answer.like_id is None:
        raise _refusal(answer, now)
    return Liked(answer.like_id, wish, now, answer.match_id, answer.told > 0, answer.quota, answer.last_active_at)


def news(liker_id: uuid.UUID, liked: Liked) -> list[Event]:
    """What to tell those who look now; the rows for everybody else are the statement's."""
    if not liked.told:
        return []
    if liked.match_id is None:
        return [event(user_id=liked.wish.user_id, kind="like.received", data={"like_id": str(liked.id)})]
    data = {"match_id": str(liked.match_id)}
    return [event(user_id=one, kind="match.created", data=data) for one in (liker_id, liked.wish.user_id)]


def quota(session: Session, user: User, *, now: datetime) -> Quota:
    """What is left of the person's likes today."""
    day = cast(func.timezone(User.time_zone, now), Date)
    today, used = session.execute(
        select(day, func.coalesce(DailyLikeCount.used, 0))
        .outerjoin(DailyLikeCount, (DailyLikeCount.user_id == User.id) & (DailyLikeCount.day == day))
        .where(User.id == user.id)
    ).one()
    return _quota(used, today, user.time_zone)


def forget_counts(session: Session, *, now: datetime, most: int = 5000) -> int:
    """Delete counts of days that are over everywhere; how many. A new day has a row of its own, so nothing waits."""
    long_ago = now.date() - KEEP_COUNTS
    old = chosen(select(DailyLikeCount.user_id, DailyLikeCount.day).where(DailyLikeCount.day < long_ago).limit(most))
    gone = session.execute(
        delete(DailyLikeCount)
        .where(DailyLikeCount.user_id == old.c.user_id, DailyLikeCount.day == old.c.day)
        .returning(DailyLikeCount.day)
    )
    return len(gone.all())


def _quota(used: int, day: date, time_zone: str) -> Quota:
    values = settings()
    return Quota(values.likes_per_day, used, values.commented_likes_per_day, day_ends(day, time_zone))


def _refusal(answer: Answer, now: datetime) -> Refusal:
    """Why there is no like, in words that say what to do."""
    quota = answer.quota
    refusals: dict[str | None, Callable[[], Refusal]] = {
        Status.SUSPENDED: lambda: Refusal("account_suspended"),
        Status.DELETING: lambda: Refusal("token_invalid"),
        Status.PAUSED: lambda: Refusal("forbidden", "You are paused, so nobody could answer you. Resume first."),
        "not_found": lambda: Refusal("not_found", "There is nobody here whom you could like."),
        "no_such_photo": lambda: invalid("photo_id", "is not one of their photos"),
        "no_such_prompt": lambda: invalid("prompt_id", "is not one of their answers"),
        "likes_paused": lambda: paused(answer.likes_paused_until),
        "daily_like_limit": lambda: _wait("daily_like_limit", quota, DAY, quota.limit, quota.resets_at - now),
        "too_fast": lambda: _wait(
            "too_fast", quota, MINUTE, settings().likes_per_minute, (answer.free_at or now) - now
        ),
        "comment_required": lambda: Refusal(
            "comment_required",
            f"The first {quota.comments_required} likes of a day come with a personal comment: write at least "
            f"{settings().personal_comment_length} characters about what you noticed.",
            details={"least": settings().personal_comment_length, **_details(quota)},
        ),
    }
    why = answer.refusal
    return refusals[why]() if why in refusals else Refusal(why or "internal_error")


def paused(until: datetime | None) -> Refusal:
    """The refusal of every like while likes are paused."""
    return Refusal(
        "likes_paused",
        "Your likes are paused, because several of them were refused as spam. Your notices say why, until when, and "
        "how to object.",
        details={"until": until, "notices": "/v1/notices"},
    )


def _wait(code: str, quota: Quota, window: timedelta, most: int, wait: timedelta) -> Refusal:
    seconds = max(1, math.ceil(wait.total_seconds()))
    headers = {
        "Retry-After": str(seconds),
        "RateLimit-Policy": f'"likes";q={most};w={window.total_seconds():.0f}',
        "RateLimit": f'"likes";r=0;t={seconds}',
    }
    return Refusal(code, details={"retry_after_seconds": seconds, **_details(quota)}, headers=headers)


def _details(quota: Quota) -> dict[str, Any]:
    return {
        "quota": {
            "limit": quota.limit,
            "used": quota.used,
            "remaining": quota.remaining,
            "comments_required_remaining": quota.comments_required_remaining,
            "resets_at": quota.resets_at,
        }
    }
