"""The periodic tasks of matching, called as beat has them called, twice."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from shared import clock
from shared.database import Database
from shared.matching.models import DailyLikeCount, Match, MatchChange, Pass
from shared.matching.rules import in_order
from tests.people import make_user
from worker import matching

TASKS = (matching.expire_passes, matching.reset_counters, matching.archive_quiet)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_with_nothing_to_do_does_nothing_twice(committed: Database, task: Callable[[], None]) -> None:
    task()
    task()


def test_what_is_due_is_done_once(committed: Database) -> None:
    long_ago = clock.now() - timedelta(days=60)
    today = clock.now().date()
    with committed.transaction() as session:
        low, high = in_order(*(make_user(session).id for _ in range(2)))
        moments = {"created_at": long_ago, "state_changed_at": long_ago, "active_at": long_ago}
        session.add(Match(low_id=low, high_id=high, state="active", **moments))
        session.add_all(
            DailyLikeCount(user_id=low, day=today - timedelta(days=days), used=1) for days in (0, 1, 3, 4, 40)
        )
    for _ in range(2):
        for task in TASKS:
            task()
    with committed.transaction() as session:
        assert session.scalars(select(Match.state)).one() == "archived"
        assert session.scalars(select(MatchChange.why)).all() == ["quiet"]
        ages = [(today - day).days for day in session.scalars(select(DailyLikeCount.day))]
        assert sorted(ages) == [0, 1, 3]
        assert session.scalar(select(func.count()).select_from(Pass)) == 0
