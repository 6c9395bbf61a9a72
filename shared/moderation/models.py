"""Signals: something about a person that a moderator may want to see."""

import uuid
from typing import Any

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Created, Id


class Signal(Base):
    """One thing noticed. `subject` names what it is about, so that noticing it twice is noticing it once."""

    __tablename__ = "signals"
    __table_args__ = (
        Index("uq_signals_kind_subject", "kind", "subject", unique=True),
        Index("ix_signals_user_id", "user_id"),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Created]
