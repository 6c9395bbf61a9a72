"""The meaning of answers: vectors made by workers, each person's vector, and search for answers alike.

Vectors of two models say nothing about each other, so whatever compares them asks for one model. Changing
EMBEDDING_MODEL makes every vector of another model unfinished work.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pgvector import HalfVector
from sqlalchemy import Select, bindparam, delete, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from shared import ledger, log
from shared.accounts.models import Status, User
from shared.accounts.service import lock_all
from shared.jobs import EMBED_ANSWER
from shared.prompts.models import ProfileVector, PromptAnswer
from shared.settings import settings

FORGOTTEN: Final = timedelta(minutes=5)  # an answer that waits this long with no ledger row was forgotten by code
_log = log.logger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """An answer to embed."""

    answer_id: uuid.UUID
    user_id: uuid.UUID
    text: str


def sources(session: Session, *, answer_ids: Sequence[uuid.UUID]) -> list[Source]:
    """What these answers say now; those that are gone are left out."""
    rows = session.execute(
        select(PromptAnswer.id, PromptAnswer.user_id, PromptAnswer.answer).where(PromptAnswer.id.in_(answer_ids))
    )
    return [Source(answer_id, user_id, said) for answer_id, user_id, said in rows]


def store(session: Session, vectors: Mapping[Source, Sequence[float]], *, model: str, engine: str) -> None:
    """Store the vectors (unit length, 384 numbers each) of these answers, and with them their people's.

    An answer that says something else by now is left alone: it was asked for anew.
    """
    if not vectors:
        return
    people = {source.user_id for source in vectors}
    lock_all(session, people)
    session.connection().execute(
        update(PromptAnswer)
        .where(PromptAnswer.id == bindparam("answer_id"), PromptAnswer.answer == bindparam("said"))
        .values(vector=bindparam("made"), model=model, engine=engine),
        [
            {"answer_id": source.answer_id, "said": source.text, "made": HalfVector(list(vector))}
            for source, vector in vectors.items()
        ],
    )
    refresh_profiles(session, people, model=model)


def refresh_profiles(session: Session, user_ids: Collection[uuid.UUID], *, model: str | None = None) -> None:
    """Make these people's vectors anew: the normalised mean of their answers' vectors of the model (default: ours).

    Whoever has no such answer has no vector. Lock the people first.
    """
    model = model or settings().embedding_model
    embedded = (PromptAnswer.user_id.in_(user_ids), PromptAnswer.model == model)
    means = (
        select(PromptAnswer.user_id, func.l2_normalize(func.avg(PromptAnswer.vector)), literal(model))
        .where(*embedded)
        .group_by(PromptAnswer.user_id)
    )
    made = insert(ProfileVector).from_select(["user_id", "vector", "model"], means)
    session.execute(
        made.on_conflict_do_update(
            index_elements=[ProfileVector.user_id],
            set_={"vector": made.excluded.vector, "model": made.excluded.model},
        )
    )
    session.execute(
        delete(ProfileVector).where(
            ProfileVector.user_id.in_(user_ids),
            ProfileVector.user_id.not_in(select(PromptAnswer.user_id).where(*embedded)),
        )
    )


@dataclass(frozen=True, slots=True)
class Alike:
    """An answer found by its meaning; `similarity` is the cosine, -1..1."""

    answer: PromptAnswer
    similarity: float


def most_like(session: Session, *, answer_id: uuid.UUID, most: int = 20) -> list[Alike]:
    """Other active people's answers that mean most nearly the same as this one, the nearest first.

    Private answers are never found. Nothing is found for an answer that waits to be embedded. By the HNSW index, which
    may miss a few (Malkov and Yashunin, 2016), and many while a change of model is under way: it holds both models'
    vectors, and looks at some 20,000 of them at most (`hnsw.max_scan_tuples`).
    """
    mine = session.execute(
        select(PromptAnswer.vector, PromptAnswer.model, PromptAnswer.user_id).where(PromptAnswer.id == answer_id)
    ).one_or_none()
    if mine is None or mine.vector is None:
        return []
    # Without it the index gives its nearest forty, however few of them the conditions leave.
    session.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
    distance = PromptAnswer.vector.cosine_distance(mine.vector)
    found = session.execute(
        select(PromptAnswer, distance)
        .join(User, User.id == PromptAnswer.user_id)
        .where(
            ~PromptAnswer.private,
            PromptAnswer.model == mine.model,
            PromptAnswer.user_id != mine.user_id,
            User.status == Status.ACTIVE,
        )
        .options(selectinload(PromptAnswer.prompt))
        .order_by(distance)
        .limit(most)
    )
    return [Alike(answer, 1.0 - away) for answer, away in found]


def to_embed(*, user_id: uuid.UUID | None, stale_for: str | None) -> Select[uuid.UUID]:
    """Ids of the answers to embed anew: of one person or everybody.

    With `stale_for`, an engine, only those that another engine or model embedded, or none.
    """
    wanted = select(PromptAnswer.id)
    if user_id is not None:
        wanted = wanted.where(PromptAnswer.user_id == user_id)
    if stale_for is not None:
        wanted = wanted.where(
            or_(
                PromptAnswer.model.is_distinct_from(settings().embedding_model),
                PromptAnswer.engine.is_distinct_from(stale_for),
            )
        )
    return wanted


def ask_for_unfinished(session: Session, *, now: datetime, most: int = 5000) -> tuple[int, int]:
    """(answers of another model, forgotten ones) that were now asked for: the first follow a change of EMBEDDING_MODEL.

    An answer without a vector that nobody promised to embed is code that forgot to ask: repaired, logged as an error.
    """
    rows = session.execute(
        select(PromptAnswer.id, PromptAnswer.model)
        .where(
            PromptAnswer.model.is_distinct_from(settings().embedding_model),
            PromptAnswer.updated_at < now - FORGOTTEN,
            ledger.unpromised(EMBED_ANSWER, PromptAnswer.id),
        )
        .limit(most)
    ).all()
    forgotten = [str(answer_id) for answer_id, model in rows if model is None]
    if forgotten:
        _log.error("answers waited with nobody to embed them", answers=forgotten[:20], count=len(forgotten))
    ledger.ask(session, EMBED_ANSWER, *(str(answer_id) for answer_id, _ in rows))
    return len(rows) - len(forgotten), len(forgotten)
