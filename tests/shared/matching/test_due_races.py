"""What is due, run twice at once and beside people: done once, and in nobody's way."""

import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Text, cast, event, func, insert, select, update
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from shared.accounts.models import User
from shared.database import Database
from shared.matching import likes, matches, passes
from shared.matching.models import DailyLikeCount, Match, Pass
from shared.matching.rules import MatchState
from tests.meetings import (
    LONG_AGO,
    NOW,
    TRIES,
    changes,
    couples,
    does,
    matched,
    people,
)
from tests.races import at_once, beside


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as pool:
        yield pool


@pytest.mark.parametrize(("tries", "quiet", "most"), [(TRIES, 6, 2), (3, 300, 100)])
def test_quiet_matches_are_archived_once_each(
    committed: Database, pool: ThreadPoolExecutor, tries: int, quiet: int, most: int
) -> None:
    """Two runs at once archive as many as both may, none of them twice."""
    ids = committed.call(matched, couples(committed, quiet), {"state_changed_at": LONG_AGO, "active_at": LONG_AGO})
    total: Counter[uuid.UUID] = Counter()
    again = update(Match).values(state="active", state_changed_at=LONG_AGO)
    for _ in range(tries):
        assert at_once(pool, *[partial(committed.call, matches.archive_quiet, now=NOW, most=most)] * 2) == [most, most]
        with committed.transaction() as session:
            archived = session.scalars(select(Match.id).where(Match.state == "archived")).all()
            assert len(archived) == 2 * most
            total.update(archived)
            session.execute(again)
    with committed.transaction() as session:
        assert {match_id: len(run) for match_id, run in changes(session).items()} == total
        assert set(total) <= set(ids)


def test_archiving_takes_a_proposal_back_that_is_made_while_it_looks_for_quiet_matches(
    committed: Database, pool: ThreadPoolExecutor
) -> None:
    """The search is held up where rows are read: it has begun before the proposal, and reaches the match after it."""
    ((ada, bob),) = couples(committed, 1)
    (match_id,) = committed.call(matched, [(ada, bob)], {"state_changed_at": LONG_AGO, "active_at": LONG_AGO})

    def hold_up(state: ORMExecuteState) -> None:
        free = cast(func.pg_advisory_xact_lock_shared(1), Text) == ""
        state.statement = state.statement.options(with_loader_criteria(Match, free))

    def archive(session: Session) -> int:
        event.listen(session, "do_orm_execute", hold_up)
        return matches.archive_quiet(session, now=NOW)

    with committed.transaction() as session:
        session.execute(select(func.pg_advisory_xact_lock(1)))
        archiving = beside(session, pool, committed.call, archive)
        matches.change(session, session.get_one(User, bob.user_id), match_id=match_id, to=MatchState.DATING, now=NOW)
    assert archiving.result() == 1
    with committed.transaction() as session:
        after = session.get_one(Match, match_id)
        assert (after.state, after.proposed) == ("archived", 0)


def test_passes_of_a_new_week_and_the_end_of_an_old_one_are_no_race(
    committed: Database, pool: ThreadPoolExecutor
) -> None:
    """The first two passes of a week make its partition once; two who clean up at once drop it once."""
    (ada, bob), *_ = couples(committed, 1)
    committed.call(passes.expire, now=NOW)
    passing = [
        does(committed, one, passes.pass_over, user_id=other.user_id, now=LONG_AGO)
        for one, other in ((ada, bob), (bob, ada))
    ]
    for _ in range(TRIES):
        assert [passed.user_id for passed in at_once(pool, *passing)] == [bob.user_id, ada.user_id]
        dropped = at_once(pool, *[partial(committed.call, passes.expire, now=NOW)] * 2)
        assert sorted(dropped) == [0, 1]


def test_old_counts_are_forgotten_once_each(committed: Database, pool: ThreadPoolExecutor) -> None:
    """Two runs at once delete all that both may, and nothing of the days that still count."""
    everybody = committed.call(people, 10)
    old, kept = LONG_AGO.date(), NOW.date()
    with committed.transaction() as session:
        session.execute(insert(DailyLikeCount), [{"user_id": one.user_id, "day": kept} for one in everybody])
    for _ in range(TRIES):
        with committed.transaction() as session:
            session.execute(insert(DailyLikeCount), [{"user_id": one.user_id, "day": old} for one in everybody])
        gone = at_once(pool, *[partial(committed.call, likes.forget_counts, now=NOW, most=7)] * 2)
        assert sum(gone) == len(everybody)
        with committed.transaction() as session:
            assert set(session.scalars(select(DailyLikeCount.day))) == {kept}


def test_a_week_that_somebody_still_reads_is_left_for_the_next_time_and_the_next_are_made(
    committed: Database,
) -> None:
    ((ada, bob),) = couples(committed, 1)
    does(committed, ada, passes.pass_over, user_id=bob.user_id, now=LONG_AGO)()
    with committed.transaction() as session:
        session.execute(select(Pass)).all()
        assert committed.call(passes.expire, now=NOW) == 0
    later = NOW + timedelta(days=14)
    assert committed.call(passes.expire, now=later) >= 1
    with committed.transaction() as session:
        ends = later + timedelta(days=30)
        week = f"passes_{ends - timedelta(days=ends.weekday()):%Y%m%d}"
        assert session.scalar(select(func.to_regclass(week))) == week
