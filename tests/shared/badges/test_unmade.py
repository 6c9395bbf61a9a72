"""Whose badges are asked for again, and whose are not."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared import ledger
from shared.accounts.models import User
from shared.badges import service, unmade
from shared.badges.catalogue import CATALOGUE
from shared.badges.models import BadgeRun
from shared.jobs import MAKE_BADGES
from shared.ledger import Work
from shared.prompts.models import PromptAnswer
from shared.quiz.models import QuizResponse
from tests.people import make_user
from tests.shared.badges.people import MODEL, answer, closeness, score
from tests.shared.quiz.sheets import sheet_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def ada(session: Session) -> User:
    return make_user(session)


def make(session: Session, user: User, *, now: datetime = NOW) -> None:
    service.make(session, user_ids=[user.id], model=MODEL, closeness=closeness, now=now)


def test_badges_of_an_older_catalogue_and_forgotten_ones_are_asked_for(session: Session, ada: User) -> None:
    def asked(at: datetime = LATER) -> tuple[int, int]:
        return unmade.ask(session, now=at)

    quick, waiting = make_user(session), make_user(session)
    answer(session, ada, "sawdust")
    session.add(QuizResponse(user_id=quick.id, version=1, answers=sheet_of(0), answered_at=NOW))
    answer(session, waiting, None)
    session.execute(update(PromptAnswer).values(updated_at=NOW))
    session.flush()
    assert asked(NOW) == (0, 0), "not yet"
    assert asked() == (0, 2)
    assert asked() == (0, 0)
    assert set(session.scalars(select(Work.key))) == {str(ada.id), str(quick.id)}
    ledger.cancel(session, MAKE_BADGES, str(ada.id), str(quick.id))
    make(session, ada)
    make(session, quick)
    assert asked() == (0, 0)
    again = LATER + timedelta(days=1)
    session.execute(update(QuizResponse).values(answered_at=again - timedelta(hours=1)))
    assert asked(again) == (0, 1), "there is something new since they were made"
    ledger.cancel(session, MAKE_BADGES, str(quick.id))
    make(session, quick, now=again)
    assert asked(again) == (0, 0)
    session.execute(update(BadgeRun).values(catalogue=CATALOGUE - 1))
    assert unmade.ask(session, now=LATER, most=1) == (1, 0)
    assert asked() == (1, 0)


def test_those_to_reindex(session: Session, ada: User) -> None:
    answered, scored, nobody = ada, make_user(session), make_user(session)
    answer(session, answered, None)
    score(session, scored)

    def due(*, user_id: uuid.UUID | None = None, stale: bool = False) -> set[uuid.UUID]:
        return set(session.scalars(unmade.to_make(user_id=user_id, stale=stale)))

    both = {answered.id, scored.id}
    assert due() == due(stale=True) == both
    assert due(user_id=scored.id) == {scored.id}
    assert due(user_id=nobody.id) == set()
    make(session, answered)
    assert due(stale=True) == {scored.id}
    session.get_one(BadgeRun, answered.id).catalogue = CATALOGUE - 1
    session.flush()
    assert due(stale=True) == both
