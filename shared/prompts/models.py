"""The tables of prompts: the catalogue, people's answers with their vectors, and each person's vector."""

import uuid

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    false,
    func,
    literal_column,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.embedding.rules import DIMENSIONS
from shared.models import Base, Created, Id, Moment


class Prompt(Base):
    """A question of the catalogue."""

    __tablename__ = "prompts"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(Text, unique=True)
    text: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(SmallInteger)
    offered: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    """Whether it can be answered; one that was taken out of the catalogue stays for the answers it has."""


class PromptAnswer(Base):
    """A person's answer. Its vector is empty until a worker has embedded the text as it is now."""

    __tablename__ = "prompt_answers"
    __table_args__ = (
        UniqueConstraint("user_id", "prompt_id"),
        UniqueConstraint("user_id", "position", deferrable=True, initially="DEFERRED"),
        Index("uq_prompt_answers_private", "user_id", unique=True, postgresql_where=literal_column("private")),
        CheckConstraint("char_length(answer) BETWEEN 1 AND 300", name="answer_length"),
        CheckConstraint(
            "(vector IS NULL) = (model IS NULL) AND (vector IS NULL) = (engine IS NULL)", name="vector_whole"
        ),
        Index(
            "ix_prompt_answers_vector",
            "vector",
            postgresql_using="hnsw",
            postgresql_ops={"vector": "halfvec_cosine_ops"},
            postgresql_where=literal_column("NOT private"),
        ),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    prompt_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("prompts.id"))
    answer: Mapped[str] = mapped_column(Text)
    private: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """Embedded, so that it counts for ranking, but never shown to others."""
    position: Mapped[int] = mapped_column(SmallInteger)
    vector: Mapped[list[float] | None] = mapped_column(HALFVEC(DIMENSIONS), deferred=True)
    """Of unit length; comparable only with vectors of the same model."""
    model: Mapped[str | None] = mapped_column(Text)
    """The EMBEDDING_MODEL that made the vector."""
    engine: Mapped[str | None] = mapped_column(Text)
    """How the model was run: with what library and precision."""
    created_at: Mapped[Created]
    updated_at: Mapped[Moment] = mapped_column(server_default=func.now())

    prompt: Mapped[Prompt] = relationship(lazy="raise")


class ProfileVector(Base):
    """What a person's answers mean altogether: the normalised mean of those of one model."""

    __tablename__ = "profile_vectors"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    vector: Mapped[list[float]] = mapped_column(HALFVEC(DIMENSIONS))
    model: Mapped[str] = mapped_column(Text)
