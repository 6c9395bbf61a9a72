"""What the console counts by day: rows come in the order of time, so of large tables a BRIN of a few pages will do."""

from collections.abc import Sequence

from alembic import op

revision: str = "console"
down_revision: str | None = "privacy"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = {"users": "btree", "likes": "brin", "matches": "brin", "messages": "brin"}


def upgrade() -> None:
    """Apply."""
    with op.get_context().autocommit_block():
        for table, using in INDEXES.items():
            name = f"ix_{table}_created_at"
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, ["created_at"], postgresql_using=using, postgresql_concurrently=True)


def downgrade() -> None:
    """Undo."""
    for table in INDEXES:
        op.drop_index(f"ix_{table}_created_at", table_name=table)
