"""What two people do at the same instant, each race tried many times: whoever is first, what must hold then holds.

The tries of a race have people of their own; what became of all of them is read at the end.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Text, cast, event, func, insert, select, update
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from shared import clock
from shared.accounts.models import User
from shared.accounts.tokens import Claims
from shared.database import Database, one
from shared.errors import Refusal
from shared.matching import likes, matches, passes, safety
from shared.matching.like_statement import LIKE
from shared.matching.likes import Liked, Wish
from shared.matching.models import Block, DailyLikeCount, Like, Match, MatchChange, Pair, Pass
from shared.matching.passes import Passed
from shared.matching.received import received
from shared.matching.rules import BOTH, OPEN, MatchState, in_order, side
from shared.matching.safety import Complaint
from shared.moderation.models import Case, Notice, Reason, Report
from tests.likes import like, signed_in_all, words
from tests.races import at_once, beside

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
LONG_AGO = NOW - timedelta(days=90)
TRIES = 200

Two = tuple[Claims, Claims]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as pool:
        yield pool


def people(session: Session, count: int) -> list[Claims]:
    users = [
        User(email=f"{uuid.uuid4().hex}@example.com", name="Ada", birth_date=date(1990, 12, 10), password_hash="!")
        for _ in range(count)
    ]
    session.add_all(users)
    session.flush()
    return signed_in_all(session, (user.id for user in users))


def couples(db: Database, count: int = TRIES) -> list[Two]:
    everybody = db.call(people, 2 * count)
    return list(zip(everybody[::2], everybody[1::2], strict=True))


def liked_before(session: Session, both: Sequence[Two]) -> None:
    """The first of each two liked the second yesterday."""
    pairs, sent = [], []
    for liker, liked in both:
        low, high = in_order(liker.user_id, liked.user_id)
        pairs.append({"low_id": low, "high_id": high, "likes": side(liker.user_id, liked.user_id)})
        sent.append({"liker_id": liker.user_id, "liked_id": liked.user_id, "created_at": NOW - timedelta(days=1)})
    session.execute(insert(Pair), pairs)
    session.execute(insert(Like), [{"id": clock.new_id(), **row} for row in sent])


def matched(session: Session, both: Sequence[Two], columns: dict[str, Any] | None = None) -> list[uuid.UUID]:
    """An active match of each two; what changes from here on is in `changes`."""
    ids, orders = [clock.new_id() for _ in both], [in_order(one.user_id, other.user_id) for one, other in both]
    session.execute(insert(Pair), [{"low_id": low, "high_id": high, "likes": BOTH} for low, high in orders])
    moments = dict.fromkeys(("created_at", "state_changed_at", "active_at"), NOW)
    rows = [
        {"id": match_id, "low_id": low, "high_id": high, "state": "active", **moments} | (columns or {})
        for match_id, (low, high) in zip(ids, orders, strict=True)
    ]
    session.execute(insert(Match), rows)
    return ids


def does(db: Database, who: Claims, function: Callable[..., Any], **more: Any) -> Callable[[], Any]:
    """`function` as this person's request, in a transaction of its own."""

    def request(session: Session) -> Any:
        return function(session, session.get_one(User, who.user_id), **more)

    return partial(db.call, request)


def changes_to(db: Database, who: Claims, match_id: uuid.UUID, to: MatchState) -> Callable[[], Any]:
    return does(db, who, matches.change, match_id=match_id, to=to, now=LATER)


def changes(session: Session) -> dict[uuid.UUID, list[str]]:
    """The states that each match has come to, in order."""
    found: dict[uuid.UUID, list[str]] = {}
    for match_id, after in session.execute(select(MatchChange.match_id, MatchChange.after).order_by(MatchChange.id)):
        found.setdefault(match_id, []).append(after)
    return found


def states(session: Session) -> dict[frozenset[uuid.UUID], str]:
    """The state of each match, by its two people."""
    rows = session.execute(select(Match.low_id, Match.high_id, Match.state))
    return {frozenset((low, high)): state for low, high, state in rows}


def sent_in(session: Session, liker: Claims, liked: Claims, seed: str) -> None:
    """A like within a transaction that is still open."""
    row = one(session, LIKE, likes.parameters(liker, Wish(liked.user_id, words(seed)), now=NOW))
    assert row is not None
    assert likes.Answer(*row).like_id is not None


def of(*both: Claims) -> frozenset[uuid.UUID]:
    return frozenset(one.user_id for one in both)


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
            does(committed, writer, matches.write_in, match_id=match_id, now=LATER),
        )
        for (leaver, writer), match_id in zip(both, ids, strict=True)
    ]
    with committed.transaction() as session:
        after, run = {match.id: match for match in session.scalars(select(Match))}, changes(session)
    for number, (match_id, (left, written)) in enumerate(zip(ids, outcomes, strict=True)):
        assert left.match.id == match_id
        first = isinstance(written, Match)
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


def test_two_who_block_each_other_at_once_both_do(committed: Database, pool: ThreadPoolExecutor) -> None:
    """Both blocks stand, and the match, of those who had one, has ended once."""
    both = couples(committed)
    ids = committed.call(matched, both[::2])
    for ada, bob in both:
        made = at_once(
            pool,
            does(committed, ada, safety.block, user_id=bob.user_id, now=NOW),
            does(committed, bob, safety.block, user_id=ada.user_id, now=NOW),
        )
        assert [block.blocker_id for block, _ in made] == [ada.user_id, bob.user_id]
    with committed.transaction() as session:
        blocks = set(session.execute(select(Block.blocker_id, Block.blocked_id)))
        assert blocks == {(one.user_id, other.user_id) for two in both for one, other in (two, two[::-1])}
        assert session.scalar(select(func.count()).where(Pair.blocked)) == TRIES
        assert changes(session) == {match_id: ["unmatched"] for match_id in ids}
        assert session.scalar(select(func.count()).where(Match.state.in_(OPEN))) == 0
        for ada, bob in both:
            ((_, person),) = safety.blocks(session, session.get_one(User, ada.user_id))
            assert person.id == bob.user_id


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
