"""The tables of matching: what lies between two people, likes and their daily count, passes, blocks, matches."""

import uuid
from datetime import UTC, date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Id, Moment


def _user(*, primary: bool = False) -> Mapped[uuid.UUID]:
    return mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=primary)


def _count() -> Mapped[int]:
    return mapped_column(default=0, server_default=text("0"))


class Pair(Base):
    """Two people, the one with the lower id first: the one row at which all that happens between them takes turns.

    Without it, two likes that cross would each look for the other, find nothing, and make no match.
    """

    __tablename__ = "pairs"
    __table_args__ = (
        CheckConstraint("low_id < high_id", name="in_order"),
        CheckConstraint("likes BETWEEN 0 AND 3", name="likes_of_two"),
        Index("ix_pairs_high_id", "high_id"),
    )

    low_id: Mapped[uuid.UUID] = _user(primary=True)
    high_id: Mapped[uuid.UUID] = _user(primary=True)
    likes: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Who likes: the sum of their sides, see `rules.side`."""
    blocked: Mapped[bool] = mapped_column(server_default=false())


class Like(Base):
    """One person likes another, with a sentence and about something, or just so."""

    __tablename__ = "likes"
    __table_args__ = (
        Index("uq_likes_id", "id", unique=True),
        Index("ix_likes_liked_id_created_at", "liked_id", "created_at"),
        Index("ix_likes_created_at", "created_at", postgresql_using="brin"),
        Index("ix_likes_comments", "liker_id", "created_at", postgresql_where=text("comment IS NOT NULL")),
        Index("ix_likes_fingerprint", "liker_id", "fingerprint", postgresql_where=text("fingerprint IS NOT NULL")),
        Index("ix_likes_photo_id", "photo_id", postgresql_where=text("photo_id IS NOT NULL")),
        Index("ix_likes_prompt_id", "prompt_id", postgresql_where=text("prompt_id IS NOT NULL")),
        CheckConstraint("liker_id <> liked_id", name="not_oneself"),
        CheckConstraint("photo_id IS NULL OR prompt_id IS NULL", name="about_one_thing"),
    )

    id: Mapped[uuid.UUID]
    liker_id: Mapped[uuid.UUID] = _user(primary=True)
    liked_id: Mapped[uuid.UUID] = _user(primary=True)
    comment: Mapped[str | None] = mapped_column(Text)
    fingerprint: Mapped[int | None] = mapped_column(BigInteger)
    """Of the comment, see `comments.fingerprint`: no other may be the same."""
    shingles: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default=text("'{}'"))
    """Of the comment, see `comments.shingles`: what the next ones are compared with."""
    photo_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("photos.id", ondelete="SET NULL"))
    prompt_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("prompt_answers.id", ondelete="SET NULL"))
    """The answer that the like is about."""
    created_at: Mapped[Moment]


class DailyLikeCount(Base):
    """What somebody has used up of one of their days; a new day is a new row, so nothing has to be reset at midnight.

    All likes of a person take turns here. What racing likes must not get around is in this row for that reason.
    """

    __tablename__ = "daily_like_counts"
    __table_args__ = (Index("ix_daily_like_counts_day", "day"),)

    user_id: Mapped[uuid.UUID] = _user(primary=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    """The day in the person's own time zone."""
    used: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    times: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), server_default=text("'{}'"))
    """When those of the last minute were sent."""
    comments: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))
    """Fingerprints of their comments, see `comments.fingerprint`."""
    rewound: Mapped[bool] = mapped_column(server_default=false())


class Pass(Base):
    """One person does not want to see another until it expires. What has expired is decided when it is read.

    Partitioned by week, see `passes.py`. No foreign keys: dropping a partition that has any would lock everybody's row.
    """

    __tablename__ = "passes"
    __table_args__ = (Index("ix_passes_passed_id", "passed_id"), {"postgresql_partition_by": "RANGE (expires_on)"})

    passer_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    passed_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    expires_on: Mapped[date] = mapped_column(Date, primary_key=True)
    """The day (UTC) of `expires_at`: a partition's key must be part of the primary key."""
    expires_at: Mapped[Moment]
    created_at: Mapped[Moment]

    @classmethod
    def in_force(cls, now: datetime) -> tuple[ColumnElement[bool], ...]:
        """The conditions on a pass that has not expired; the first one spares a look into weeks that are over."""
        return cls.expires_on >= now.astimezone(UTC).date(), cls.expires_at > now


class Block(Base):
    """One person wants nothing to do with another, ever."""

    __tablename__ = "blocks"
    __table_args__ = (Index("ix_blocks_blocked_id", "blocked_id"),)

    blocker_id: Mapped[uuid.UUID] = _user(primary=True)
    blocked_id: Mapped[uuid.UUID] = _user(primary=True)
    created_at: Mapped[Moment]


class ContactHash(Base):
    """A hashed address of somebody whom a person never wants to meet here."""

    __tablename__ = "contact_hashes"
    __table_args__ = (Index("ix_contact_hashes_hash", "hash"),)

    user_id: Mapped[uuid.UUID] = _user(primary=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class Match(Base):
    """Two people who like each other. At most one per pair, but for those that an account's deletion ended."""

    __tablename__ = "matches"
    __table_args__ = (
        CheckConstraint("state IN ('active', 'archived', 'dating', 'unmatched', 'deleted')", name="state_known"),
        CheckConstraint("proposed BETWEEN 0 AND 3", name="proposed_by_two"),
        Index("uq_matches_pair", "low_id", "high_id", unique=True, postgresql_where=text("state <> 'deleted'")),
        Index("ix_matches_low_id_active_at", "low_id", "active_at"),
        Index("ix_matches_high_id_active_at", "high_id", "active_at"),
        Index("ix_matches_created_at", "created_at", postgresql_using="brin"),
        Index("ix_matches_quiet", "active_at", postgresql_where=text("state = 'active'")),
    )

    id: Mapped[Id]
    low_id: Mapped[uuid.UUID]
    high_id: Mapped[uuid.UUID]
    """No foreign keys: what was written stays with one of them when the other's account is gone."""
    state: Mapped[str] = mapped_column(Text)
    proposed: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Who proposes dating: the sum of their sides, see `rules.side`."""
    created_at: Mapped[Moment]
    state_changed_at: Mapped[Moment]
    active_at: Mapped[Moment]
    """When it began, or was last written in."""
    blocked: Mapped[bool] = mapped_column(server_default=false())
    """Whether one of the two has blocked the other, which outlasts the account of either."""
    messages: Mapped[int] = _count()
    """The number of the last message."""
    low_unread: Mapped[int] = _count()
    high_unread: Mapped[int] = _count()
    """How many of the other's messages each has not read."""
    low_read: Mapped[int] = _count()
    high_read: Mapped[int] = _count()
    """The number of the message up to which each has read."""


class MatchChange(Base):
    """One change of a match's state: who, when and why."""

    __tablename__ = "match_changes"
    __table_args__ = (
        Index("ix_match_changes_match_id", "match_id"),
        Index("ix_match_changes_changed_by", "changed_by"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    match_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("matches.id", ondelete="CASCADE"))
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
    changed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """Nobody when it happened by itself."""
    why: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Moment]
