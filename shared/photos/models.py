"""The table of photos."""

import uuid
from enum import StrEnum

from pgvector.sqlalchemy import BIT
from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Created, Id, Moment


class PhotoStatus(StrEnum):
    """Where a photo is in its life."""

    PROCESSING = "processing"
    READY = "ready"
    REJECTED = "rejected"


class Photo(Base):
    """A photo of a profile. What it shows lives in storage, under the names in `renditions`."""

    __tablename__ = "photos"
    __table_args__ = (
        UniqueConstraint("user_id", "position", deferrable=True, initially="DEFERRED"),
        CheckConstraint("status IN ('processing', 'ready', 'rejected')", name="status_known"),
        CheckConstraint("(status = 'rejected') = (rejection IS NOT NULL)", name="rejected_why"),
        CheckConstraint("status <> 'ready' OR renditions IS NOT NULL", name="ready_whole"),
        Index("ix_photos_sha256", "sha256"),
        Index("ix_photos_processing", "created_at", postgresql_where=text("status = 'processing'")),
        Index(
            "ix_photos_fingerprint",
            "fingerprint",
            postgresql_using="hnsw",
            postgresql_ops={"fingerprint": "bit_hamming_ops"},
        ),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str] = mapped_column(Text, default=PhotoStatus.PROCESSING)
    rejection: Mapped[str | None] = mapped_column(Text)
    width: Mapped[int | None]
    height: Mapped[int | None]
    thumbhash: Mapped[str | None] = mapped_column(Text)
    color: Mapped[str | None] = mapped_column(Text)
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of the uploaded bytes."""
    fingerprint: Mapped[str | None] = mapped_column(BIT(64))
    """The perceptual hash, as 64 binary digits."""
    renditions: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    """Variant ("320", "640", "1080", "jpeg") to storage key."""
    pipeline: Mapped[int | None] = mapped_column(SmallInteger)
    """Version of the processing that made the renditions."""
    created_at: Mapped[Created]
    processed_at: Mapped[Moment | None]
