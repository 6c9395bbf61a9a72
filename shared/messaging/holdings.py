"""What messages hold about a person: what they wrote, and what was written to them."""

import uuid

from sqlalchemy import ColumnElement, and_, case, exists, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from shared import holdings
from shared.accounts.models import User
from shared.holdings import MOST, Exported, Holdings, Query, Rewritten
from shared.matching.holdings import first_name, forsaken, matches_of, other_of
from shared.matching.matches import together
from shared.matching.models import Match
from shared.messaging.models import Message
from shared.notifications.models import Notification


def _forsaken(user_id: uuid.UUID) -> ColumnElement[bool]:
    """Whether a message is in a match of theirs that nobody has a use for any more."""
    return exists().where(Match.id == Message.match_id, forsaken(user_id))


def _forget(session: Session, user_id: uuid.UUID) -> int:
    return holdings.some(session, Message, _forsaken(user_id))


def _messages(user_id: uuid.UUID) -> Query:
    """Where a block or contacts keep the two apart, only what they wrote themself: the other is out of their sight."""
    other, mine = aliased(User), Message.sender_id == user_id
    return (
        select(
            Message.match_id.label("match"),
            Message.number,
            case((together(), first_name(other))).label("with"),
            case((mine, "you"), else_="them").label("by"),
            Message.text,
            Message.created_at,
            Message.read_at,
        )
        .join(Match, Match.id == Message.match_id)
        .outerjoin(other, other.id == other_of(user_id))
        .where(matches_of(user_id), or_(mine, together()))
    )


def _told(user_id: uuid.UUID) -> ColumnElement[bool]:
    """Whether a notification tells one of their matches of a message of theirs."""
    others = select(other_of(user_id)).where(matches_of(user_id))
    return and_(Notification.user_id.in_(others), Notification.data["sender_id"].astext == str(user_id))


def _forget_sender(session: Session, user_id: uuid.UUID) -> int:
    some = select(Notification.id).where(_told(user_id)).limit(MOST)
    changed = session.scalars(
        update(Notification)
        .where(Notification.id.in_(some))
        .values(data=text("""data || '{"sender_id": null}'"""))
        .returning(Notification.id)
        .execution_options(synchronize_session=False)
    )
    return len(changed.all())


HOLDINGS = Holdings(
    "messaging",
    columns=(Rewritten(Notification.data, _forget_sender, _told),),
    exports=(
        Exported(
            "messages",
            "What you wrote in your matches, and what was written to you there.",
            _messages,
            (Message.match_id, Message.number),
        ),
    ),
)
LEFT_BEHIND = Holdings("messages left behind", columns=(Rewritten(Message.sender_id, _forget, _forsaken),))
"""What was written in a match stays with the other as long as they are here; see LEFT_BEHIND of matching."""
