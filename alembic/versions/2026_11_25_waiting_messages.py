"""One unread notification for all unread messages of a match, made sure of without holding anybody up."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "waiting_messages"
down_revision: str | None = "messages"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NAME = "uq_notifications_waiting_message"


def upgrade() -> None:
    """Apply; what was interrupted is run anew."""
    with op.get_context().autocommit_block():
        op.drop_index(NAME, "notifications", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            NAME,
            "notifications",
            ["user_id", sa.text("(data ->> 'match_id')")],
            unique=True,
            postgresql_where=sa.text("kind = 'message.created' AND read_at IS NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    """Take back."""
    op.drop_index(NAME, "notifications")
