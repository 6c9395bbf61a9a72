"""The task of the quiz, called as a function, twice."""

from shared.database import Database
from shared.quiz import population
from shared.quiz.models import UserTraitScore
from tests.people import make_user
from worker.quiz import refresh_population


def test_what_is_usual_is_refreshed(committed: Database) -> None:
    with committed.transaction() as session:
        session.add(UserTraitScore(user_id=make_user(session).id, version=1, scores=[0.25] * 6))
    for _ in range(2):
        refresh_population()
        assert committed.call(population.usual) == (0.25,) * 6
