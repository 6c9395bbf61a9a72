"""Who has which badges, and by which catalogue they were made."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "badges"
down_revision: str | None = "quiz"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "badge_runs",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("catalogue", sa.SmallInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_badge_runs_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_badge_runs")),
    )
    op.create_table(
        "user_badges",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("strength", sa.REAL(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("answer_id", sa.Uuid(), nullable=True),
        sa.Column("answer_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("awarded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(answer_id IS NULL) = (answer_sha256 IS NULL)", name=op.f("ck_user_badges_answer_whole")),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["prompt_answers.id"], name=op.f("fk_user_badges_answer_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_badges_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "slug", name=op.f("pk_user_badges")),
    )
    op.create_index(op.f("ix_user_badges_answer_id"), "user_badges", ["answer_id"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("user_badges")
    op.drop_table("badge_runs")
