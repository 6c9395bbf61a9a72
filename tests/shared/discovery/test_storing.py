"""A region's queues are stored as each of its people's would be by itself."""

import uuid
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from shared.accounts.models import Status, User
from shared.database import Database
from shared.discovery import candidates, queues, regions
from shared.discovery.models import Candidate, DiscoveryExposure, DiscoveryQueue
from shared.discovery.rules import PACKED, PARTS, WHOLE
from tests.shared.discovery.people import CITY, CORNER, NOW, known, likes, person, population, remake
from tests.shared.discovery.people import regions as all_regions

LENGTH = 20
Stored = dict[uuid.UUID, tuple[list[uuid.UUID], bytes, uuid.UUID]]
HERE: dict[str, Any] = {"latitude": CITY[0], "longitude": CITY[1]}


@pytest.fixture(autouse=True)
def _short(configured: Callable[..., None]) -> None:
    configured(DISCOVERY_QUEUE=str(LENGTH))


def store(session: Session, region: int, *, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Rank and store a region; `meanwhile` happens between the two."""
    session.flush()
    loaded = regions.load(session, region=region, now=NOW)
    made = regions.rank(loaded, now=NOW)
    meanwhile()
    regions.store(session, loaded, made, region=region, now=NOW)
    session.execute(text("DROP TABLE staged_queues, staged_exposures"))  # the end of the transaction does


def stored(session: Session) -> Stored:
    rows = session.scalars(select(DiscoveryQueue).execution_options(populate_existing=True)).all()
    assert all(row.computed_at == NOW for row in rows)
    return {row.user_id: (row.ids, row.parts, row.wishes) for row in rows}


def town(session: Session, **sizes: int) -> dict[str, list[User]]:
    """Groups whose people have a queue each of so many others."""
    groups = {}
    for number, (name, others) in enumerate(sizes.items()):
        wishes: dict[str, Any] = {"min_age": 20 + 10 * number, "max_age": 29 + 10 * number}
        born = NOW.date().replace(year=NOW.year - 25 - 10 * number)
        groups[name] = [person(session, **HERE, **wishes, birth_date=born) for _ in range(others + 1)]
    make(session, *(user for group in groups.values() for user in group))
    return groups


def make(session: Session, *people: User) -> None:
    candidates.make(session, user_ids=[user.id for user in people], now=NOW)


@pytest.mark.parametrize("seed", range(4))
def test_a_region_stores_what_each_person_would_store(session: Session, seed: int) -> None:
    random = Random(seed)
    everybody = population(session, random, 70, centre=[CITY, CORNER][seed % 2])
    known(session, random, everybody)
    for region in all_regions(session):
        store(session, region)
    together = stored(session)
    assert together.keys() == set(session.scalars(select(Candidate.user_id)))
    assert any(ids for ids, _, _ in together.values())
    session.execute(delete(DiscoveryQueue))
    for user_id in together:
        assert queues.refresh(session, user_id=user_id, now=NOW, tell=False) == len(together[user_id][0])
    assert stored(session) == together


def test_queues_of_nobody_of_one_and_full_ones(session: Session) -> None:
    groups = town(session, alone=0, two=1, full=LENGTH, more=LENGTH + 9)
    (region,) = all_regions(session)
    store(session, region)
    found = stored(session)
    lengths = {name: {len(found[user.id][0]) for user in group} for name, group in groups.items()}
    assert lengths == {"alone": {0}, "two": {1}, "full": {LENGTH}, "more": {LENGTH}}
    assert all(len(parts) == PACKED * len(ids) for ids, parts, _ in found.values())
    one, other = groups["two"]
    assert found[one.id][0] == [other.id]
    assert found[groups["alone"][0].id][:2] == ([], b"")


def test_what_is_stored_can_be_read_back_to_within_a_step(session: Session) -> None:
    one, other = town(session, two=1)["two"]
    likes(session, other, one)
    session.flush()
    (region,) = all_regions(session)
    store(session, region)
    parts = queues.unpacked(stored(session)[one.id][1], 0)
    assert list(parts) == list(PARTS)
    assert parts["distance"] == parts["compatibility"] == parts["activity"] == WHOLE
    assert parts["completeness"] == 400


def test_once_more_changes_nothing(committed: Database) -> None:
    with committed.transaction() as session:
        town(session, two=1, full=LENGTH)
        (region,) = all_regions(session)
    seen = []
    for _ in range(2):
        with committed.transaction() as session:
            remake(session, region)
        with committed.transaction() as session:
            loaded = regions.load(session, region=region, now=NOW)
            made = regions.rank(loaded, now=NOW)
        with committed.transaction() as session:
            regions.store(session, loaded, made, region=region, now=NOW)
        with committed.transaction() as session:
            exposed = session.get_one(DiscoveryExposure, region)
            seen.append((stored(session), exposed.ids, exposed.queues))
    assert len(seen[0][0]) == LENGTH + 3
    assert seen[0] == seen[1]


def test_who_has_left_meanwhile_gets_no_queue(session: Session) -> None:
    groups = town(session, two=1, full=LENGTH)
    staying, leaving = groups["two"]
    (region,) = all_regions(session)
    store(session, region, meanwhile=lambda: session.execute(delete(User).where(User.id == leaving.id)))
    found = stored(session)
    assert leaving.id not in found
    assert len(found) == LENGTH + 2
    assert found[staying.id][0] == [leaving.id], "whoever reads a queue leaves out who is gone"


def test_exposure_counts_in_how_many_queues_of_the_region_each_person_is(session: Session) -> None:
    random = Random(2)
    known(session, random, population(session, random, 60, centre=CITY))
    region = all_regions(session)[-1]
    store(session, region)
    of_region = set(session.scalars(select(Candidate.user_id).where(Candidate.region == region)))
    assert stored(session).keys() == of_region
    expected = Counter(shown for ids, _, _ in stored(session).values() for shown in ids)
    exposed = session.get_one(DiscoveryExposure, region)
    assert dict(zip(exposed.ids, exposed.queues, strict=True)) == expected
    assert expected


def test_exposure_of_the_night_before_is_replaced(session: Session) -> None:
    one, other = town(session, two=1)["two"]
    (region,) = all_regions(session)
    store(session, region)
    exposed = session.get_one(DiscoveryExposure, region)
    assert sorted(zip(exposed.ids, exposed.queues, strict=True)) == sorted([(one.id, 1), (other.id, 1)])
    one.hidden_at = NOW
    session.flush()
    make(session, one)
    store(session, region)
    session.refresh(exposed)
    assert (exposed.ids, exposed.queues) == ([other.id], [1])


def test_a_region_whose_last_person_has_left_is_stored_empty(session: Session) -> None:
    (last,) = town(session, alone=0)["alone"]
    (region,) = all_regions(session)
    last.status = Status.SUSPENDED
    session.flush()
    remake(session, region)
    store(session, region)
    assert session.get_one(DiscoveryExposure, region).ids == []


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.DELETING])
def test_who_is_not_here_any_more_loses_their_queue_at_the_next_refresh(session: Session, status: Status) -> None:
    one, other = town(session, two=1)["two"]
    for user in (one, other):
        assert queues.refresh(session, user_id=user.id, now=NOW, tell=False) == 1
    one.status = status
    session.flush()
    for user in (one, other):
        assert queues.refresh(session, user_id=user.id, now=NOW, tell=False) == 0
    assert stored(session).keys() == {other.id}
