"""What two people do at the same instant, each race tried many times: whoever is first, what must hold then holds.

The tries of a race have people of their own; what became of all of them is read at the end.
"""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from shared import clock
from shared.accounts.models import User
from shared.database import Database
from shared.errors import Refusal
from shared.matching import passes, safety
from shared.matching.likes import Liked
from shared.matching.models import Block, DailyLikeCount, Like, Match, Pair, Pass
from shared.matching.passes import Passed
from shared.matching.received import received
from shared.matching.rules import OPEN, MatchState, side
from shared.matching.safety import Complaint
from shared.messaging.messages import Sent
from shared.moderation.models import Case, Notice, Reason, Report
from tests.likes import like, words
from tests.meetings import (
    LATER,
    NOW,
    TRIES,
    changes,
    changes_to,
    couples,
    does,
    liked_before,
    matched,
    of,
    people,
    sent_in,
    states,
)
from tests.messages import write
from tests.races import at_once, beside


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as pool:
        yield pool


def test_a_like_that_races_a_block_never_leaves_an_open_match(committed: Database, pool: ThreadPoolExecutor) -> None:
    """The block stands. The like finds nobody and costs nothing, or was first, and the match that it made has ended."""
    both = couples(committed)
    answering = both[::2]
    committed.call(liked_before, [(blocker, liker) for liker, blocker in answering])
    outcomes = [
        at_once(
            pool,
            partial(like, committed, liker, blocker.user_id, now=NOW),
            does(committed, blocker, safety.block, user_id=liker.user_id, now=NOW),
        )[0]
        for liker, blocker in both
    ]
    with committed.transaction() as session:
        blocks = set(session.execute(select(Block.blocker_id, Block.blocked_id)))
        assert blocks == {(blocker.user_id, liker.user_id) for liker, blocker in both}
        assert session.scalar(select(func.count()).where(Pair.blocked)) == TRIES
        senders = set(session.scalars(select(Like.liker_id).where(Like.created_at == NOW)))
        used = dict(session.execute(select(DailyLikeCount.user_id, DailyLikeCount.used)).all())
        after = states(session)
    for (liker, blocker), outcome in zip(both, outcomes, strict=True):
        sent = isinstance(outcome, Liked)
        assert sent or outcome == "not_found"
        assert (liker.user_id in senders, used.get(liker.user_id, 0)) == (sent, int(sent))
        made = sent and (liker, blocker) in answering
        assert after.get(of(liker, blocker)) == ("unmatched" if made else None)


@pytest.mark.parametrize(
    ("counted", "again", "comment", "refusal"),
    [
        ({"used": 9}, False, "another", "daily_like_limit"),
        ({"used": 3, "times": [NOW] * 3}, False, "another", "too_fast"),
        ({"used": 3}, False, "the same", "comment_duplicated"),
        ({}, False, "the same", "comment_duplicated"),
        ({"used": 3}, True, "the same", "already_liked"),
        ({}, True, "another", "already_liked"),
        ({"used": 8}, False, "another", None),
        ({}, False, "another", None),
    ],
)
def test_a_like_that_waited_for_another_is_judged_with_it(
    committed: Database,
    pool: ThreadPoolExecutor,
    counted: dict[str, Any],
    again: bool,
    comment: str,
    refusal: str | None,
) -> None:
    """It began before the first like of the same person was there, and ends as if it had begun after it."""
    ada, bob, eve = committed.call(people, 3)
    with committed.transaction() as session:
        if counted:
            session.execute(insert(DailyLikeCount), [{"user_id": ada.user_id, "day": NOW.date(), **counted}])
    with committed.transaction() as session:
        sent_in(session, ada, bob, "the same")
        whom = bob if again else eve
        second = beside(session, pool, like, committed, ada, whom.user_id, words(comment), now=NOW)
        assert not second.done()
    if refusal is None:
        assert isinstance(second.result(), Liked)
    else:
        with pytest.raises(Refusal) as caught:
            second.result()
        assert caught.value.code == refusal
    with committed.transaction() as session:
        sent = 1 if refusal else 2
        assert session.scalar(select(func.count()).where(Like.liker_id == ada.user_id)) == sent
        assert session.scalars(select(DailyLikeCount.used)).all() == [counted.get("used", 0) + sent]


def test_a_like_that_waited_for_the_other_ones_like_is_the_match(committed: Database, pool: ThreadPoolExecutor) -> None:
    """Also when each began before the other's was there."""
    ((ada, bob),) = couples(committed, 1)
    with committed.transaction() as session:
        sent_in(session, ada, bob, "ada")
        second = beside(session, pool, like, committed, bob, ada.user_id, now=NOW)
        assert not second.done()
    assert second.result().match_id is not None
    with committed.transaction() as session:
        assert states(session) == {of(ada, bob): "active"}


def test_a_like_that_waited_for_a_block_finds_nobody(committed: Database, pool: ThreadPoolExecutor) -> None:
    ((ada, bob),) = couples(committed, 1)
    with committed.transaction() as session:
        safety.block(session, session.get_one(User, bob.user_id), user_id=ada.user_id, now=NOW)
        waits = beside(session, pool, like, committed, ada, bob.user_id, now=NOW)
        assert not waits.done()
    with pytest.raises(Refusal) as caught:
        waits.result()
    assert caught.value.code == "not_found"
    with committed.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Like)) == 0
        assert session.scalar(select(func.count()).select_from(DailyLikeCount)) == 0


def test_a_like_outlives_a_pass_that_races_it(committed: Database, pool: ThreadPoolExecutor) -> None:
    """The like is sent, and makes the match if it answers one; the pass is refused or kept, and changes nothing."""
    both = couples(committed)
    answering = both[::2]
    committed.call(liked_before, [(liked, liker) for liker, liked in answering])
    for liker, liked in both:
        sent, passed = at_once(
            pool,
            partial(like, committed, liker, liked.user_id, now=NOW),
            does(committed, liker, passes.pass_over, user_id=liked.user_id, now=NOW),
        )
        assert isinstance(sent, Liked)
        assert (sent.match_id is not None) == ((liker, liked) in answering)
        assert isinstance(passed, Passed) or passed == "already_liked"
    with committed.transaction() as session:
        senders = set(session.scalars(select(Like.liker_id).where(Like.created_at == NOW)))
        assert senders == {liker.user_id for liker, _ in both}
        assert states(session) == {of(*two): "active" for two in answering}
        for liker, liked in both[1::2]:
            (waits,) = received(session, session.get_one(User, liked.user_id), after=None, limit=9, now=NOW)
            assert waits.like.liker_id == liker.user_id


def test_an_unmatch_that_races_a_message_stands(committed: Database, pool: ThreadPoolExecutor) -> None:
    """The message is written in the match before it ends, or finds it closed; no message brings it back to life."""
    both = couples(committed)
    half = TRIES // 2
    ids = committed.call(matched, both[:half]) + committed.call(matched, both[half:], {"state": "archived"})
    outcomes = [
        at_once(
            pool,
            changes_to(committed, leaver, match_id, MatchState.UNMATCHED),
            partial(committed.call, write, writer, match_id=match_id, now=LATER),
        )
        for (leaver, writer), match_id in zip(both, ids, strict=True)
    ]
    with committed.transaction() as session:
        after, run = {match.id: match for match in session.scalars(select(Match))}, changes(session)
    for number, (match_id, (left, written)) in enumerate(zip(ids, outcomes, strict=True)):
        assert left.match.id == match_id
        first = isinstance(written, Sent)
        assert first or written == "match_closed"
        woken = ["active"] if first and number >= half else []
        assert run[match_id] == [*woken, "unmatched"]
        assert (after[match_id].state, after[match_id].active_at) == ("unmatched", LATER if first else NOW)


def test_two_who_propose_at_once_begin_to_date_once(committed: Database, pool: ThreadPoolExecutor) -> None:
    """One proposes and the other agrees: they date, are paused for that match, and it is recorded once."""
    both = couples(committed)
    ids = committed.call(matched, both)
    for two, match_id in zip(both, ids, strict=True):
        shown = at_once(pool, *(changes_to(committed, one, match_id, MatchState.DATING) for one in two))
        assert sorted(own.match.state for own in shown) == ["active", "dating"]
    with committed.transaction() as session:
        assert changes(session) == {match_id: ["dating"] for match_id in ids}
        assert set(states(session).values()) == {"dating"}
        users = session.execute(select(User.id, User.status, User.paused_by_dating, User.dating_match_id))
        expected = {
            (one.user_id, "paused", True, match_id) for two, match_id in zip(both, ids, strict=True) for one in two
        }
        assert set(users) == expected


def test_of_two_agreements_at_once_one_begins(committed: Database, pool: ThreadPoolExecutor) -> None:
    """Two have proposed to one person, who agrees to both: one match becomes dating, the other waits as it was."""
    everybody = committed.call(people, 3 * TRIES)
    threes = list(zip(everybody[::3], everybody[1::3], everybody[2::3], strict=True))
    suitors = [(suitor, ada) for ada, *two in threes for suitor in two]
    ids = committed.call(matched, suitors)
    with committed.transaction() as session:
        proposed = [
            {"id": match_id, "proposed": side(suitor.user_id, ada.user_id)}
            for match_id, (suitor, ada) in zip(ids, suitors, strict=True)
        ]
        session.execute(update(Match), proposed)
    for number, (ada, *_) in enumerate(threes):
        answers = at_once(
            pool, *(changes_to(committed, ada, ids[2 * number + which], MatchState.DATING) for which in (0, 1))
        )
        assert [one for one in answers if isinstance(one, str)] == ["invalid_transition"]
    with committed.transaction() as session:
        begun = changes(session)
        dating = {user_id for (user_id,) in session.execute(select(User.id).where(User.dating_match_id.is_not(None)))}
        paused = dict(session.execute(select(User.id, User.dating_match_id)).all())
        after = dict(session.execute(select(Match.id, Match.state)).all())
    for number, (ada, *two) in enumerate(threes):
        first, second = ids[2 * number], ids[2 * number + 1]
        began, waits, suitor = (first, second, two[0]) if first in begun else (second, first, two[1])
        assert (begun[began], waits in begun) == (["dating"], False)
        assert (after[began], after[waits]) == ("dating", "active")
        assert (paused[ada.user_id], paused[suitor.user_id]) == (began, began)
        assert of(ada, *two) & dating == of(ada, suitor)


def test_a_proposal_that_races_archiving_never_begins_to_date(committed: Database, pool: ThreadPoolExecutor) -> None:
    """It is archived once, and the proposal stands if it was made after that: archiving takes earlier ones back."""
    both = couples(committed)
    ids = committed.call(matched, both)
    for (ada, bob), match_id in zip(both, ids, strict=True):
        archived, proposed = at_once(
            pool,
            changes_to(committed, ada, match_id, MatchState.ARCHIVED),
            changes_to(committed, bob, match_id, MatchState.DATING),
        )
        assert archived.match.state == "archived"
        assert (proposed.proposed_by_me, proposed.proposed_by_them) == (True, False)
        stands = proposed.match.state == "archived"
        with committed.transaction() as session:
            after = session.get_one(Match, match_id)
            assert (after.state, after.proposed) == ("archived", side(bob.user_id, ada.user_id) if stands else 0)
    with committed.transaction() as session:
        assert changes(session) == {match_id: ["archived"] for match_id in ids}
        assert session.scalar(select(func.count()).where(User.dating_match_id.is_not(None))) == 0


def test_of_two_unmatches_at_once_one_is_too_late(committed: Database, pool: ThreadPoolExecutor) -> None:
    both = couples(committed)
    ids = committed.call(matched, both)
    for two, match_id in zip(both, ids, strict=True):
        answers = at_once(pool, *(changes_to(committed, one, match_id, MatchState.UNMATCHED) for one in two))
        assert [one for one in answers if isinstance(one, str)] == ["invalid_transition"]
    with committed.transaction() as session:
        assert changes(session) == {match_id: ["unmatched"] for match_id in ids}


def test_of_two_who_block_each_other_at_once_one_does(committed: Database, pool: ThreadPoolExecutor) -> None:
    """The other finds nobody left to block, and the match, of those who had one, has ended once."""
    both = couples(committed)
    ids = committed.call(matched, both[::2])
    for ada, bob in both:
        made = at_once(
            pool,
            does(committed, ada, safety.block, user_id=bob.user_id, now=NOW),
            does(committed, bob, safety.block, user_id=ada.user_id, now=NOW),
        )
        assert sum(answer == "not_found" for answer in made) == 1
    with committed.transaction() as session:
        blocks = session.scalars(select(Block)).all()
        assert sorted(map(sorted, map(_of_block, blocks))) == sorted(sorted(of(*two)) for two in both)
        assert session.scalar(select(func.count()).where(Pair.blocked)) == TRIES
        assert changes(session) == {match_id: ["unmatched"] for match_id in ids}
        assert session.scalar(select(func.count()).where(Match.state.in_(OPEN))) == 0


def _of_block(block: Block) -> frozenset[uuid.UUID]:
    return frozenset((block.blocker_id, block.blocked_id))


def test_of_two_rewinds_at_once_one_takes_the_last_pass_back(committed: Database, pool: ThreadPoolExecutor) -> None:
    """The last pass is gone and the one before it is not; also on a day of which something is counted already."""
    everybody = committed.call(people, TRIES)
    first, last = (clock.new_id() for _ in range(2))  # a pass knows no more of whom it is about than an id
    with committed.transaction() as session:
        expires = NOW + timedelta(days=30)
        passes._ensure_partition(session, expires.date())
        rows = [
            {"passer_id": one.user_id, "passed_id": passed, "created_at": when}
            for one in everybody
            for passed, when in ((first, NOW - timedelta(seconds=9)), (last, NOW - timedelta(seconds=5)))
        ]
        session.execute(insert(Pass), [row | {"expires_at": expires, "expires_on": expires.date()} for row in rows])
        session.execute(insert(DailyLikeCount), [{"user_id": one.user_id, "day": NOW.date()} for one in everybody[::2]])
    for person in everybody:
        outcomes = at_once(pool, *[does(committed, person, passes.rewind, now=NOW)] * 2)
        assert sorted(map(str, outcomes)) == sorted([str(last), "nothing_to_rewind"])
    with committed.transaction() as session:
        left = session.execute(select(Pass.passer_id, Pass.passed_id))
        assert sorted(left) == sorted((one.user_id, first) for one in everybody)
        assert session.scalar(select(func.count()).where(DailyLikeCount.rewound)) == TRIES


def test_three_who_report_at_once_hide_somebody_once(committed: Database, pool: ThreadPoolExecutor) -> None:
    """Three reports in one open case, one notice, hidden since then; also when the reporters block them with it."""
    everybody = committed.call(people, 4 * TRIES)
    fours = [everybody[start : start + 4] for start in range(0, 4 * TRIES, 4)]
    committed.call(matched, [(reporter, reported) for reported, *reporters in fours for reporter in reporters])
    for number, (reported, *reporters) in enumerate(fours):
        complaint = Complaint(reported.user_id, Reason.HARASSMENT)
        more = {"complaint": complaint, "and_block": number % 2 == 1, "now": NOW}
        kept = at_once(pool, *(does(committed, one, safety.report, **more) for one in reporters))
        assert [report.reporter_id for report in kept] == [one.user_id for one in reporters]
    with committed.transaction() as session:
        once = {(reported.user_id, 1) for reported, *_ in fours}
        counted = select(Notice.user_id, func.count()).where(Notice.kind == "hidden").group_by(Notice.user_id)
        assert set(session.execute(counted)) == once
        counted = select(Case.user_id, func.count()).where(Case.closed_at.is_(None)).group_by(Case.user_id)
        assert set(session.execute(counted)) == once
        counted = select(Report.user_id, func.count(Report.reporter_id.distinct())).group_by(Report.user_id)
        assert set(session.execute(counted)) == {(user_id, 3) for user_id, _ in once}
        assert session.scalar(select(func.count(Report.case_id.distinct()))) == TRIES
        hidden = session.scalars(select(User.id).where(User.hidden_at == NOW))
        assert set(hidden) == {user_id for user_id, _ in once}
