"""The tables of notifications: what people are told, and what they do not want to be mailed."""

import uuid
from typing import Any, Final

from sqlalchemy import ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Created, Id, Moment

UNDECIDED: Final = "mail_from IS NOT NULL AND read_at IS NULL AND kind IN ('match.created', 'message.created')"
"""Written out, for reminders to be found by an index that holds nothing else."""


class Notification(Base):
    """One thing that a person is told. `kind` is an event's type, `data` what that event carries."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("ix_notifications_user_id_created_at", "user_id", "created_at"),
        Index("ix_notifications_created_at", "created_at"),
        Index(  # one at a time tells of a match's unread messages, however many
            "uq_notifications_waiting_message",
            "user_id",
            text("(data ->> 'match_id')"),
            unique=True,
            postgresql_where=text("kind = 'message.created' AND read_at IS NULL"),
        ),
        Index("ix_notifications_unread", "user_id", postgresql_where=text("read_at IS NULL")),
        Index("ix_notifications_undecided", "mail_from", postgresql_where=text(UNDECIDED)),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Created]
    read_at: Mapped[Moment | None]
    mail_from: Mapped[Moment | None] = mapped_column(server_default=func.now())
    """Since when it waits to be mailed to who is not here; empty: decided. Of kinds that are not mailed it means
    nothing."""


class MutedMail(Base):
    """Somebody does not want this kind of notification by mail. Switching off is one insert, whoever races."""

    __tablename__ = "muted_mails"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
