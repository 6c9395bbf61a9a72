"""Mails, the tokens in them, what people want to be mailed, and which notifications wait to be."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "mail"
down_revision: str | None = "waiting_messages"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = {
    "ix_notifications_unread": ("user_id", "read_at IS NULL"),
    "ix_notifications_undecided": (
        "mail_from",
        "mail_from IS NOT NULL AND read_at IS NULL AND kind IN ('match.created', 'message.created')",
    ),
}


def upgrade() -> None:
    """Apply."""
    # The default comes second: what people were told before there were mails is not mailed now. What comes before the
    # tables is committed with the first index, and can be done again.
    op.execute("ALTER TABLE notifications ADD COLUMN IF NOT EXISTS mail_from timestamptz")
    op.execute("ALTER TABLE notifications ALTER COLUMN mail_from SET DEFAULT now()")
    with op.get_context().autocommit_block():
        for name, (column, where) in INDEXES.items():
            op.drop_index(name, table_name="notifications", if_exists=True, postgresql_concurrently=True)
            condition = sa.text(where)
            op.create_index(name, "notifications", [column], postgresql_where=condition, postgresql_concurrently=True)
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unconfirmed", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mails_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
    )
    op.create_index("ix_mails_user_id_kind_created_at", "mails", ["user_id", "kind", "created_at"], unique=False)
    op.create_index("ix_mails_created_at", "mails", ["created_at"], unique=False)
    op.create_table(
        "email_tokens",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_email_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_email_tokens")),
    )
    op.create_index("ix_email_tokens_user_id", "email_tokens", ["user_id"], unique=False)
    op.create_index("ix_email_tokens_expires_at", "email_tokens", ["expires_at"], unique=False)
    op.create_table(
        "muted_mails",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_muted_mails_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("pk_muted_mails")),
    )


def downgrade() -> None:
    """Take back."""
    for name in INDEXES:
        op.drop_index(name, "notifications")
    op.drop_column("notifications", "mail_from")
    for table in ("muted_mails", "email_tokens", "mails"):
        op.drop_table(table)
