"""The tables of the quiz: answers, the scores derived from them, and what is usual among all people."""

import uuid

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Moment
from shared.quiz.traits import Trait


class QuizResponse(Base):
    """A person's answers as they gave them; everything else about the quiz can be derived from these."""

    __tablename__ = "quiz_responses"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(SmallInteger)
    """Of the quiz: a key of QUIZZES."""
    answers: Mapped[dict[str, str]] = mapped_column(JSONB)
    """Slug of each question to that of the chosen option."""
    answered_at: Mapped[Moment]


class UserTraitScore(Base):
    """A person's scores, in 0..1 and in the order of `Trait`.

    One vector rather than six columns: the weighted distance of the compatibility rule is then one expression of
    pgvector in SQL, `(a * w) <+> (b * w)` (element-wise product, then the sum of absolute differences), so that
    ranking can compute it where the rows are. Single precision is plenty: a score has at most some 15 steps.
    """

    __tablename__ = "user_trait_scores"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(SmallInteger)
    """Of the quiz that was answered."""
    scores: Mapped[list[float]] = mapped_column(VECTOR(len(Trait)))


class PopulationTraits(Base):
    """What is usual: of each trait the median of everybody. At most one row."""

    __tablename__ = "population_traits"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, default=1, autoincrement=False)
    scores: Mapped[list[float]] = mapped_column(VECTOR(len(Trait)))
    people: Mapped[int]
    """How many the medians are of."""
    computed_at: Mapped[Moment]
