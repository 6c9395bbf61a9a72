"""The task of badges, called as a function, twice, and when things change under it."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared import events, ledger
from shared.accounts.models import User
from shared.badges import service, unmade
from shared.badges.meaning import _TEXTS
from shared.database import Database
from shared.embedding.rules import DIMENSIONS
from shared.events import Event
from shared.jobs import EMBED_ANSWER, MAKE_BADGES, REFRESH_QUEUE
from shared.ledger import Work
from shared.prompts import service as prompts
from shared.prompts.models import PromptAnswer
from tests.people import make_user
from tests.races import beside
from tests.shared.badges.people import MODEL, SLUGS, answer, score
from worker import badges as tasks


class FakeEmbedder:
    """To it, every example of a badge means the same, and nothing else."""

    model = MODEL
    engine = "test"

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        for row, text in enumerate(texts):
            vectors[row, SLUGS.index(next(slug for slug, own in _TEXTS.items() if text in own))] = 1
        return vectors


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    tasks.reading.cache_clear()
    monkeypatch.setattr("shared.embedding.engine.embedder", FakeEmbedder)
    yield
    tasks.reading.cache_clear()


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    sent: list[Event] = []
    monkeypatch.setattr(events, "publish", sent.extend)
    return sent


@pytest.fixture
def ada(committed: Database) -> User:
    with committed.transaction() as session:
        user = make_user(session)
        answer(session, user, "sawdust")
        answer(session, user, "recess", private=True)
        score(session, user, directness=0.9)
        ledger.ask(session, MAKE_BADGES, str(user.id))
    return user


def slugs(db: Database, user: User) -> list[str]:
    return [badge.slug for badge in db.call(service.own_badges, user)]


def work(db: Database) -> list[str]:
    with db.transaction() as session:
        return list(session.scalars(select(Work.kind).where(Work.kind != REFRESH_QUEUE.name)))


def test_badges_are_made_and_told_once(committed: Database, ada: User, published: list[Event]) -> None:
    for _ in range(2):
        tasks.make(str(ada.id))
        assert slugs(committed, ada) == ["sawdust", "straight_line"]
        assert work(committed) == []
        committed.call(ledger.ask, MAKE_BADGES, str(ada.id))
    assert [(event.user_id, event.type, event.data) for event in published] == [
        (ada.id, "badges.changed", {"badges": ["sawdust", "straight_line"]})
    ]


def test_work_for_somebody_who_is_gone_is_finished(committed: Database) -> None:
    key = str(uuid.uuid4())
    committed.call(ledger.ask, MAKE_BADGES, key)
    tasks.make(key)
    assert work(committed) == []


def test_words_that_change_while_badges_are_made_earn_nothing(
    committed: Database, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edit waits until what was made from the old words is stored, hides it, and asks anew."""
    make, edits = service.make, []

    def changed_meanwhile(session: Session, **more: Any) -> None:
        make(session, **more)
        edits.append(beside(session, pool, committed.call, say_something_else, ada))

    monkeypatch.setattr(service, "make", changed_meanwhile)
    with ThreadPoolExecutor(1) as pool:
        tasks.make(str(ada.id))
    monkeypatch.undo()
    edits[0].result()
    assert slugs(committed, ada) == ["straight_line"]
    assert set(work(committed)) == {EMBED_ANSWER.name, MAKE_BADGES.name}
    tasks.make(str(ada.id))
    assert slugs(committed, ada) == ["straight_line"]
    assert work(committed) == [EMBED_ANSWER.name]


def say_something_else(session: Session, user: User) -> None:
    said = session.scalars(select(PromptAnswer.id).where(PromptAnswer.user_id == user.id, ~PromptAnswer.private)).one()
    prompts.replace(session, user, answer_id=said, text="Something else")


def test_one_message_makes_the_badges_of_all_who_wait(committed: Database, ada: User, published: list[Event]) -> None:
    with committed.transaction() as session:
        others = [make_user(session) for _ in range(MAKE_BADGES.batch - 1)]
        for other in others:
            answer(session, other, "recess")
        ledger.ask(session, MAKE_BADGES, *(str(other.id) for other in others))
    tasks.make(str(others[0].id))
    assert slugs(committed, ada) == ["sawdust", "straight_line"]
    assert [slugs(committed, other) for other in others] == [["recess"]] * len(others)
    assert {event.user_id for event in published} == {ada.id, *(other.id for other in others)}
    assert work(committed) == []


def test_the_task_has_forgotten_badges_made(committed: Database, ada: User) -> None:
    with committed.transaction() as session:
        ledger.cancel(session, MAKE_BADGES, str(ada.id))
        session.execute(update(PromptAnswer).values(updated_at=func.now() - unmade.FORGOTTEN * 2))
    tasks.ask_for_unmade()
    assert work(committed) == [MAKE_BADGES.name]


def test_examples_are_embedded_once_in_a_process(
    committed: Database, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    embed: Callable[[FakeEmbedder, list[str]], NDArray[np.float32]] = FakeEmbedder.embed

    def counted(self: FakeEmbedder, texts: list[str]) -> NDArray[np.float32]:
        calls.append(len(texts))
        return embed(self, texts)

    monkeypatch.setattr(FakeEmbedder, "embed", counted)
    for _ in range(2):
        tasks.make(str(ada.id))
        committed.call(ledger.ask, MAKE_BADGES, str(ada.id))
    assert len(calls) == 1
