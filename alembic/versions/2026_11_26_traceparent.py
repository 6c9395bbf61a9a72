"""The trace of the request that asked for work, in the work's row."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "traceparent"
down_revision: str | None = "idempotency_keys"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.add_column("work", sa.Column("traceparent", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("work", "traceparent")
