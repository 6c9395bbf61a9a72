"""The table of notifications."""

import uuid
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Created, Id, Moment


class Notification(Base):
    """One thing that a person is told. `kind` is an event's type, `data` what that event carries."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("ix_notifications_user_id_created_at", "user_id", "created_at"),
        Index(  # one at a time tells of a match's unread messages, however many
            "uq_notifications_waiting_message",
            "user_id",
            text("(data ->> 'match_id')"),
            unique=True,
            postgresql_where=text("kind = 'message.created' AND read_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Created]
    read_at: Mapped[Moment | None]
