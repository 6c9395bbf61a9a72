"""What is usual among all people, which stands in for those who have yet to take the quiz."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.quiz.compatibility import Side
from shared.quiz.models import PopulationTraits, UserTraitScore
from shared.quiz.rules import UNKNOWN, Scores

# Takes a third of a second however many people there are. Of all people half, to within half a percent, lie below the
# median of so many: twice the standard error of a share, sqrt(1/4 / n).
SAMPLE: Final = 50_000

_REFRESH: Final = text("""
WITH sample AS (
    SELECT scores::real[] AS scores FROM user_trait_scores ORDER BY user_id LIMIT :sample
), medians AS (
    SELECT place, percentile_cont(0.5) WITHIN GROUP (ORDER BY score) AS median
    FROM sample, unnest(scores) WITH ORDINALITY AS of_trait (score, place)
    GROUP BY place
)
INSERT INTO population_traits (id, scores, people, computed_at)
SELECT 1, array_agg(median ORDER BY place)::vector, (SELECT count(*) FROM sample), :now FROM medians
HAVING count(*) > 0
ON CONFLICT (id) DO UPDATE
SET scores = excluded.scores, people = excluded.people, computed_at = excluded.computed_at
RETURNING people
""")


def refresh(session: Session, *, now: datetime) -> int:
    """Compute each trait's median anew; of how many people. With nobody to ask, what was known stays.

    Ids are random, so the first SAMPLE of them are a fair sample.
    """
    return session.scalar(_REFRESH, {"sample": SAMPLE, "now": now}) or 0


def usual(session: Session) -> Scores:
    """Each trait's median; the middle of each until it is known."""
    found = session.scalar(select(PopulationTraits.scores))
    return UNKNOWN if found is None else tuple(found)


def sides(session: Session, user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Side]:
    """Everybody's scores to compare, those that are usual for whoever has yet to take the quiz. Two queries."""
    rows = session.execute(
        select(UserTraitScore.user_id, UserTraitScore.scores).where(UserTraitScore.user_id.in_(user_ids))
    )
    known = {user_id: Side(tuple(scores), estimated=False) for user_id, scores in rows}
    stand_in = Side(usual(session), estimated=True)
    return {user_id: known.get(user_id, stand_in) for user_id in user_ids}
