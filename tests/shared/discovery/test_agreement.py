"""One person by SQL, a whole region by compiled code, and a slow reading of the rules come to the same."""

import uuid
from collections.abc import Callable
from random import Random

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts.models import Status, User
from shared.discovery import batch, candidates, exact, loading, queues
from shared.discovery.exact import Place
from shared.discovery.models import Candidate
from shared.discovery.rules import period_of
from shared.matching.visibility import could_meet
from shared.settings import settings
from tests.shared.discovery.people import CENTRES, NOW, known, population, regions
from tests.shared.discovery.reference import NEAR, Reference, near_enough, squared_distance

LENGTH = 20
EVERY = 5
SEEDS = range(20)
FEWER = range(8)
Listed = list[tuple[uuid.UUID, int, bytes]]
Crowding = Callable[[int], None]


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> Crowding:
    """Let a cell offer only so many."""

    def change(most: int) -> None:
        monkeypatch.setattr(candidates, "settings", lambda: settings().model_copy(update={"discovery_cell": most}))

    return change


def listed(places: list[Place]) -> Listed:
    return [(place.user_id, place.score, queues.packed(place)) for place in places]


def together(session: Session, *, length: int = LENGTH, every: int = EVERY) -> dict[uuid.UUID, Listed]:
    """Everybody's queue, region by region."""
    found = {}
    for region in regions(session):
        loaded = loading.load(session, region=region, now=NOW)
        made = batch.rank(loaded, length=length, newcomer_every=every, period=period_of(NOW.date()))
        names = [uuid.UUID(bytes=bytes(name).ljust(16, b"\0")) for name in loaded.ids]
        for row, viewer in enumerate(loaded.viewers):
            found[names[viewer]] = [
                (names[made.places[row, place]], int(made.scores[row, place]), made.parts[row, place].tobytes())
                for place in range(made.lengths[row])
            ]
    return found


def world(session: Session, seed: int, crowded: Crowding) -> None:
    random = Random(seed)
    if seed % 2:
        crowded(random.randint(1, 6))
    known(session, random, population(session, random, random.randint(40, 120), centre=CENTRES[seed % len(CENTRES)]))


@pytest.mark.parametrize("seed", SEEDS)
def test_all_rank_the_same_people_alike_to_the_last_digit(
    session: Session, configured: Callable[..., None], crowded: Crowding, seed: int
) -> None:
    verified = "true" if seed % 3 == 0 else "false"
    configured(DISCOVERY_QUEUE=str(LENGTH), NEWCOMER_EVERY=str(EVERY), REQUIRE_VERIFIED_EMAIL=verified)
    world(session, seed, crowded)
    slow = Reference(session)
    by_batch = together(session)
    assert by_batch.keys() == {viewer.id for viewer in slow.viewers()}
    for viewer in slow.viewers():
        ranked = exact.rank(session, user_id=viewer.id, now=NOW)
        assert ranked is not None
        assert ranked.places == slow.queue(viewer, length=LENGTH, every=EVERY)
        assert listed(ranked.places) == by_batch[viewer.id]


@pytest.mark.parametrize("seed", FEWER)
def test_shown_is_who_could_be_met_within_both_limits_and_is_offered(
    session: Session, configured: Callable[..., None], crowded: Crowding, seed: int
) -> None:
    configured(DISCOVERY_QUEUE="200", REQUIRE_VERIFIED_EMAIL="true" if seed % 3 == 0 else "false")
    world(session, seed, crowded)
    offers = {row.user_id: row for row in session.scalars(select(Candidate))}
    for viewer in session.scalars(select(User).where(User.status == Status.ACTIVE)):
        ranked = exact.rank(session, user_id=viewer.id, now=NOW)
        assert ranked is not None
        expected = set()
        for other in session.scalars(select(User).where(could_meet(viewer, now=NOW))):
            apart, offer = squared_distance(viewer, other), offers[other.id]
            near = near_enough(viewer, apart) and near_enough(other, apart)
            if near and (offer.offered if apart <= NEAR else offer.offered_far):
                expected.add(other.id)
        assert {place.user_id for place in ranked.places} == expected


def test_these_populations_have_all_that_matters(
    session: Session, configured: Callable[..., None], crowded: Crowding
) -> None:
    configured(DISCOVERY_QUEUE=str(LENGTH), NEWCOMER_EVERY=str(EVERY))
    seen: set[str] = set()
    for seed in range(6):
        with session.begin_nested() as point:
            world(session, seed, crowded)
            slow = Reference(session)
            for viewer in slow.viewers():
                places = slow.queue(viewer, length=LENGTH, every=EVERY)
                seen |= {"full"} if len(places) == LENGTH else {"not full"} if places else {"empty"}
                scores = [place.score for place in places]
                seen |= {"ties"} if len(set(scores)) < len(scores) else set()
                seen |= {"newcomers"} if scores != sorted(scores, reverse=True) else set()
                seen |= {"lifted"} if any(place.parts[6] for place in places) else set()
                seen |= {"viewer nowhere"} if places and not viewer.place else set()
                for place in places:
                    far = squared_distance(viewer, slow.people[place.user_id]) > NEAR
                    seen.add("far" if far else "near")
            offered = [row.offered for row in slow.known.values()]
            seen |= {"crowded"} if not all(offered) else set()
            point.rollback()
        session.expire_all()
    wanted = {"full", "not full", "empty", "ties", "newcomers", "lifted", "viewer nowhere", "far", "near", "crowded"}
    assert seen == wanted
