"""People with answers and scores, for tests of badges."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.badges.catalogue import BADGES, Kind
from shared.badges.rules import PLAIN
from shared.embedding.rules import DIMENSIONS
from shared.prompts.models import Prompt, PromptAnswer
from shared.quiz.models import UserTraitScore

MODEL = "a-model"
SLUGS = [*(badge.slug for badge in BADGES if badge.kind == Kind.MEANING), PLAIN]


def vector_of(slug: str, close: float = 0.9) -> list[float]:
    """A vector that `closeness` reads as this close to one badge, and not at all to any other."""
    numbers = [0.0] * DIMENSIONS
    numbers[SLUGS.index(slug)] = close
    return numbers


def closeness(vectors: Sequence[list[float]]) -> list[dict[str, float]]:
    """In place of a model: each dimension is one badge."""
    return [dict(zip(SLUGS, vector[: len(SLUGS)], strict=True)) for vector in vectors]


def answer(session: Session, user: User, slug: str | None, **columns: Any) -> PromptAnswer:
    """A public answer to the next question, which says what earns this badge, or is not embedded yet."""
    held = session.scalars(select(PromptAnswer).where(PromptAnswer.user_id == user.id)).all()
    prompt = session.scalars(select(Prompt).order_by(Prompt.position).offset(len(held)).limit(1)).one()
    made = {} if slug is None else {"vector": vector_of(slug), "model": MODEL, "engine": "test"}
    row = PromptAnswer(
        user_id=user.id, prompt_id=prompt.id, position=len(held), **{"answer": uuid.uuid4().hex, **made, **columns}
    )
    session.add(row)
    session.flush()
    return row


def score(session: Session, user: User, **scores: float) -> None:
    """Scores from the quiz: those named, and the middle for all others."""
    names = ("social_energy", "spontaneity", "emotional_openness", "directness", "independence", "adventure")
    session.merge(UserTraitScore(user_id=user.id, version=1, scores=[scores.get(name, 0.5) for name in names]))
    session.flush()
