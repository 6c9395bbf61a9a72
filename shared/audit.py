"""The audit log: who did what to whom and why, in rows that the database lets nobody change or delete."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Index, Text, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.models import Base, Id, Moment


class AuditEntry(Base):
    """One thing that somebody in charge did. People are named by ids alone, which outlive their accounts."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_created_at", "created_at"),
        Index("ix_audit_actor_id", "actor_id"),
        Index("ix_audit_user_id", "user_id"),
    )

    id: Mapped[Id]
    created_at: Mapped[Moment] = mapped_column(server_default=func.clock_timestamp())
    """Of several in one transaction, each its own."""
    actor_id: Mapped[uuid.UUID | None]
    """Empty: somebody at the command line, who may reach the database itself."""
    action: Mapped[str] = mapped_column(Text)
    user_id: Mapped[uuid.UUID | None]
    case_id: Mapped[uuid.UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)


def record(
    session: Session,
    *,
    actor_id: uuid.UUID | None,
    action: str,
    user_id: uuid.UUID | None = None,
    case_id: uuid.UUID | None = None,
    **details: str,
) -> None:
    """Note what is done in this transaction. Together with it, or not at all."""
    session.add(AuditEntry(actor_id=actor_id, action=action, user_id=user_id, case_id=case_id, details=details))


def entries(
    session: Session,
    *,
    actor_id: uuid.UUID | None = None,
    user_id: uuid.UUID | None = None,
    action: str | None = None,
    limit: int,
    offset: int,
) -> tuple[Sequence[AuditEntry], int]:
    """(a slice of the log, how many entries there are), the newest first; of one actor, person or action."""
    wanted = {AuditEntry.actor_id: actor_id, AuditEntry.user_id: user_id, AuditEntry.action: action}
    conditions = [column == value for column, value in wanted.items() if value is not None]
    total = session.scalar(select(func.count()).select_from(AuditEntry).where(*conditions)) or 0
    newest_first = (AuditEntry.created_at.desc(), AuditEntry.id.desc())
    found = select(AuditEntry).where(*conditions).order_by(*newest_first).limit(limit).offset(offset)
    return session.scalars(found).all(), total
