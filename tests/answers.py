"""Answers for tests: written by people who cannot log in, with vectors made by hand or by the real model."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.embedding.rules import DIMENSIONS
from shared.prompts import vectors
from shared.prompts.catalogue import QUESTIONS
from shared.prompts.models import PromptAnswer
from shared.prompts.service import answer
from shared.prompts.vectors import Source
from shared.settings import settings
from tests.people import make_user

CORPUS = Path(__file__).parent / "data" / "answers.json"


def corpus() -> list[dict[str, Any]]:
    """Answers such as people write: question, answer, themes."""
    read: list[dict[str, Any]] = json.loads(CORPUS.read_text(encoding="utf-8"))
    return read


def say(session: Session, user: User, text: str, *, question: int = 0, private: bool = False) -> PromptAnswer:
    """An answer to a question of the catalogue, waiting to be embedded."""
    return answer(session, user, prompt_id=QUESTIONS[question].id, text=text, private=private)


def towards(*parts: float) -> list[float]:
    """A vector of unit length with these first parts."""
    length = sum(part**2 for part in parts) ** 0.5
    return [part / length for part in parts] + [0.0] * (DIMENSIONS - len(parts))


def embed(session: Session, answer: PromptAnswer, vector: Sequence[float], *, model: str | None = None) -> None:
    """Give an answer its vector, as a worker does."""
    source = Source(answer.id, answer.user_id, answer.answer)
    vectors.store(session, {source: vector}, model=model or settings().embedding_model, engine="by hand")


def somebody_says(
    session: Session,
    text: str,
    vector: Sequence[float],
    *,
    private: bool = False,
    model: str | None = None,
    **columns: Any,
) -> PromptAnswer:
    """An answer of somebody new, embedded."""
    said = say(session, make_user(session, **columns), text, private=private)
    embed(session, said, vector, model=model)
    return said
