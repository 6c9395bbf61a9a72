"""Decisions on cases, bans, and a log of them that cannot be edited."""

from collections.abc import Sequence

import sqlalchemy as sa
from pgvector.sqlalchemy import BIT
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "trust"
down_revision: str | None = "mail"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Whoever owns the table could drop the trigger, but not by mistake, and no statement of the application does.
REFUSE = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log can only be added to' USING ERRCODE = 'insufficient_privilege';
END
$$
"""
GUARD = """
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
"""
PEOPLE = (("cases", "taken_by"), ("cases", "closed_by"), ("notices", "decided_by"))


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    for column in ("created_at", "actor_id", "user_id"):
        op.create_index(f"ix_audit_{column}", "audit", [column])
    op.execute(REFUSE)
    op.execute(GUARD)
    op.create_table(
        "bans",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", BIT(64), nullable=True),
        sa.Column("color", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('email', 'username', 'photo')", name=op.f("ck_bans_kind_known")),
        sa.PrimaryKeyConstraint("case_id", "kind", "hash", name=op.f("pk_bans")),
    )
    op.create_index("ix_bans_kind_hash", "bans", ["kind", "hash"])
    op.add_column("users", sa.Column("suspended_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("suspended_from", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("priority", sa.Float(), server_default=sa.text("0"), nullable=False))
    op.add_column("cases", sa.Column("taken_by", sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("closed_by", sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("decision", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("reports", sa.Column("weight", sa.Float(), server_default=sa.text("1"), nullable=False))
    op.add_column("reports", sa.Column("founded", sa.Boolean(), nullable=True))
    op.add_column("notices", sa.Column("decided_by", sa.Uuid(), nullable=True))
    op.add_column("notices", sa.Column("removed", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("notices", sa.Column("overturned", sa.Boolean(), nullable=True))
    op.create_check_constraint(
        "closed_by_decision", "cases", "(closed_at IS NULL) = (decision IS NULL)", postgresql_not_valid=True
    )
    for table, column in PEOPLE:
        op.create_foreign_key(
            op.f(f"fk_{table}_{column}"),
            table,
            "users",
            [column],
            ["id"],
            ondelete="SET NULL",
            postgresql_not_valid=True,  # no row has one yet, so there is nothing to look through under a lock
        )


def downgrade() -> None:
    """Take back."""
    for table, column in PEOPLE:
        op.drop_column(table, column)
    for table, columns in {
        "users": ("suspended_until", "suspended_from"),
        "cases": ("priority", "taken_at", "decision", "reason"),
        "reports": ("weight", "founded"),
        "notices": ("removed", "overturned"),
    }.items():
        for column in columns:
            op.drop_column(table, column)
    op.drop_table("bans")
    op.drop_table("audit")
    op.execute("DROP FUNCTION refuse_audit_change()")
