"""Prompts, people's answers with their vectors, and each person's vector."""

from collections.abc import Sequence

import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC

from alembic import op
from shared.prompts.catalogue import seed

revision: str = "prompts"
down_revision: str | None = "photos"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "prompts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("offered", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
        sa.UniqueConstraint("slug", name=op.f("uq_prompts_slug")),
    )
    op.create_table(
        "profile_vectors",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("vector", HALFVEC(384), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_profile_vectors_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_profile_vectors")),
    )
    op.create_table(
        "prompt_answers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("prompt_id", sa.Uuid(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("private", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("vector", HALFVEC(384), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("engine", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(vector IS NULL) = (model IS NULL) AND (vector IS NULL) = (engine IS NULL)",
            name=op.f("ck_prompt_answers_vector_whole"),
        ),
        sa.CheckConstraint("char_length(answer) BETWEEN 1 AND 300", name=op.f("ck_prompt_answers_answer_length")),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name=op.f("fk_prompt_answers_prompt_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_prompt_answers_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_answers")),
        sa.UniqueConstraint(
            "user_id",
            "position",
            deferrable=True,
            initially="DEFERRED",
            name=op.f("uq_prompt_answers_user_id_position"),
        ),
        sa.UniqueConstraint("user_id", "prompt_id", name=op.f("uq_prompt_answers_user_id_prompt_id")),
    )
    op.create_index(
        "ix_prompt_answers_vector",
        "prompt_answers",
        ["vector"],
        unique=False,
        postgresql_using="hnsw",
        postgresql_ops={"vector": "halfvec_cosine_ops"},
        postgresql_where=sa.text("NOT private"),
    )
    op.create_index(
        "uq_prompt_answers_private", "prompt_answers", ["user_id"], unique=True, postgresql_where=sa.text("private")
    )
    seed(op.get_bind())


def downgrade() -> None:
    """Take back."""
    op.drop_table("prompt_answers")
    op.drop_table("profile_vectors")
    op.drop_table("prompts")
