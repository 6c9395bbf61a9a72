"""What matching holds about a person: whom they liked, passed and blocked, who liked them, and their matches."""

import uuid
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from shared import holdings
from shared.accounts.models import Status, User
from shared.holdings import Deleted, Emptied, Exported, Holdings, Kept, Query, Rewritten
from shared.matching.matches import DELETED_PERSON, together
from shared.matching.models import Block, ContactHash, DailyLikeCount, Like, Match, MatchChange, Pair, Pass
from shared.matching.visibility import apart

_KEPT = "what was said belongs to the other as well, who reads it as by a deleted person; the id leads nowhere"


def matches_of(user_id: uuid.UUID) -> ColumnElement[bool]:
    """Whether a match is one of theirs."""
    return or_(Match.low_id == user_id, Match.high_id == user_id)


def other_of(user_id: uuid.UUID) -> ColumnElement[uuid.UUID]:
    """The other of a match."""
    return case((Match.low_id == user_id, Match.high_id), else_=Match.low_id)


def forsaken(user_id: uuid.UUID) -> ColumnElement[bool]:
    """Whether nobody has a use for a match of theirs any more.

    Both have left, or a block hides it from whoever is left, or nothing was ever said in it.
    """
    here = exists().where(User.id == other_of(user_id), User.id != user_id)
    return and_(matches_of(user_id), or_(~here, Match.blocked, Match.messages == 0))


def first_name(of: type[User]) -> ColumnElement[str]:
    """As much of another's name as an export tells."""
    gone = or_(of.id.is_(None), of.status == Status.DELETING)
    return case((gone, DELETED_PERSON), else_=func.split_part(of.name, " ", 1))


def _likes(mine: Any, theirs: Any, user_id: uuid.UUID) -> Query:  # noqa: ANN401 - columns
    me, other = aliased(User), aliased(User)
    name = first_name(other).label("first_name")
    return (
        select(name, Like.comment, Like.photo_id.is_not(None).label("about_a_photo"), Like.created_at)
        .join(me, me.id == mine)
        .join(other, other.id == theirs)
        .where(mine == user_id, ~apart(me, other))
    )


def _matches(user_id: uuid.UUID) -> Query:
    other = aliased(User)
    return (
        select(
            Match.id.label("match"),
            first_name(other).label("first_name"),
            Match.state,
            Match.created_at,
            Match.state_changed_at,
            Match.messages,
        )
        .outerjoin(other, other.id == other_of(user_id))
        .where(matches_of(user_id), together())
    )


HOLDINGS = Holdings(
    "matching",
    columns=(
        Deleted(Like.liker_id),
        Deleted(Like.liked_id),
        Deleted(DailyLikeCount.user_id),
        Deleted(Pass.passer_id),
        Deleted(Pass.passed_id),
        Deleted(Block.blocker_id),
        Deleted(Block.blocked_id),
        Deleted(ContactHash.user_id),
        Emptied(MatchChange.changed_by),
        Deleted(Pair.low_id),
        Deleted(Pair.high_id),
    ),
    exports=(
        Exported(
            "likes_sent",
            "Whom you like, and what you wrote.",
            lambda user_id: _likes(Like.liker_id, Like.liked_id, user_id),
            (Like.created_at, Like.id),
        ),
        Exported(
            "likes_received",
            "Who likes you, and what they wrote to you.",
            lambda user_id: _likes(Like.liked_id, Like.liker_id, user_id),
            (Like.created_at, Like.id),
        ),
        Exported(
            "passes",
            "When you have passed on somebody, and until when they are hidden from you.",
            lambda user_id: select(Pass.created_at, Pass.expires_at).where(Pass.passer_id == user_id),
            (Pass.passed_id, Pass.expires_on),
        ),
        Exported(
            "blocks",
            "Whom you have blocked.",
            lambda user_id: (
                select(first_name(User).label("first_name"), Block.created_at)
                .join(User, User.id == Block.blocked_id)
                .where(Block.blocker_id == user_id)
            ),
            (Block.blocked_id,),
        ),
        Exported(
            "likes_per_day",
            "How many likes you have used up on your last days.",
            lambda user_id: select(DailyLikeCount.day, DailyLikeCount.used, DailyLikeCount.rewound).where(
                DailyLikeCount.user_id == user_id
            ),
            (DailyLikeCount.day,),
        ),
        Exported(
            "contacts",
            "Hashes of the addresses of people whom you do not want to meet here.",
            lambda user_id: select(ContactHash.hash).where(ContactHash.user_id == user_id),
            (ContactHash.hash,),
        ),
        Exported("matches", "Your matches; their messages are in messages.json.", _matches, (Match.id,)),
    ),
    unexported={
        "pairs": "follows from likes and blocks",
        "match_changes": "of matches the export has the state",
    },
)


def _forget_matches(session: Session, user_id: uuid.UUID) -> int:
    return holdings.some(session, Match, forsaken(user_id))


LEFT_BEHIND = Holdings(
    "matches left behind",
    columns=(
        Rewritten(Match.low_id, _forget_matches, forsaken),
        Kept(Match.high_id, _KEPT, unless=forsaken),
    ),
)
"""What can be judged only when the account is gone, and with the messages in them."""
