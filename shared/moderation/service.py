"""Noticing things for moderators."""

import uuid
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import clock
from shared.moderation.models import Signal


def notice(session: Session, *, kind: str, subject: str, user_id: uuid.UUID, evidence: dict[str, Any]) -> None:
    """Keep a signal about a person; the same kind about the same subject only once."""
    row = {"id": clock.new_id(), "kind": kind, "subject": subject, "user_id": user_id, "evidence": evidence}
    session.execute(insert(Signal).values(row).on_conflict_do_nothing())
