"""What is usual among all people, and who is compared by it."""

import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from sqlalchemy import Float, event, func, literal, select
from sqlalchemy.orm import Session

from shared.quiz import population
from shared.quiz.compatibility import WEIGHTS, Side, compatibility
from shared.quiz.models import PopulationTraits, UserTraitScore
from shared.quiz.rules import UNKNOWN
from tests.people import make_user

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def scored(session: Session, values: Sequence[float]) -> uuid.UUID:
    user = make_user(session)
    session.add(UserTraitScore(user_id=user.id, version=1, scores=list(values)))
    session.flush()
    return user.id


def test_while_nobody_has_answered_the_middle_is_usual(session: Session) -> None:
    assert population.refresh(session, now=NOW) == 0
    assert session.scalar(select(func.count()).select_from(PopulationTraits)) == 0
    assert population.usual(session) == UNKNOWN


@pytest.mark.parametrize("people", [1, 6, 7])
def test_usual_is_the_median_of_each_trait(session: Session, people: int) -> None:
    chance = random.Random(people)
    everybody = [[chance.random() for _ in range(6)] for _ in range(people)]
    for one in everybody:
        scored(session, one)
    assert population.refresh(session, now=NOW) == people
    expected = [median(column) for column in zip(*everybody, strict=True)]
    assert population.usual(session) == pytest.approx(expected, abs=1e-6)


def test_there_is_one_row_that_is_refreshed(session: Session) -> None:
    for value, now in ((0.25, NOW), (0.75, NOW + timedelta(hours=1))):
        scored(session, [value] * 6)
        population.refresh(session, now=now)
    row = session.scalars(select(PopulationTraits)).one()
    assert (row.scores, row.people, row.computed_at) == ([0.5] * 6, 2, NOW + timedelta(hours=1))


def test_when_everybody_has_gone_what_was_usual_stays(session: Session) -> None:
    user_id = scored(session, [0.25] * 6)
    population.refresh(session, now=NOW)
    session.delete(session.get_one(UserTraitScore, user_id))
    session.flush()
    assert population.refresh(session, now=NOW) == 0
    assert population.usual(session) == (0.25,) * 6


def test_no_more_people_are_looked_at_than_the_sample(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(population, "SAMPLE", 3)
    by_id = sorted((scored(session, [value / 8] * 6), value) for value in range(5))
    assert population.refresh(session, now=NOW) == 3
    assert population.usual(session) == (median(value for _, value in by_id[:3]) / 8,) * 6


def test_who_has_not_answered_is_compared_by_what_is_usual(session: Session) -> None:
    known, unknown = scored(session, [0.25] * 6), make_user(session).id
    assert population.sides(session, [known, unknown]) == {
        known: Side((0.25,) * 6, estimated=False),
        unknown: Side(UNKNOWN, estimated=True),
    }
    population.refresh(session, now=NOW)
    assert population.sides(session, [unknown]) == {unknown: Side((0.25,) * 6, estimated=True)}


def test_however_many_are_compared_it_takes_two_queries(session: Session) -> None:
    ids = [scored(session, [0.5] * 6) for _ in range(5)]
    seen: list[str] = []
    bind = session.connection()

    def see(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(bind, "before_cursor_execute", see)
    population.sides(session, ids)
    event.remove(bind, "before_cursor_execute", see)
    assert len(seen) == 2


def test_the_rule_can_be_computed_where_the_rows_are(session: Session) -> None:
    chance = random.Random(6)
    mine, theirs = ([chance.random() for _ in range(6)] for _ in range(2))
    me, them = scored(session, mine), scored(session, theirs)
    column = UserTraitScore.scores
    weights = literal(list(WEIGHTS.values()), column.type)
    other = select(column).where(UserTraitScore.user_id == me).scalar_subquery()
    weighted = column.op("*", return_type=column.type)(weights)
    distance = weighted.op("<+>", return_type=Float())(other.op("*", return_type=column.type)(weights))
    found = session.scalar(select(1 - distance).where(UserTraitScore.user_id == them))
    assert found == pytest.approx(compatibility(tuple(mine), tuple(theirs)), abs=1e-6)
