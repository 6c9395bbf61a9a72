"""Photos, and the signals that moderators look at."""

from collections.abc import Sequence

import sqlalchemy as sa
from pgvector.sqlalchemy import BIT
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "photos"
down_revision: str | None = "accounts"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "photos",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rejection", sa.Text(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("thumbhash", sa.Text(), nullable=True),
        sa.Column("color", sa.Text(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("fingerprint", BIT(64), nullable=True),
        sa.Column("renditions", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("pipeline", sa.SmallInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'rejected') = (rejection IS NOT NULL)", name=op.f("ck_photos_rejected_why")),
        sa.CheckConstraint("status <> 'ready' OR renditions IS NOT NULL", name=op.f("ck_photos_ready_whole")),
        sa.CheckConstraint("status IN ('processing', 'ready', 'rejected')", name=op.f("ck_photos_status_known")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_photos_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photos")),
        sa.UniqueConstraint(
            "user_id", "position", deferrable=True, initially="DEFERRED", name=op.f("uq_photos_user_id_position")
        ),
    )
    op.create_index(
        "ix_photos_fingerprint",
        "photos",
        ["fingerprint"],
        unique=False,
        postgresql_using="hnsw",
        postgresql_ops={"fingerprint": "bit_hamming_ops"},
    )
    op.create_index(
        "ix_photos_processing",
        "photos",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("status = 'processing'"),
    )
    op.create_index("ix_photos_sha256", "photos", ["sha256"], unique=False)
    op.create_table(
        "signals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_signals_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signals")),
    )
    op.create_index("ix_signals_user_id", "signals", ["user_id"], unique=False)
    op.create_index("uq_signals_kind_subject", "signals", ["kind", "subject"], unique=True)


def downgrade() -> None:
    """Take back."""
    op.drop_table("signals")
    op.drop_table("photos")
