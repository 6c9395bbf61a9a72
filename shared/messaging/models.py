"""The table of messages."""

import uuid

from sqlalchemy import ForeignKey, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Moment


class Message(Base):
    """One message. Those of a match are numbered from 1 on without a gap, in the order in which they were stored.

    No foreign key to the sender: what they have written stays with the other when their account is gone.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("uq_messages_id", "id", unique=True),
        Index("ix_messages_sender_id", "sender_id"),
        Index("ix_messages_created_at", "created_at", postgresql_using="brin"),
        Index(
            "uq_messages_client_id",
            "match_id",
            "sender_id",
            "client_id",
            unique=True,
            postgresql_where=text("client_id IS NOT NULL"),
        ),
    )

    match_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id: Mapped[uuid.UUID]
    sender_id: Mapped[uuid.UUID]
    client_id: Mapped[str | None] = mapped_column(Text)
    """The sender's own name for it, by which a repeated one is recognised."""
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Moment]
    """Later than that of the one before it, whatever the clocks of several processes say."""
    read_at: Mapped[Moment | None]
    """When the other has read it."""
