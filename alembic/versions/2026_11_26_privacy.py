"""Accounts that are being deleted, exports, and what finds old notifications."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "privacy"
down_revision: str | None = "trust_indexes"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = {
    "ix_notifications_created_at": ("notifications", "created_at", None),
    "ix_users_erase_at": ("users", "erase_at", "erase_at IS NOT NULL"),
}


def upgrade() -> None:
    """Apply. What comes before the table is committed with the first index, and can be done again."""
    op.execute("ALTER TABLE users ADD COLUMN IF NOT EXISTS erase_at timestamptz")
    op.execute("ALTER TABLE users ADD COLUMN IF NOT EXISTS deleting_from text")
    with op.get_context().autocommit_block():
        for name, (table, column, where) in INDEXES.items():
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            condition = None if where is None else sa.text(where)
            op.create_index(name, table, [column], postgresql_where=condition, postgresql_concurrently=True)
    op.create_table(
        "exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("status IN ('pending', 'ready', 'failed', 'expired')", name=op.f("ck_exports_status_known")),
        sa.CheckConstraint("(status = 'ready') = (key IS NOT NULL)", name=op.f("ck_exports_ready_whole")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_exports_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    pending, ready = sa.text("status = 'pending'"), sa.text("status = 'ready'")
    op.create_index("uq_exports_pending", "exports", ["user_id"], unique=True, postgresql_where=pending)
    op.create_index("ix_exports_user_id_created_at", "exports", ["user_id", "created_at"], unique=False)
    op.create_index("ix_exports_expires_at", "exports", ["expires_at"], unique=False, postgresql_where=ready)
    op.create_index("ix_exports_created_at", "exports", ["created_at"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("exports")
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table)
    op.drop_column("users", "deleting_from")
    op.drop_column("users", "erase_at")
