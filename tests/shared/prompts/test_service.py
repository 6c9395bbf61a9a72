"""Changes of one person's answers that overlap: each sees what the other has left."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.database import Database
from shared.errors import Refusal
from shared.prompts import service
from shared.prompts.catalogue import QUESTIONS
from shared.prompts.models import PromptAnswer
from tests.answers import say
from tests.people import make_user
from tests.races import beside


def saying(db: Database, *texts: str) -> tuple[User, list[uuid.UUID]]:
    with db.transaction() as session:
        user = make_user(session)
        return user, [say(session, user, text, question=number).id for number, text in enumerate(texts)]


def stored(db: Database) -> list[tuple[str, int, bool]]:
    with db.transaction() as session:
        rows = session.execute(
            select(PromptAnswer.answer, PromptAnswer.position, PromptAnswer.private).order_by(PromptAnswer.position)
        )
        return [(said, position, private) for said, position, private in rows]


def hide(session: Session, user: User, answer_id: uuid.UUID) -> None:
    text = service.own_answer(session, user, answer_id=answer_id).answer
    service.replace(session, user, answer_id=answer_id, text=text, private=True, prompt_id=None)


def test_of_two_answers_made_private_at_once_one_is(committed: Database) -> None:
    user, (one, two) = saying(committed, "one", "two")
    with ThreadPoolExecutor(1) as pool:
        with committed.transaction() as session:
            hide(session, user, one)
            second = beside(session, pool, committed.call, hide, user, two)
        with pytest.raises(Refusal) as refused:
            second.result()
    assert refused.value.code == "prompt_limit"
    assert stored(committed) == [("one", 0, True), ("two", 1, False)]


def test_an_order_that_names_what_is_being_deleted_is_refused(committed: Database) -> None:
    user, (one, two, three) = saying(committed, "one", "two", "three")
    with ThreadPoolExecutor(1) as pool:
        with committed.transaction() as session:
            service.remove(session, user, answer_id=one)
            # did it not wait, those that stay would end at 1 and 2
            second = beside(session, pool, committed.call, service.reorder, user, ids=[one, three, two])
        with pytest.raises(Refusal) as refused:
            second.result()
    assert refused.value.code == "validation_error"
    assert stored(committed) == [("two", 0, False), ("three", 1, False)]


def test_deleting_leaves_no_gap_below_what_is_being_written(committed: Database) -> None:
    user, (one, _) = saying(committed, "one", "two")
    with ThreadPoolExecutor(1) as pool:
        with committed.transaction() as session:
            service.answer(session, user, prompt_id=QUESTIONS[2].id, text="three", private=False)
            second = beside(session, pool, committed.call, service.remove, user, answer_id=one)
        second.result()
    assert stored(committed) == [("two", 0, False), ("three", 1, False)]
