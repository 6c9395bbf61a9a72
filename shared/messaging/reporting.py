"""Reporting somebody for what they wrote: the report keeps the message, and what was said around it."""

import uuid
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.errors import invalid
from shared.matching import safety
from shared.matching.models import Match
from shared.matching.rules import in_order
from shared.matching.safety import Complaint
from shared.messaging.models import Message
from shared.moderation.models import Report

BEFORE: Final = 10  # messages that a moderator needs to understand one
AFTER: Final = 5


def report(
    session: Session, user: User, *, complaint: Complaint, message_id: uuid.UUID | None, and_block: bool, now: datetime
) -> Report:
    """Keep a report, see `safety.report`; with a message that it is about, also the conversation around it.

    Raises:
        Refusal: as there, or `validation_error` for a message that is not one of theirs to the person.
    """
    said = _conversation(session, user, complaint.user_id, message_id) if message_id is not None else None
    return safety.report(session, user, complaint=complaint, and_block=and_block, now=now, conversation=said)


def _conversation(session: Session, user: User, sender_id: uuid.UUID, message_id: uuid.UUID) -> list[dict[str, Any]]:
    low, high = in_order(user.id, sender_id)
    message = session.scalar(
        select(Message)
        .join(Match, Match.id == Message.match_id)
        .where(Message.id == message_id, Message.sender_id == sender_id, Match.low_id == low, Match.high_id == high)
    )
    if message is None:
        raise invalid("message_id", "is not one of their messages to you")
    around = session.scalars(
        select(Message)
        .where(
            Message.match_id == message.match_id,
            Message.number.between(message.number - BEFORE, message.number + AFTER),
        )
        .order_by(Message.number)
    )
    return [
        {
            "id": str(one.id),
            "sender_id": str(one.sender_id),
            "text": one.text,
            "created_at": one.created_at.isoformat(),
            "reported": one.id == message_id,
        }
        for one in around
    ]
