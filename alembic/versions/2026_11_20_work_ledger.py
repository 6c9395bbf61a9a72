"""The ledger of promised work, and the heartbeats of its workers."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "work_ledger"
down_revision: str | None = "enable_pgvector"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "work",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hinted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_work")),
    )
    op.create_index("ix_work_due_at", "work", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("ix_work_given_up", "work", ["kind", "created_at"], postgresql_where=sa.text("due_at IS NULL"))
    op.create_table(
        "heartbeats",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_heartbeats")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("heartbeats")
    op.drop_table("work")
