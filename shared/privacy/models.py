"""The table of exports."""

import uuid
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Id, Moment


class ExportStatus(StrEnum):
    """Where an export is in its life."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


class Export(Base):
    """An archive of all that is held about somebody. It lies in storage under `key` until it expires."""

    __tablename__ = "exports"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'ready', 'failed', 'expired')", name="status_known"),
        CheckConstraint("(status = 'ready') = (key IS NOT NULL)", name="ready_whole"),
        Index("uq_exports_pending", "user_id", unique=True, postgresql_where=text("status = 'pending'")),
        Index("ix_exports_user_id_created_at", "user_id", "created_at"),
        Index("ix_exports_expires_at", "expires_at", postgresql_where=text("status = 'ready'")),
        Index("ix_exports_created_at", "created_at"),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(Text, server_default=ExportStatus.PENDING)
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment | None]
    key: Mapped[str | None] = mapped_column(Text)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
