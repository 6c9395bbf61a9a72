"""What ranking knows of people, made from what they have said."""

import math
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from shared.accounts.models import Status, User
from shared.discovery import appeal, candidates, rules
from shared.discovery.appeal import Decisions, standing
from shared.discovery.models import Candidate, DiscoveryRun
from shared.embedding.rules import DIMENSIONS
from shared.matching import passes
from shared.matching.models import Like
from shared.photos.models import Photo
from shared.prompts.models import ProfileVector
from shared.settings import settings
from tests.shared.discovery.people import CITY, NOW, TODAY, candidate, likes, passed, person, remake, unit

Crowd = Callable[[int], None]
HERE: dict[str, Any] = {"latitude": CITY[0], "longitude": CITY[1]}
COUNTS = st.tuples(st.integers(0, 500), st.integers(0, 2000))
USUAL = st.floats(appeal.RAREST, 1 - appeal.RAREST)


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> Crowd:
    """Let a cell, and the whole world, offer only so many."""

    def change(most: int) -> None:
        monkeypatch.setattr(candidates, "settings", lambda: settings().model_copy(update={"discovery_cell": most}))

    return change


def make(session: Session, *people: User) -> list[Candidate]:
    session.flush()
    candidates.make(session, user_ids=[one.id for one in people], now=NOW)
    return [candidate(session, one) for one in people]


def remake_region(session: Session, region: int) -> None:
    session.flush()
    remake(session, region)
    session.expire_all()


def numbers(row: Candidate) -> list[float]:
    found: Any = row.meaning
    return list(found.to_list() if hasattr(found, "to_list") else found)


@pytest.mark.parametrize("kind", ["any", "one", "even", "halves"])
def test_meaning_is_whole_numbers_whose_products_are_exact(session: Session, kind: str) -> None:
    random = Random(kind)
    even = [1 / math.sqrt(DIMENSIONS)] * DIMENSIONS
    halves = [(n % 13 + 0.5) / rules.UNIT for n in range(DIMENSIONS)]
    scale = math.hypot(*halves)
    one = [-1.0, *[0.0] * (DIMENSIONS - 1)]
    vectors = {"any": unit(random), "one": one, "even": even, "halves": [number / scale for number in halves]}
    first, second = make(session, person(session, vector=vectors[kind]), person(session, vector=unit(random)))
    mine, yours = numbers(first), numbers(second)
    for number, said in zip(mine, vectors[kind], strict=True):
        assert number == int(number)
        assert abs(number) <= rules.UNIT
        assert number == pytest.approx(rules.UNIT * said, abs=0.54)  # half precision before it is rounded
    assert math.hypot(*mine) == pytest.approx(rules.UNIT, rel=0.02 if kind in {"any", "one"} else 0.1)
    product = session.scalar(
        text(
            "SELECT -(a.meaning <#> b.meaning) FROM candidates a, candidates b WHERE a.user_id = :a AND b.user_id = :b"
        ),
        {"a": first.user_id, "b": second.user_id},
    )
    assert product == sum(int(a) * int(b) for a, b in zip(mine, yours, strict=True))
    single = np.dot(np.array(mine, np.float32), np.array(yours, np.float32))
    assert product == single


def test_only_a_vector_of_the_model_in_use_has_a_meaning(session: Session) -> None:
    one, other = person(session, vector=unit(Random(1))), person(session)
    session.execute(update(ProfileVector).values(model="another"))
    for row in make(session, one, other):
        assert numbers(row) == [0] * DIMENSIONS


@given(st.lists(st.tuples(COUNTS, USUAL), min_size=30, max_size=30), st.booleans())
def test_postgres_has_the_same_formula_of_openness_and_appeal(
    session: Session, cases: list[tuple[tuple[int, int], float]], absolute: bool
) -> None:
    formula = candidates._standing("yes", "no", "usual", absolute=absolute)
    found = session.scalars(
        text(f"""SELECT {formula} FROM unnest(CAST(:yes AS bigint[]), CAST(:no AS bigint[]), CAST(:usual AS float[]))
            WITH ORDINALITY AS cases (yes, no, usual, n) ORDER BY n"""),
        {
            "yes": [yes for (yes, _), _ in cases],
            "no": [no for (_, no), _ in cases],
            "usual": [usual for _, usual in cases],
        },
    )
    for ((yes, no), usual), number in zip(cases, found, strict=True):
        decisions = Decisions(yes, yes + no)
        expected = standing(decisions, decisions, usual_given=usual, usual_received=usual)
        wanted = expected.openness if absolute else expected.appeal
        assert number == wanted or (abs(number - wanted) == 1 and on_the_fence(decisions, usual, absolute=absolute))


def on_the_fence(decisions: Decisions, usual: float, *, absolute: bool) -> bool:
    """Whether the number before rounding is so near to a half that the last digit of a logarithm decides."""
    exact = 100 * (appeal._deviation(decisions, usual) + (appeal._log_odds(usual) if absolute else 0))
    return abs(exact % 1 - 0.5) < 1e-9


@pytest.mark.parametrize(("usual", "yes", "no"), [(0.001, 1, 10), (0.999, 10, 1)])
def test_a_usual_share_near_never_or_always_is_held_by_postgres_too(
    session: Session, usual: float, yes: int, no: int
) -> None:
    formula = candidates._standing(str(yes), str(no), "CAST(:usual AS float)", absolute=False)
    decisions = Decisions(yes, yes + no)
    found = session.scalar(text(f"SELECT {formula}"), {"usual": usual})
    assert found == standing(decisions, decisions, usual_given=usual, usual_received=usual).appeal


def test_decisions_are_counted_for_those_who_made_them_and_those_they_are_about(session: Session) -> None:
    shares = {"yes_given": [0.2, 0.3, 0.4, 0.5], "yes_received": [0.6, 0.7, 0.8, 0.9]}
    session.add(
        DiscoveryRun(
            day=TODAY - timedelta(days=1), started_at=NOW, regions=0, yes_given=[0.9] * 4, yes_received=[0.1] * 4
        )
    )
    session.add(DiscoveryRun(day=TODAY, started_at=NOW, regions=0, **shares))
    passes._ensure_partition(session, TODAY)
    ada, *others = (person(session, gender="man") for _ in range(8))
    unsaid = person(session, gender=None)
    for other in others[:3]:
        likes(session, ada, other)
    session.flush()
    session.execute(update(Like).where(Like.liked_id == others[0].id).values(created_at=NOW - timedelta(days=31)))
    passed(session, ada, others[3], until=NOW + timedelta(hours=1))
    for other in others[4:]:
        likes(session, other, ada)
    row, of_nobody = make(session, ada, unsaid)
    usual = {side: float(np.float32(of_all[1])) for side, of_all in shares.items()}
    expected = standing(
        Decisions(2, 3), Decisions(3, 3), usual_given=usual["yes_given"], usual_received=usual["yes_received"]
    )
    assert (row.openness, row.appeal) == (expected.openness, expected.appeal)
    assert (of_nobody.openness, of_nobody.appeal) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"gender": "man"}, True),
        ({"gender": None}, True),
        ({"sought_genders": ["man"]}, True),
        ({"min_age": 31}, True),
        ({"max_age": 41}, True),
        ({"max_distance_km": 60}, True),
        ({"max_distance_km": None}, True),
        ({"birth_date": date(1990, 12, 11)}, True),
        ({"latitude": CITY[0] + 0.05}, True),
        ({"latitude": None, "longitude": None}, True),
        ({"latitude": CITY[0] + 1e-9}, False),
        ({"name": "Bea", "bio": "Sings.", "last_active_at": NOW - timedelta(days=9)}, False),
        ({"status": Status.PAUSED, "hidden_at": NOW, "email_verified_at": NOW}, False),
    ],
)
def test_wishes_change_with_each_wish_and_with_nothing_else(
    session: Session, changes: dict[str, Any], *, differs: bool
) -> None:
    wishes: dict[str, Any] = {"gender": "woman", "sought_genders": ["man", "woman"], "min_age": 30, "max_age": 40}
    ada = person(session, **HERE, **wishes, max_distance_km=50)
    before = make(session, ada)[0].wishes
    assert make(session, ada)[0].wishes == before
    for column, value in changes.items():
        setattr(ada, column, value)
    assert (make(session, ada)[0].wishes != before) == differs


def test_what_was_made_once_survives_remaking(session: Session) -> None:
    ada = person(session, **HERE)
    made = make(session, ada)[0]
    assert (made.offered, made.offered_far, made.damping) == (True, True, 0)
    assert 0 <= made.dice <= 9999
    made.damping, made.dice, made.offered, made.offered_far = -7, 4711, False, False
    ada.bio = "Sings."
    again = make(session, ada)[0]
    assert (again.damping, again.dice, again.offered, again.offered_far) == (-7, 4711, False, False)
    assert again.completeness == made.completeness


def test_who_gives_up_their_limit_is_offered_everywhere_until_the_next_choice(session: Session) -> None:
    ada = person(session, **HERE, max_distance_km=50)
    seen = [make(session, ada)[0].offered_far]
    for limit in (None, None, 20):
        ada.max_distance_km = limit
        seen.append(make(session, ada)[0].offered_far)
    assert seen == [False, True, True, False]


def test_remaking_a_region_forgets_who_is_not_here_any_more(session: Session) -> None:
    ada, bob, eve, leaving = (person(session, **HERE) for _ in range(4))
    region = make(session, ada, bob, eve, leaving)[0].region
    bob.status, eve.status, leaving.status = Status.SUSPENDED, Status.PAUSED, Status.DELETING
    remake_region(session, region)
    assert {row.user_id: row.shown for row in session.scalars(select(Candidate))} == {ada.id: True, eve.id: False}


def test_remaking_a_region_lets_go_of_who_has_moved_away(session: Session) -> None:
    ada = person(session, **HERE)
    region = make(session, ada)[0].region
    ada.latitude = -30.0
    remake_region(session, region)
    assert candidate(session, ada).region not in {region, 0}


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, True),
        ({"status": Status.PAUSED}, False),
        ({"hidden_at": NOW}, False),
        ({"photo": None}, False),
        ({"email_verified_at": None}, False),
    ],
)
def test_shown_is_who_could_be_shown_to_anybody(
    session: Session, configured: Callable[..., None], changes: dict[str, Any], *, shown: bool
) -> None:
    configured(REQUIRE_VERIFIED_EMAIL="true")
    assert make(session, person(session, **{"email_verified_at": NOW, **changes}))[0].shown == shown


def offered(session: Session) -> set[uuid.UUID]:
    return set(session.scalars(select(Candidate.user_id).where(Candidate.offered)))


def test_a_crowded_cell_offers_who_was_here_last_and_then_who_is_in_few_queues(session: Session, offers: Crowd) -> None:
    offers(2)
    men = [person(session, **HERE, gender="man", last_active_at=NOW - timedelta(days=day)) for day in (0, 1, 1, 1, 9)]
    woman = person(session, **HERE, gender="woman", last_active_at=NOW - timedelta(days=80))
    hidden = person(session, **HERE, gender="man", photo=None)
    away = person(
        session, latitude=CITY[0] + 2, longitude=CITY[1], gender="man", last_active_at=NOW - timedelta(days=90)
    )
    rows = make(session, *men, woman, hidden, away)
    for row, damping, dice in zip(rows, (90, 5, -5, -5, -60), (1, 1, 9, 3, 1), strict=False):
        row.damping, row.dice = damping, dice
    remake_region(session, rows[0].region)
    assert offered(session) == {men[0].id, men[3].id, woman.id, hidden.id, away.id}
    men[4].last_active_at = NOW
    remake_region(session, rows[0].region)
    assert offered(session) == {men[0].id, men[4].id, woman.id, hidden.id, away.id}


def test_far_away_are_offered_those_who_look_as_far_and_were_here_last(session: Session, offers: Crowd) -> None:
    offers(2)
    days = (3, 1, 2, 9)
    women = [person(session, gender="woman", last_active_at=NOW - timedelta(days=day)) for day in days]
    limited = person(session, **HERE, gender="woman", max_distance_km=100)
    man = person(session, gender="man", last_active_at=NOW - timedelta(days=80))
    hidden = person(session, gender="man", photo=None)
    make(session, *women, limited, man, hidden)
    candidates.offer_far(session)
    chosen = set(session.scalars(select(Candidate.user_id).where(Candidate.offered_far, Candidate.shown)))
    assert chosen == {women[1].id, women[2].id, man.id}
    women[3].last_active_at = NOW
    make(session, *women)
    candidates.offer_far(session)
    chosen = set(session.scalars(select(Candidate.user_id).where(Candidate.offered_far, Candidate.shown)))
    assert chosen == {women[1].id, women[3].id, man.id}


def test_nobody_is_known_for_whom_there_is_no_place_here(session: Session) -> None:
    gone = person(session, status=Status.SUSPENDED)
    candidates.make(session, user_ids=[gone.id, uuid.uuid4()], now=NOW)
    candidates.make(session, user_ids=[], now=NOW)
    assert session.scalars(select(Candidate)).all() == []
    assert session.scalars(select(Photo.user_id)).all() == [gone.id]
