"""Telling people things: a row that they find whenever they look, and an event for those who look now."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from shared import events
from shared.notifications.models import Notification


def tell(session: Session, *, user_id: uuid.UUID, kind: str, data: dict[str, Any]) -> None:
    """Keep a notification for somebody, and send the event of the same kind after the commit."""
    session.add(Notification(user_id=user_id, kind=kind, data=data))
    events.note(session, user_id=user_id, kind=kind, data=data)
