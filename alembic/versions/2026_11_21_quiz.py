"""Answers to the quiz, the scores derived from them, and what is usual."""

from collections.abc import Sequence

import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "quiz"
down_revision: str | None = "prompts"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "quiz_responses",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_quiz_responses_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_quiz_responses")),
    )
    op.create_table(
        "user_trait_scores",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("scores", VECTOR(6), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_trait_scores_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_user_trait_scores")),
    )
    op.create_table(
        "population_traits",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("scores", VECTOR(6), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_population_traits_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_population_traits")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("population_traits")
    op.drop_table("user_trait_scores")
    op.drop_table("quiz_responses")
