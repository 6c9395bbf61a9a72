"""The tables of badges: who has which, and by which catalogue they were last made."""

import uuid

from sqlalchemy import REAL, CheckConstraint, ForeignKey, LargeBinary, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Moment


class UserBadge(Base):
    """A badge that a person has.

    One earned by an answer is good for the words it was earned by: whoever reads badges goes through
    `shared.badges.service`, which leaves out those whose answer was changed, or made private, since.
    """

    __tablename__ = "user_badges"
    __table_args__ = (CheckConstraint("(answer_id IS NULL) = (answer_sha256 IS NULL)", name="answer_whole"),)

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    """Of the catalogue."""
    reason: Mapped[str] = mapped_column(Text)
    strength: Mapped[float] = mapped_column(REAL)
    position: Mapped[int] = mapped_column(SmallInteger)
    """The strongest is 0."""
    answer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("prompt_answers.id", ondelete="CASCADE"), index=True)
    answer_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of the answer's prompt and text, as they were when it earned the badge."""
    awarded_at: Mapped[Moment]


class BadgeRun(Base):
    """That a person's badges were made, even if they have none."""

    __tablename__ = "badge_runs"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    catalogue: Mapped[int] = mapped_column(SmallInteger)
    made_at: Mapped[Moment]
