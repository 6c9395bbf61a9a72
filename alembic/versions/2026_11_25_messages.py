"""Messages, how far both of a match have read, and matches that outlast an account."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "messages"
down_revision: str | None = "discovery"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COUNTS = ("messages", "low_unread", "high_unread", "low_read", "high_read")
PEOPLE = ("low_id", "high_id")


def upgrade() -> None:
    """Apply."""
    for name in COUNTS:
        op.add_column("matches", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("matches", sa.Column("blocked", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(
        "UPDATE matches m SET blocked = true FROM pairs p"
        " WHERE p.low_id = m.low_id AND p.high_id = m.high_id AND p.blocked"
    )
    # Who is left keeps what was written: the row of the other may go.
    for name in PEOPLE:
        op.drop_constraint(f"fk_matches_{name}", "matches", type_="foreignkey")
    op.create_table(
        "messages",
        sa.Column("match_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["match_id"], ["matches.id"], name="fk_messages_match_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("match_id", "number", name="pk_messages"),
    )
    op.create_index("uq_messages_id", "messages", ["id"], unique=True)
    op.create_index("ix_messages_sender_id", "messages", ["sender_id"])
    op.create_index(
        "uq_messages_client_id",
        "messages",
        ["match_id", "sender_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("client_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Take back. Matches with somebody who is gone go too."""
    op.drop_table("messages")
    op.execute(
        "DELETE FROM matches m WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = m.low_id)"
        " OR NOT EXISTS (SELECT FROM users u WHERE u.id = m.high_id)"
    )
    for name in PEOPLE:
        op.create_foreign_key(f"fk_matches_{name}", "matches", "users", [name], ["id"], ondelete="CASCADE")
    op.drop_column("matches", "blocked")
    for name in reversed(COUNTS):
        op.drop_column("matches", name)
