"""The ledger's promises: nothing is lost, nothing is done twice, nothing loops for ever."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from shared import backlog, clock, ledger, queue
from shared.jobs import LEDGER_JOBS, PROCESS_PHOTO
from shared.ledger import Claim, LostFence, Work
from shared.queue import Hint

JOB = PROCESS_PHOTO


def row(session: Session, key: str = "a") -> Work:
    found = session.scalar(select(Work).where(Work.key == key).execution_options(populate_existing=True))
    assert found is not None
    return found


def claim(session: Session, key: str = "a") -> Claim:
    claimed = ledger.claim(session, JOB, key)
    assert claimed is not None
    return claimed


def end_lease(session: Session, key: str = "a") -> None:
    session.execute(update(Work).where(Work.key == key).values(lease_until=func.now() - timedelta(seconds=1)))


def make_due(session: Session, key: str = "a") -> None:
    session.execute(update(Work).where(Work.key == key).values(due_at=func.now()))


def test_work_is_asked_for_claimed_and_finished(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    assert queue.noted(session) == [Hint(JOB, "a")]
    claimed = claim(session)
    assert (claimed.attempt, claimed.version) == (1, 1)
    ledger.finish(session, claimed)
    assert session.scalars(select(Work)).all() == []


def test_asking_twice_is_one_piece_of_work(session: Session) -> None:
    ledger.ask(session, JOB, "a", "a")
    ledger.ask(session, JOB, "a")
    assert session.scalar(select(func.count()).select_from(Work)) == 1
    assert row(session).version == 2
    assert queue.noted(session) == [Hint(JOB, "a")]


def test_a_claimed_row_is_nobody_elses_until_its_lease_ends(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    claim(session)
    assert ledger.claim(session, JOB, "a") is None
    end_lease(session)
    assert claim(session).attempt == 2


def test_what_is_not_there_cannot_be_claimed(session: Session) -> None:
    assert ledger.claim(session, JOB, "nothing") is None


def test_who_lost_the_lease_cannot_store(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    slow = claim(session)
    end_lease(session)
    fast = claim(session)
    with pytest.raises(LostFence):
        ledger.finish(session, slow)
    with pytest.raises(LostFence):
        ledger.fail(session, slow, "too late")
    ledger.release(session, slow)
    assert row(session).lease_until == fast.lease_until
    ledger.finish(session, fast)


def test_asking_while_it_is_being_done_makes_it_be_done_anew(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    old = claim(session)
    ledger.ask(session, JOB, "a")
    assert ledger.claim(session, JOB, "a") is None, "the lease still holds"
    with pytest.raises(LostFence):
        ledger.finish(session, old)
    session.info.clear()
    ledger.release(session, old)
    assert queue.noted(session) == [Hint(JOB, "a")]
    new = claim(session)
    assert (new.attempt, new.version) == (1, 2)
    ledger.finish(session, new)


def test_a_failure_comes_back_after_its_delay(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    ledger.fail(session, claim(session), "ValueError: no")
    assert row(session).error == "ValueError: no"
    assert ledger.claim(session, JOB, "a") is None, "a doubled message must not defeat the delay"
    make_due(session)
    assert claim(session).attempt == 2


def test_work_is_given_up_after_its_last_attempt_and_keeps_the_error(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    for attempt in range(1, JOB.attempts + 1):
        make_due(session)
        claimed = claim(session)
        assert claimed.is_last == (attempt == JOB.attempts)
        ledger.fail(session, claimed, f"failure {attempt}")
    assert row(session).due_at is None
    assert ledger.claim(session, JOB, "a") is None
    assert [(work.key, work.error) for work in backlog.failures(session)] == [("a", "failure 5")]
    assert backlog.failures(session, kind="other") == []


def test_asking_for_given_up_work_starts_afresh(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    session.execute(update(Work).values(attempts=JOB.attempts, due_at=None, error="old"))
    ledger.ask(session, JOB, "a")
    claimed = claim(session)
    assert claimed.attempt == 1
    assert row(session).error is None


def test_what_killed_its_process_too_often_is_exhausted(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    for _ in range(JOB.attempts):
        claim(session)
        assert ledger.exhausted(session, JOB, most=10) == []
        end_lease(session)
    assert ledger.claim(session, JOB, "a") is None
    assert ledger.exhausted(session, JOB, most=10) == ["a"]
    ledger.give_up(session, JOB, "a")
    assert row(session).error == ledger.KILLED
    assert ledger.exhausted(session, JOB, most=10) == []
    with pytest.raises(LostFence):
        ledger.give_up(session, JOB, "a")


def test_the_sweep_hints_now_and_then_at_what_waits(session: Session) -> None:
    ledger.ask(session, JOB, "waits", "is done", "comes later", "failed")
    claim(session, "is done")
    assert ledger.take_unhinted(session, most=10) == [], "asking has sent the first hint"
    session.execute(update(Work).values(hinted_at=None))
    session.execute(update(Work).where(Work.key == "comes later").values(due_at=func.now() + timedelta(hours=1)))
    session.execute(update(Work).where(Work.key == "failed").values(due_at=None))
    assert ledger.take_unhinted(session, most=10) == [Hint(JOB, "waits")]
    assert ledger.take_unhinted(session, most=10) == []
    for waited, pause in ((0, 20), (10, 20), (100, 100), (3000, 300)):
        for early, expected in ((2, []), (-2, [Hint(JOB, "waits")])):
            hinted = func.now() - timedelta(seconds=pause - early)
            session.execute(
                update(Work)
                .where(Work.key == "waits")
                .values(hinted_at=hinted, due_at=hinted - timedelta(seconds=waited))
            )
            assert ledger.take_unhinted(session, most=10) == expected, (waited, early)


def test_a_finished_rows_successor_is_not_its_workers(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    slow = claim(session)
    end_lease(session)
    ledger.finish(session, claim(session))
    ledger.ask(session, JOB, "a")
    fresh = claim(session)
    assert (fresh.version, fresh.attempt) == (slow.version, slow.attempt) == (1, 1)
    with pytest.raises(LostFence):
        ledger.finish(session, slow)
    with pytest.raises(LostFence):
        ledger.fail(session, slow, "too late")
    ledger.finish(session, fresh)


def test_a_batch_is_bounded_whatever_the_planner_knows_of_the_table(session: Session) -> None:
    ledger.ask(session, JOB, *map(str, range(50)))
    assert len(ledger.claim_batch(session, JOB, most=4)) == 4
    assert len(ledger.take_unhinted(session, most=10)) == 0
    session.execute(update(Work).values(hinted_at=None))
    assert len(ledger.take_unhinted(session, most=10)) == 10


def test_a_killed_workers_row_is_hinted_at_as_soon_as_its_lease_ends(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    claim(session)
    assert ledger.take_unhinted(session, most=10) == []
    end_lease(session)
    assert ledger.take_unhinted(session, most=10) == [Hint(JOB, "a")]


def test_the_sweep_leaves_kinds_alone_that_this_version_does_not_know(session: Session) -> None:
    session.execute(text("INSERT INTO work (kind, key) VALUES ('from.the.future', 'a')"))
    assert ledger.take_unhinted(session, most=10) == []
    assert "from.the.future" in {line.kind for line in backlog.figures(session)}


def test_delayed_work_gets_no_hint_and_is_brought_forward_by_asking_again(session: Session) -> None:
    ledger.ask(session, JOB, "a", delay=timedelta(hours=1))
    assert queue.noted(session) == []
    assert ledger.claim(session, JOB, "a") is None
    ledger.ask(session, JOB, "a", delay=timedelta(hours=2))
    later = row(session).due_at
    ledger.ask(session, JOB, "a")
    sooner = row(session).due_at
    assert later is not None
    assert sooner is not None
    assert later - sooner >= timedelta(minutes=59)
    assert claim(session).attempt == 1


def test_cancelled_work_is_gone_and_its_worker_cannot_store(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    claimed = claim(session)
    ledger.cancel(session, JOB, "a")
    with pytest.raises(LostFence):
        ledger.finish(session, claimed)


def test_work_that_is_put_off_goes_on_with_its_attempts_afresh(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    for _ in range(JOB.attempts + 1):  # however often
        claimed = claim(session)
        assert claimed.attempt == 1
        ledger.hold(session, claimed)
        ledger.put_off(session, claimed)
        with pytest.raises(LostFence):
            ledger.put_off(session, claimed)
    assert queue.noted(session) == [Hint(JOB, "a")]
    assert ledger.take_unhinted(session, most=10) == []
    claimed = claim(session)
    until = clock.now() + timedelta(days=14)
    ledger.put_off(session, claimed, until=until)
    assert ledger.claim(session, JOB, "a") is None
    assert (row(session).due_at, row(session).attempts) == (until, 0)
    assert {line.kind: line for line in backlog.figures(session)}[JOB.name].oldest_seconds == 0, (
        "nobody waits for it yet"
    )


@pytest.mark.parametrize("lost", ["cancelled", "asked anew", "taken by another"])
def test_a_part_of_lost_work_is_not_stored(session: Session, lost: str) -> None:
    ledger.ask(session, JOB, "a")
    claimed = claim(session)
    if lost == "cancelled":
        ledger.cancel(session, JOB, "a")
    elif lost == "asked anew":
        ledger.ask(session, JOB, "a")
    else:
        end_lease(session)
        claim(session)
    with pytest.raises(LostFence):
        ledger.hold(session, claimed)
    with pytest.raises(LostFence):
        ledger.put_off(session, claimed)


def test_a_batch_takes_what_waits_longest_and_no_more_than_asked(session: Session) -> None:
    ledger.ask(session, JOB, *(f"{number:02}" for number in range(10)))
    for number in range(10):
        session.execute(
            update(Work).where(Work.key == f"{number:02}").values(due_at=func.now() - timedelta(seconds=number))
        )
    claimed = ledger.claim_batch(session, JOB, most=4)
    assert {work.key for work in claimed} == {"06", "07", "08", "09"}
    assert len(ledger.claim_batch(session, JOB, most=100)) == 6
    assert ledger.claim_batch(session, JOB, most=100) == []


def test_asking_for_very_many_notes_a_bounded_number_of_hints(session: Session) -> None:
    ledger.ask(session, JOB, *(str(number) for number in range(6000)))
    assert session.scalar(select(func.count()).select_from(Work)) == 6000
    assert len(queue.noted(session)) == ledger.MOST_HINTS


@given(st.integers(1, 1000), st.floats(0, 1))
def test_delays_grow_and_stay_bounded(attempt: int, chance: float) -> None:
    delay = ledger.backoff(attempt, chance)
    assert 0 < delay <= ledger.LONGEST_DELAY
    assert ledger.backoff(attempt + 1, chance) >= delay
    assert ledger.backoff(attempt, 0) >= ledger.backoff(attempt, 1) / 2


def test_what_a_batch_gives_back_is_hinted_at_once_for_each_batch(session: Session) -> None:
    together = replace(JOB, batch=4)
    ledger.ask(session, together, *"abcdefg")
    claims = ledger.claim_batch(session, together, most=7)
    ledger.ask(session, together, *"abcde")
    session.info.clear()  # of what was noted so far
    ledger.finish_all(session, claims)
    assert [hint.key for hint in queue.noted(session)] == ["a", "e"]
    assert {row.key for row in session.scalars(select(Work).where(Work.lease_until.is_(None)))} == {*"abcde"}


def test_claims_of_an_older_version_are_recognised(session: Session) -> None:
    ledger.ask(session, JOB, "a")
    claimed = claim(session)
    with pytest.raises(LostFence):
        ledger.finish(session, replace(claimed, version=claimed.version + 1))
    with pytest.raises(LostFence):
        ledger.finish(session, replace(claimed, attempt=claimed.attempt + 1))


def test_work_that_is_taken_together_needs_a_hint_for_each_batch_only(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = replace(JOB, batch=4)
    monkeypatch.setitem(LEDGER_JOBS, JOB.name, together)
    ledger.ask(session, together, *(f"{number}" for number in range(9)))
    assert len(queue.noted(session)) == 3
    session.execute(update(Work).values(hinted_at=None))
    assert len(ledger.take_unhinted(session, most=100)) == 3
    assert ledger.take_unhinted(session, most=100) == []
    session.execute(update(Work).values(hinted_at=None))
    session.execute(update(Work).where(Work.key.in_(["0", "5"])).values(attempts=ledger.TOGETHER))
    hints = [hint.key for hint in ledger.take_unhinted(session, most=100)]
    assert {"0", "5"} < set(hints)
    assert len(hints) == 4
