"""Embedding answers, with the real model; the tasks are called as functions."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, func, select, update

from shared import ledger
from shared.accounts.models import User
from shared.database import Database
from shared.embedding import engine
from shared.jobs import EMBED_ANSWER, MAKE_BADGES
from shared.ledger import Work
from shared.prompts import service, vectors
from shared.prompts.models import ProfileVector, PromptAnswer
from shared.settings import settings
from tests.answers import corpus, say
from tests.models import small_model
from tests.people import make_user
from worker import prompts as tasks


@pytest.fixture
def model() -> Iterator[None]:
    """Loaded by whoever asks for it first; forgotten at the end, for the sake of tests of other models."""
    engine.embedder.cache_clear()
    yield
    engine.embedder.cache_clear()


def saying(db: Database, *texts: str) -> list[uuid.UUID]:
    with db.transaction() as session:
        return [say(session, make_user(session), text).id for text in texts]


def answers(db: Database) -> dict[uuid.UUID, Any]:
    with db.transaction() as session:
        rows = session.execute(
            select(PromptAnswer.id, PromptAnswer.answer, PromptAnswer.vector, PromptAnswer.model, PromptAnswer.engine)
        )
        return {row.id: row for row in rows}


def promised(db: Database, kind: str) -> list[str]:
    with db.transaction() as session:
        return list(session.scalars(select(Work.key).where(Work.kind == kind)))


def alike(a: Any, b: Any) -> float:
    return float(np.dot(a, b))


def test_an_answer_gets_the_vector_of_its_text_with_its_models_name(committed: Database, model: None) -> None:
    texts = ["I bake bread at night.", "Baking loaves after midnight.", "Football, football, football."]
    ids = saying(committed, *texts)
    for _ in range(2):
        tasks.embed(str(ids[0]))
    stored = answers(committed)
    bread, loaves, football = (stored[answer_id].vector for answer_id in ids)
    assert alike(bread, loaves) > 0.6
    assert alike(bread, football) < 0.3
    assert np.linalg.norm(bread) == pytest.approx(1, abs=1e-2)
    assert {row.model for row in stored.values()} == {settings().embedding_model}
    assert {row.engine for row in stored.values()} == {engine.engine_name()}
    assert promised(committed, EMBED_ANSWER.name) == []
    with committed.transaction() as session:
        people = {str(user_id) for user_id in session.scalars(select(User.id))}
        assert session.scalar(select(func.count()).select_from(ProfileVector)) == 3
    assert set(promised(committed, MAKE_BADGES.name)) == people


def test_one_message_embeds_up_to_32_that_wait(committed: Database, model: None) -> None:
    ids = saying(committed, *(one["answer"] for one in corpus()[:40]))
    tasks.embed(str(ids[-1]))
    assert len(promised(committed, EMBED_ANSWER.name)) == 8
    assert answers(committed)[ids[-1]].vector is not None
    tasks.embed(str(ids[-1]))
    assert promised(committed, EMBED_ANSWER.name) == []


def test_changed_while_it_is_embedded_it_ends_with_the_vector_of_the_new_text(
    committed: Database, model: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (answer_id,) = saying(committed, "I bake bread at night.")
    embed = engine.embedder().embed

    def change_meanwhile(texts: Any) -> Any:
        made = embed(texts)
        if "bread" in texts[0]:
            with committed.transaction() as session:
                user = session.get_one(User, session.get_one(PromptAnswer, answer_id).user_id)
                service.replace(
                    session, user, answer_id=answer_id, text="Football, always.", private=False, prompt_id=None
                )
        return made

    monkeypatch.setattr(engine.embedder(), "embed", change_meanwhile)
    tasks.embed(str(answer_id))
    assert answers(committed)[answer_id].vector is None
    assert promised(committed, EMBED_ANSWER.name) == [str(answer_id)]
    tasks.embed(str(answer_id))
    stored = answers(committed)[answer_id]
    assert alike(stored.vector, embed(["Football, always."])[0]) > 0.98
    assert promised(committed, EMBED_ANSWER.name) == []


def test_an_answer_that_is_gone_is_work_that_is_done(committed: Database, model: None) -> None:
    gone, stays = saying(committed, "one", "two")
    with committed.transaction() as session:
        session.execute(delete(PromptAnswer).where(PromptAnswer.id == gone))
    tasks.embed(str(gone))
    assert promised(committed, EMBED_ANSWER.name) == []
    assert answers(committed)[stays].vector is not None
    with committed.transaction() as session:
        session.execute(update(PromptAnswer).values(answer="three"))
        ledger.ask(session, EMBED_ANSWER, str(gone))
    tasks.embed(str(gone))
    assert promised(committed, EMBED_ANSWER.name) == []


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(small_model(tmp_path_factory.mktemp("model")))


def test_a_change_of_the_model_moves_everything_over(
    committed: Database, model: None, configured: Callable[..., None], other_model: str, tmp_path: Path
) -> None:
    ids = saying(committed, "one thing", "another thing")
    tasks.embed(str(ids[0]))
    configured(EMBEDDING_MODEL=other_model, EMBEDDING_DIR=str(tmp_path))
    engine.embedder.cache_clear()
    with committed.transaction() as session:
        stale = vectors.to_embed(user_id=None, stale_for=engine.engine_name())
        ledger.ask(session, EMBED_ANSWER, *map(str, session.scalars(stale)))
    tasks.embed(str(ids[0]))
    assert {row.model for row in answers(committed).values()} == {other_model}
    with committed.transaction() as session:
        assert session.scalars(select(ProfileVector.model)).all() == [other_model] * 2
        assert session.scalars(stale).all() == []


def test_the_periodic_step_asks_for_what_was_forgotten(committed: Database) -> None:
    (answer_id,) = saying(committed, "one")
    with committed.transaction() as session:
        session.execute(delete(Work))
        session.execute(update(PromptAnswer).values(updated_at=func.now() - vectors.FORGOTTEN * 2))
    tasks.ask_for_unfinished()
    assert promised(committed, EMBED_ANSWER.name) == [str(answer_id)]
