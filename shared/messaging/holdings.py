"""What messages hold about a person: what they wrote, and what was written to them."""

import uuid

from sqlalchemy import ColumnElement, case, exists, or_, select
from sqlalchemy.orm import Session, aliased

from shared import holdings
from shared.accounts.models import User
from shared.holdings import Exported, Holdings, Query, Rewritten
from shared.matching.holdings import first_name, forsaken, matches_of, other_of
from shared.matching.models import Match
from shared.messaging.models import Message


def _forsaken(user_id: uuid.UUID) -> ColumnElement[bool]:
    """Whether a message is in a match of theirs that nobody has a use for any more."""
    return exists().where(Match.id == Message.match_id, forsaken(user_id))


def _forget(session: Session, user_id: uuid.UUID) -> int:
    return holdings.some(session, Message, _forsaken(user_id))


def _messages(user_id: uuid.UUID) -> Query:
    """In matches that a block hides, only what they wrote themself: the other is out of their sight."""
    other, mine = aliased(User), Message.sender_id == user_id
    return (
        select(
            Message.match_id.label("match"),
            Message.number,
            case((Match.blocked, None), else_=first_name(other)).label("with"),
            case((mine, "you"), else_="them").label("by"),
            Message.text,
            Message.created_at,
            Message.read_at,
        )
        .join(Match, Match.id == Message.match_id)
        .outerjoin(other, other.id == other_of(user_id))
        .where(matches_of(user_id), or_(mine, ~Match.blocked))
    )


HOLDINGS = Holdings(
    "messaging",
    columns=(Rewritten(Message.sender_id, _forget, _forsaken),),
    exports=(
        Exported(
            "messages",
            "What you wrote in your matches, and what was written to you there.",
            _messages,
            (Message.match_id, Message.number),
        ),
    ),
)
"""What was written in a match stays with the other as long as they are here; see LEFT_BEHIND of matching."""
