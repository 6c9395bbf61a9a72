"""The nightly run: begun once, closed when its regions are done, fair, and damping who is in too many queues."""

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial

import numpy as np
import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shared import ledger
from shared.accounts.models import Status, User
from shared.database import Database
from shared.discovery import candidates, nights, queues
from shared.discovery.models import Candidate, DiscoveryExposure, DiscoveryRun
from shared.jobs import RANK_REGION, REFRESH_QUEUE
from shared.ledger import Work
from shared.matching import passes
from tests.races import at_once
from tests.shared.discovery.people import CITY, CORNER, NOW, TODAY, candidate, likes, passed, person, regions

MOST = 120  # the usual setting


def people(session: Session, count: int) -> list[User]:
    found = [person(session, latitude=CITY[0], longitude=CITY[1]) for _ in range(count)]
    candidates.make(session, user_ids=[user.id for user in found], now=NOW)
    return found


def expose(session: Session, of_region: dict[int, list[tuple[uuid.UUID, int]]]) -> None:
    session.execute(delete(DiscoveryExposure))
    for region, counted in of_region.items():
        ids, times = [user_id for user_id, _ in counted], [queues for _, queues in counted]
        session.add(DiscoveryExposure(region=region, ids=ids, queues=times))
    session.flush()


def finished(session: Session, *, now: datetime = NOW) -> DiscoveryRun | None:
    """The run that was closed, all regions of which are done."""
    session.execute(delete(Work))
    run = nights.finish(session, now=now)
    if run is not None:
        for region in nights.regions(session):
            nights.damp(session, region=region)
    session.expire_all()
    return run


def dampings(session: Session, everybody: Sequence[User]) -> list[int]:
    return [candidate(session, user).damping for user in everybody]


def night(session: Session, everybody: Sequence[User], seen: Sequence[int], *, number: int = 0) -> list[int]:
    """The dampings after a night in which people were in so many queues."""
    now = NOW + timedelta(days=number)
    assert nights.start(session, now=now) is not None
    expose(session, {1: [(user.id, queues) for user, queues in zip(everybody, seen, strict=True) if queues]})
    assert finished(session, now=now) is not None
    return dampings(session, everybody)


def test_a_night_begins_once_at_its_hour_and_asks_for_every_region(session: Session) -> None:
    people(session, 2)
    away, nowhere = person(session, latitude=CORNER[0] - 30, longitude=CORNER[1]), person(session)
    candidates.make(session, user_ids=[away.id, nowhere.id], now=NOW)
    begun = [
        nights.start(session, now=datetime(2026, 11, day, hour, 30, tzinfo=UTC))
        for day, hour in ((20, 12), (20, 12), (20, 23), (21, 2), (21, 3), (21, 4))
    ]
    assert begun == [3, None, None, None, 3, None]
    asked = session.scalars(select(Work.key).where(Work.kind == RANK_REGION.name)).all()
    assert sorted(map(int, asked)) == regions(session)
    runs = nights.runs(session, most=5)
    assert [run.day for run in runs] == [date(2026, 11, 21), date(2026, 11, 20)]
    assert {run.regions for run in runs} == {3}
    assert nights.runs(session, most=1) == runs[:1]


def test_two_who_begin_at_once_begin_one(committed: Database) -> None:
    committed.call(people, 1)
    start = partial(committed.call, nights.start, now=NOW)
    with ThreadPoolExecutor(4) as pool:
        begun = at_once(pool, *[start] * 4)
    assert sorted(begun, key=str) == [1, None, None, None]
    with committed.transaction() as session:
        assert len(nights.runs(session, most=5)) == 1


def test_two_who_finish_at_once_finish_once(committed: Database) -> None:
    def prepare(session: Session) -> None:
        people(session, 2)
        nights.start(session, now=NOW)
        session.execute(delete(Work))

    committed.call(prepare)
    finish = partial(committed.call, nights.finish, now=NOW)
    with ThreadPoolExecutor(4) as pool:
        closed = at_once(pool, *[finish] * 4)
    assert sum(run is not None for run in closed) == 1


def test_a_night_chooses_who_is_offered_far_away(session: Session) -> None:
    (ada,) = people(session, 1)
    candidate(session, ada).offered_far = False
    session.flush()
    nights.start(session, now=NOW)
    assert candidate(session, ada).offered_far


def test_a_night_is_over_when_no_region_waits(session: Session) -> None:
    (ada, _) = people(session, 2)
    queues.refresh(session, user_id=ada.id, now=NOW, tell=False)
    assert nights.finish(session, now=NOW) is None, "none has begun"
    nights.start(session, now=NOW)
    assert nights.finish(session, now=NOW) is None
    ledger.ask(session, REFRESH_QUEUE, str(ada.id))
    session.execute(update(Work).where(Work.kind == RANK_REGION.name).values(due_at=None))  # given up
    run = nights.finish(session, now=NOW)
    assert run is not None
    assert (run.day, run.finished_at, run.people, run.shown) == (TODAY, NOW, 1, 2)
    assert (run.gini, run.shown_to_nobody) == (0, 1)
    assert nights.finish(session, now=NOW) is None, "it is over already"


def test_a_night_with_nobody_is_over_at_once(session: Session) -> None:
    assert nights.start(session, now=NOW) == 0
    run = nights.finish(session, now=NOW)
    assert run is not None
    assert (run.regions, run.people, run.shown, run.gini, run.shown_to_nobody) == (0, 0, 0, 0, 0)


def test_fairness_is_what_one_computes_by_hand(session: Session) -> None:
    a, b, c, d, hidden = people(session, 5)
    hidden.hidden_at = NOW
    session.flush()
    candidates.make(session, user_ids=[hidden.id], now=NOW)
    expose(session, {1: [(b.id, 1), (c.id, 1), (hidden.id, 50)], 2: [(d.id, 2)]})
    found = nights.fairness(session)
    # 0, 1, 1, 2: the mean difference of two is 3/4, that by twice the mean of 1
    assert (found.shown, round(found.gini, 9), found.shown_to_nobody) == (4, 0.375, 0.25)
    expose(session, {1: [(user.id, 3) for user in (a, b)], 2: [(c.id, 3), (d.id, 2)], 3: [(d.id, 1)]})
    found = nights.fairness(session)
    assert (found.shown, round(found.gini, 9), found.shown_to_nobody) == (4, 0, 0)
    expose(session, {1: [(a.id, 9)]})
    assert nights.fairness(session).gini == pytest.approx(0.75)  # all at one of four


def test_who_is_in_many_queues_is_damped_and_who_is_in_few_is_raised(session: Session) -> None:
    everybody = people(session, 4)
    none, few, usual, many = night(session, everybody, [0, 2, 6, 16])
    assert none < few < 0 < many
    assert usual == 0
    assert none == -MOST // 2
    assert [few, many] == [round(MOST / 4 * float(np.log2((1 + seen) / 7))) for seen in (2, 16)]


def test_damping_adds_up_from_night_to_night_and_stays_within_bounds(session: Session) -> None:
    everybody = people(session, 3)
    before = dampings(session, everybody)
    for number in range(12):
        after = night(session, everybody, [0, 10, 200], number=number)
        assert after[0] <= before[0]
        assert after[2] >= before[2]
        assert all(-MOST // 2 <= damping <= MOST for damping in after)
        before = after
    assert before[0] == -MOST // 2
    assert before[2] == MOST
    turned = night(session, everybody, [200, 10, 0], number=12)
    assert turned[0] > before[0]
    assert turned[2] < before[2]


def test_the_setting_can_turn_damping_off_and_take_back_what_there_was(
    session: Session, configured: Callable[..., None]
) -> None:
    everybody = people(session, 2)
    assert night(session, everybody, [0, 90]) != [0, 0]
    configured(EXPOSURE_DAMPING="0")
    assert night(session, everybody, [0, 90], number=1) == [0, 0]


def test_usual_shares_are_of_those_who_decide_and_those_decided_about(session: Session) -> None:
    passes._ensure_partition(session, TODAY)
    women = [person(session, gender="woman") for _ in range(2)]
    men = [person(session, gender="man") for _ in range(3)]
    for man in men:
        likes(session, man, women[0])
    likes(session, women[0], men[0])
    passed(session, women[0], men[1], until=NOW + timedelta(hours=1))
    passed(session, women[1], men[1], until=NOW + timedelta(hours=1))
    session.flush()
    nights.start(session, now=NOW)
    (run,) = nights.runs(session, most=1)
    assert run.yes_given == pytest.approx([151 / 503, 153 / 503, 0.3, 0.3])
    assert run.yes_received == pytest.approx([153 / 503, 151 / 503, 0.3, 0.3])


def test_whoever_was_forgotten_is_asked_for_with_the_night(session: Session) -> None:
    forgotten, has_one, promised, fresh, paused = people(session, 5)
    queues.refresh(session, user_id=has_one.id, now=NOW, tell=False)
    ledger.ask(session, REFRESH_QUEUE, str(promised.id))
    fresh.created_at, paused.status = NOW - timedelta(minutes=4), Status.PAUSED
    session.execute(delete(Candidate).where(Candidate.user_id != has_one.id))
    nights.start(session, now=NOW)
    asked = session.scalars(select(Work.key).where(Work.kind == REFRESH_QUEUE.name)).all()
    assert set(asked) == {str(promised.id), str(forgotten.id)}


def test_a_night_is_over_though_all_who_were_in_queues_are_hidden_by_now(session: Session) -> None:
    everybody = people(session, 2)
    for user in everybody:
        user.hidden_at = NOW
    session.flush()
    candidates.make(session, user_ids=[user.id for user in everybody], now=NOW)
    assert night(session, everybody, [1, 1]) == [0, 0]


def test_exposures_of_a_region_that_is_empty_by_now_do_not_count(session: Session) -> None:
    one, other = people(session, 2)
    (region,) = regions(session)
    expose(session, {region: [(one.id, 1), (other.id, 1)], region + 1: [(one.id, 70)]})
    nights.start(session, now=NOW)
    finished(session)
    assert dampings(session, [one, other]) == [0, 0]


def test_a_night_that_was_never_finished_does_not_damp_twice(session: Session) -> None:
    one, other = people(session, 2)
    for days in (0, 1):
        nights.start(session, now=NOW + timedelta(days=days))
    expose(session, {1: [(one.id, 10)]})
    assert finished(session) is not None
    once = dampings(session, [one, other])
    finished(session)
    assert dampings(session, [one, other]) == once
