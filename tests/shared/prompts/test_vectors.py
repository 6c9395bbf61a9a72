"""Vectors of answers and of people: whose they are, of what model, and what is found by them."""

import math
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared import ledger
from shared.accounts import service as accounts
from shared.accounts.models import Status
from shared.database import Database
from shared.jobs import EMBED_ANSWER
from shared.ledger import Work
from shared.prompts import service, vectors
from shared.prompts.models import ProfileVector, PromptAnswer
from shared.prompts.vectors import Source
from shared.settings import settings
from tests.answers import embed, say, somebody_says, towards
from tests.people import make_user
from tests.races import beside


def profile(session: Session, user_id: uuid.UUID) -> list[float] | None:
    session.expire_all()
    found = session.get(ProfileVector, user_id)
    return None if found is None else found.vector[:3]


def vector_of(session: Session, answer_id: uuid.UUID) -> list[float] | None:
    found = session.scalar(select(PromptAnswer.vector).where(PromptAnswer.id == answer_id))
    return None if found is None else found[:3]


def test_a_person_is_the_normalised_mean_of_their_answers_the_private_one_too(session: Session) -> None:
    user = make_user(session)
    first = say(session, user, "one")
    second = say(session, user, "two", question=1, private=True)
    assert profile(session, user.id) is None
    embed(session, first, towards(1, 0))
    assert profile(session, user.id) == pytest.approx([1, 0, 0], abs=1e-3)
    embed(session, second, towards(0, 1))
    assert profile(session, user.id) == pytest.approx([math.sqrt(0.5), math.sqrt(0.5), 0], abs=1e-3)
    service.remove(session, user, answer_id=first.id)
    assert profile(session, user.id) == pytest.approx([0, 1, 0], abs=1e-3)
    service.remove(session, user, answer_id=second.id)
    assert profile(session, user.id) is None


def test_a_changed_answer_loses_its_meaning_at_once(session: Session) -> None:
    user = make_user(session)
    said = say(session, user, "one")
    embed(session, said, towards(1))
    service.replace(session, user, answer_id=said.id, text="two", private=False, prompt_id=None)
    assert vector_of(session, said.id) is None
    assert profile(session, user.id) is None


def test_a_vector_of_what_was_said_before_is_not_stored(session: Session) -> None:
    user = make_user(session)
    said = say(session, user, "one")
    before = Source(said.id, user.id, "one")
    service.replace(session, user, answer_id=said.id, text="two", private=False, prompt_id=None)
    vectors.store(session, {before: towards(1)}, model=settings().embedding_model, engine="by hand")
    assert vector_of(session, said.id) is None
    now = Source(said.id, user.id, "two")
    vectors.store(session, {now: towards(0, 1)}, model=settings().embedding_model, engine="by hand")
    assert vector_of(session, said.id) == pytest.approx([0, 1, 0], abs=1e-3)


def test_people_are_never_means_of_two_models(session: Session) -> None:
    user = make_user(session)
    first, second = say(session, user, "one"), say(session, user, "two", question=1)
    embed(session, first, towards(1), model="another")
    embed(session, second, towards(0, 1))
    assert profile(session, user.id) == pytest.approx([0, 1, 0], abs=1e-3)
    embed(session, first, towards(0, 0, 1), model="a third")
    assert profile(session, user.id) == pytest.approx([0, 0, 1], abs=1e-3)
    assert session.scalar(select(ProfileVector.model)) == "a third"


def test_answers_alike_are_found_the_nearest_first(session: Session) -> None:
    mine = somebody_says(session, "mine", towards(1, 0))
    near = somebody_says(session, "near", towards(1, 0.1))
    far = somebody_says(session, "far", towards(1, 1))
    opposite = somebody_says(session, "opposite", towards(-1, 0))
    found = vectors.most_like(session, answer_id=mine.id)
    assert [alike.answer.id for alike in found] == [near.id, far.id, opposite.id]
    assert [alike.similarity for alike in found] == pytest.approx([0.995, 0.7071, -1], abs=2e-3)
    assert found[0].answer.prompt.slug
    assert len(vectors.most_like(session, answer_id=mine.id, most=1)) == 1


def test_what_must_not_be_found_is_not(session: Session) -> None:
    mine = somebody_says(session, "mine", towards(1))
    user = make_user(session)
    embed(session, say(session, user, "own"), towards(1))
    somebody_says(session, "private", towards(1), private=True)
    somebody_says(session, "of another model", towards(1), model="another")
    somebody_says(session, "paused", towards(1), status=Status.PAUSED)
    say(session, make_user(session), "waits")
    assert [alike.answer.answer for alike in vectors.most_like(session, answer_id=mine.id)] == ["own"]
    service.answer(session, user, prompt_id=_another_prompt(session), text="waits too", private=False)
    waiting = session.scalars(select(PromptAnswer.id).where(PromptAnswer.vector.is_(None))).all()
    assert len(waiting) == 2
    assert all(vectors.most_like(session, answer_id=answer_id) == [] for answer_id in waiting)
    assert vectors.most_like(session, answer_id=uuid.uuid4()) == []


def _another_prompt(session: Session) -> uuid.UUID:
    return service.catalogue(session)[5].id


def test_enough_is_found_behind_many_that_must_not_be(session: Session) -> None:
    """The index gives forty at a time: without going on, nothing would be left of them."""
    mine = somebody_says(session, "mine", towards(1))
    for number in range(120):
        somebody_says(session, "hidden", towards(1, number / 100, (number % 7) / 20), status=Status.PAUSED)
    far = [somebody_says(session, "far", towards(1, 1 + number, number / 3)) for number in range(3)]
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("SET LOCAL enable_sort = off"))
    assert [alike.answer.id for alike in vectors.most_like(session, answer_id=mine.id)] == [said.id for said in far]


def test_answers_are_found_by_the_index(connection: Connection, session: Session) -> None:
    mine = somebody_says(session, "mine", towards(1))
    ran: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        ran.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    vectors.most_like(session, answer_id=mine.id)
    event.remove(connection, "before_cursor_execute", note)
    ((statement, parameters),) = [one for one in ran if "ORDER BY" in one[0]]
    # without it, since a few rows are sooner read and sorted
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("SET LOCAL enable_sort = off"))
    plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
    assert "ix_prompt_answers_vector" in "\n".join(plan)


def test_what_to_embed_anew(session: Session, configured: Callable[..., None]) -> None:
    done = somebody_says(session, "done", towards(1))
    other_model = somebody_says(session, "other", towards(1), model="another")
    waits = say(session, make_user(session), "waits")

    def found(stale_for: str | None, user_id: uuid.UUID | None = None) -> set[uuid.UUID]:
        return set(session.scalars(vectors.to_embed(user_id=user_id, stale_for=stale_for)))

    assert found(None) == {done.id, other_model.id, waits.id}
    assert found("by hand") == {other_model.id, waits.id}
    assert found("another engine") == {done.id, other_model.id, waits.id}
    assert found(None, user_id=done.user_id) == {done.id}
    configured(EMBEDDING_MODEL="another")
    assert found("by hand") == {done.id, waits.id}


def test_a_change_of_model_and_forgotten_answers_are_unfinished_work(
    session: Session, configured: Callable[..., None]
) -> None:
    done, waits = somebody_says(session, "done", towards(1)), say(session, make_user(session), "waits")
    forgotten = say(session, make_user(session), "forgotten")
    ledger.cancel(session, EMBED_ANSWER, str(done.id), str(forgotten.id))
    later = datetime.now(UTC) + timedelta(minutes=6)
    assert vectors.ask_for_unfinished(session, now=datetime.now(UTC)) == (0, 0)
    assert vectors.ask_for_unfinished(session, now=later) == (0, 1)
    assert vectors.ask_for_unfinished(session, now=later) == (0, 0)
    configured(EMBEDDING_MODEL="another")
    assert vectors.ask_for_unfinished(session, now=later, most=1) == (1, 0)
    assert set(session.scalars(select(Work.key).where(Work.kind == EMBED_ANSWER.name))) == {
        str(said.id) for said in (done, waits, forgotten)
    }
    assert vectors.ask_for_unfinished(session, now=later) == (0, 0)


def test_storing_many_locks_all_their_people_at_once_in_one_order(session: Session, queries: list[str]) -> None:
    said = [somebody_says(session, f"{number}", towards(1)) for number in range(5)]

    def store(*answers: PromptAnswer) -> list[str]:
        session.execute(update(PromptAnswer).values(vector=None, model=None, engine=None))
        made = {Source(one.id, one.user_id, one.answer): towards(1) for one in answers}
        queries.clear()
        vectors.store(session, made, model=settings().embedding_model, engine="by hand")
        ran = list(queries)
        assert session.scalar(select(func.count()).where(PromptAnswer.vector.is_not(None))) == len(answers)
        return ran

    of_one, of_five = store(said[0]), store(*said)
    assert len(of_one) == len(of_five)
    (locks,) = [statement for statement in of_five if "FOR NO KEY UPDATE" in statement]
    assert locks == next(one for one in of_five if "lock_timeout" not in one and "set_config" not in one), (
        "before anything is changed"
    )
    assert "ORDER BY users.id FOR NO KEY UPDATE" in " ".join(locks.split())


def test_who_stays_locked_does_not_hold_up_the_rest_of_a_batch(
    committed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "PATIENCE", "50ms")
    with committed.transaction() as session:
        people = sorted(make_user(session).id for _ in range(3))
    with committed.transaction() as session:
        accounts.lock(session, people[-1])
        with pytest.raises(OperationalError, match="lock timeout"):
            committed.call(accounts.lock_all, people)
        assert committed.call(accounts.lock_all, people[:-1]) == people[:-1]
    with committed.transaction() as session:
        before = session.scalar(text("SHOW lock_timeout"))
        accounts.lock_all(session, people)
        assert session.scalar(text("SHOW lock_timeout")) == before == "10s"


def test_a_person_is_the_mean_of_answers_stored_at_once(committed: Database) -> None:
    with committed.transaction() as session:
        user = make_user(session)
        first, second = say(session, user, "one"), say(session, user, "two", question=1)
    with ThreadPoolExecutor(1) as pool:
        with committed.transaction() as session:
            embed(session, first, towards(1, 0))
            stored = beside(session, pool, committed.call, embed, second, towards(0, 1))
        stored.result()
    with committed.transaction() as session:
        assert profile(session, user.id) == pytest.approx([math.sqrt(0.5), math.sqrt(0.5), 0], abs=1e-3)
