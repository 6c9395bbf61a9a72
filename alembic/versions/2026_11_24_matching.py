"""Likes, passes, blocks, matches, and what users have to do with them."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "matching"
down_revision: str | None = "moderation"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply. The strongest lock first: who reads a person and then changes them would else wait crosswise."""
    op.add_column("users", sa.Column("contact_hash", sa.LargeBinary(), nullable=True))
    op.add_column("users", sa.Column("likes_paused_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("dating_match_id", sa.Uuid(), nullable=True))
    op.add_column("users", sa.Column("paused_by_dating", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_table(
        "passes",
        sa.Column("passer_id", sa.Uuid(), nullable=False),
        sa.Column("passed_id", sa.Uuid(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("passer_id", "passed_id", "expires_on", name=op.f("pk_passes")),
        postgresql_partition_by="RANGE (expires_on)",
    )
    op.create_table(
        "blocks",
        sa.Column("blocker_id", sa.Uuid(), nullable=False),
        sa.Column("blocked_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["blocked_id"], ["users.id"], name=op.f("fk_blocks_blocked_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["blocker_id"], ["users.id"], name=op.f("fk_blocks_blocker_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("blocker_id", "blocked_id", name=op.f("pk_blocks")),
    )
    op.create_index("ix_blocks_blocked_id", "blocks", ["blocked_id"], unique=False)
    op.create_table(
        "contact_hashes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_contact_hashes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "hash", name=op.f("pk_contact_hashes")),
    )
    op.create_index("ix_contact_hashes_hash", "contact_hashes", ["hash"], unique=False)
    op.create_table(
        "daily_like_counts",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("used", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "times", postgresql.ARRAY(sa.DateTime(timezone=True)), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("comments", postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("rewound", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_daily_like_counts_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "day", name=op.f("pk_daily_like_counts")),
    )
    op.create_index("ix_daily_like_counts_day", "daily_like_counts", ["day"], unique=False)
    op.create_table(
        "matches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("low_id", sa.Uuid(), nullable=False),
        sa.Column("high_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('active', 'archived', 'dating', 'unmatched', 'deleted')", name=op.f("ck_matches_state_known")
        ),
        sa.CheckConstraint("proposed BETWEEN 0 AND 3", name=op.f("ck_matches_proposed_by_two")),
        sa.ForeignKeyConstraint(["high_id"], ["users.id"], name=op.f("fk_matches_high_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["low_id"], ["users.id"], name=op.f("fk_matches_low_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matches")),
    )
    op.create_index("ix_matches_high_id_active_at", "matches", ["high_id", "active_at"], unique=False)
    op.create_index("ix_matches_low_id_active_at", "matches", ["low_id", "active_at"], unique=False)
    op.create_index(
        "ix_matches_quiet", "matches", ["active_at"], unique=False, postgresql_where=sa.text("state = 'active'")
    )
    op.create_index(
        "uq_matches_pair", "matches", ["low_id", "high_id"], unique=True, postgresql_where=sa.text("state <> 'deleted'")
    )
    op.create_table(
        "pairs",
        sa.Column("low_id", sa.Uuid(), nullable=False),
        sa.Column("high_id", sa.Uuid(), nullable=False),
        sa.Column("likes", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("blocked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("likes BETWEEN 0 AND 3", name=op.f("ck_pairs_likes_of_two")),
        sa.CheckConstraint("low_id < high_id", name=op.f("ck_pairs_in_order")),
        sa.ForeignKeyConstraint(["high_id"], ["users.id"], name=op.f("fk_pairs_high_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["low_id"], ["users.id"], name=op.f("fk_pairs_low_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("low_id", "high_id", name=op.f("pk_pairs")),
    )
    op.create_index("ix_pairs_high_id", "pairs", ["high_id"], unique=False)
    op.create_table(
        "likes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("liker_id", sa.Uuid(), nullable=False),
        sa.Column("liked_id", sa.Uuid(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.BigInteger(), nullable=True),
        sa.Column("shingles", postgresql.ARRAY(sa.Integer()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("photo_id", sa.Uuid(), nullable=True),
        sa.Column("prompt_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("liker_id <> liked_id", name=op.f("ck_likes_not_oneself")),
        sa.CheckConstraint("photo_id IS NULL OR prompt_id IS NULL", name=op.f("ck_likes_about_one_thing")),
        sa.ForeignKeyConstraint(["liked_id"], ["users.id"], name=op.f("fk_likes_liked_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["liker_id"], ["users.id"], name=op.f("fk_likes_liker_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name=op.f("fk_likes_photo_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["prompt_answers.id"], name=op.f("fk_likes_prompt_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("liker_id", "liked_id", name=op.f("pk_likes")),
    )
    op.create_index(
        "ix_likes_comments",
        "likes",
        ["liker_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("comment IS NOT NULL"),
    )
    op.create_index("ix_likes_liked_id_created_at", "likes", ["liked_id", "created_at"], unique=False)
    op.create_index(
        "ix_likes_photo_id", "likes", ["photo_id"], unique=False, postgresql_where=sa.text("photo_id IS NOT NULL")
    )
    op.create_index(
        "ix_likes_prompt_id", "likes", ["prompt_id"], unique=False, postgresql_where=sa.text("prompt_id IS NOT NULL")
    )
    op.create_index(
        "ix_likes_fingerprint",
        "likes",
        ["liker_id", "fingerprint"],
        unique=False,
        postgresql_where=sa.text("fingerprint IS NOT NULL"),
    )
    op.create_index("uq_likes_id", "likes", ["id"], unique=True)
    op.create_table(
        "match_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("match_id", sa.Uuid(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["users.id"], name=op.f("fk_match_changes_changed_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["match_id"], ["matches.id"], name=op.f("fk_match_changes_match_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_changes")),
    )
    op.create_index("ix_match_changes_changed_by", "match_changes", ["changed_by"], unique=False)
    op.create_index("ix_match_changes_match_id", "match_changes", ["match_id"], unique=False)


def downgrade() -> None:
    """Take back."""
    for column in ("paused_by_dating", "dating_match_id", "hidden_at", "likes_paused_until", "contact_hash"):
        op.drop_column("users", column)
    for table in (
        "match_changes",
        "matches",
        "contact_hashes",
        "blocks",
        "passes",
        "daily_like_counts",
        "likes",
        "pairs",
    ):
        op.drop_table(table)
