"""Enable pgvector, for vectors and bit strings that are compared by distance."""

from collections.abc import Sequence

from alembic import op

revision: str = "enable_pgvector"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")


def downgrade() -> None:
    """Take back."""
    op.execute("DROP EXTENSION vector")
