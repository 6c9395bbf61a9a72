"""Likes that somebody has received and not answered."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select, tuple_
from sqlalchemy.orm import Session, aliased

from shared.accounts.models import Status, User
from shared.matching.models import Like, Pass
from shared.matching.rules import Place
from shared.matching.visibility import apart
from shared.profiles.service import PublicProfile, public_profiles


@dataclass(frozen=True, slots=True)
class ReceivedLike:
    """A like, and who sent it."""

    like: Like
    profile: PublicProfile


def received(session: Session, user: User, *, after: Place | None, limit: int, now: datetime) -> list[ReceivedLike]:
    """The likes that wait for the person's answer, the newest first: neither liked back nor passed."""
    mine = aliased(Like)
    waiting = (
        select(Like, User)
        .join(User, User.id == Like.liker_id)
        .where(
            Like.liked_id == user.id,
            User.status == Status.ACTIVE,
            ~apart(user),
            ~exists().where(mine.liker_id == user.id, mine.liked_id == Like.liker_id),
            ~exists().where(Pass.passer_id == user.id, Pass.passed_id == Like.liker_id, *Pass.in_force(now)),
        )
        .order_by(Like.created_at.desc(), Like.id.desc())
        .limit(limit)
    )
    if after is not None:
        waiting = waiting.where(tuple_(Like.created_at, Like.id) < tuple_(*after))
    rows = session.execute(waiting).all()
    profiles = public_profiles(session, user, people=[person for _, person in rows], today=now.date())
    return [ReceivedLike(like, profile) for (like, _), profile in zip(rows, profiles, strict=True)]
