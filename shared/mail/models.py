"""The table of mails."""

import uuid
from typing import Any

from sqlalchemy import ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Created, Id, Moment


class Mail(Base):
    """One mail to a person. `kind` is one of `rules.KINDS`; `data` holds nothing that can be looked up later."""

    __tablename__ = "mails"
    __table_args__ = (
        Index("ix_mails_user_id_kind_created_at", "user_id", "kind", "created_at"),
        Index("ix_mails_created_at", "created_at"),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    """Nobody while only an address is known that somebody has typed, and not whose it is."""
    kind: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    created_at: Mapped[Created]
    sent_at: Mapped[Moment | None]
    """When a server took it, or a file held it."""
    unconfirmed: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """How often a server was given the whole of it, and did not say whether it has it."""
