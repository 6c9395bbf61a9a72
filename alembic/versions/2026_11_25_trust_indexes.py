"""What finds cases by who has them and what weighs most, and suspensions that end."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "trust_indexes"
down_revision: str | None = "trust"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = {
    "ix_cases_taken_by": ("cases", ["taken_by"], None),
    "ix_cases_closed_by": ("cases", ["closed_by"], None),
    "ix_notices_decided_by": ("notices", ["decided_by"], None),
    "ix_cases_priority": ("cases", [sa.text("priority DESC"), "opened_at"], "closed_at IS NULL"),
    "ix_users_suspended_until": ("users", ["suspended_until"], "status = 'suspended'"),
}


def upgrade() -> None:
    """Apply."""
    with op.get_context().autocommit_block():
        for name, (table, columns, where) in INDEXES.items():
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            only = sa.text(where) if where else None
            op.create_index(name, table, columns, postgresql_where=only, postgresql_concurrently=True)


def downgrade() -> None:
    """Take back."""
    for name, (table, *_) in INDEXES.items():
        op.drop_index(name, table_name=table)
