"""What others may know of a person: how exactly, and how it adds up."""

import math
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.profiles import rules
from shared.profiles.rules import Activity

TODAY = date(2026, 3, 15)
PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def test_completeness_adds_up() -> None:
    parts = list(rules.COMPLETENESS)
    assert set(parts) == {"photo", "prompts", "quiz", "bio", "gender", "location"}
    for chosen in product([False, True], repeat=len(parts)):
        has = dict(zip(parts, chosen, strict=True))
        percent, missing = rules.completeness(has)
        assert percent == sum(share for part, (share, _) in rules.COMPLETENESS.items() if has[part])
        assert missing == [words for part, (_, words) in rules.COMPLETENESS.items() if not has[part]]
        assert (percent == 100) == (missing == [])
    assert rules.completeness(dict.fromkeys(parts, False))[0] == 0


@pytest.mark.parametrize(
    ("days", "seen"),
    [(-1, Activity.TODAY), (0, Activity.TODAY), (1, Activity.THIS_WEEK), (6, Activity.THIS_WEEK), (7, "longer_ago")],
)
def test_activity_is_told_in_days_only(days: int, seen: str) -> None:
    assert rules.activity(TODAY - timedelta(days=days), TODAY) == seen


def place_of(session: Session, latitude: float, longitude: float) -> list[int]:
    values = {"latitude": latitude, "longitude": longitude}
    place = session.scalar(text("SELECT place_of(:latitude, :longitude)"), values)
    assert isinstance(place, list)
    return place


@pytest.mark.parametrize(
    ("a", "b", "kilometres"),
    [
        ((52.5200, 13.4050), (48.8566, 2.3522), 878),  # Berlin, Paris
        ((40.7128, -74.0060), (51.5074, -0.1278), 5570),  # New York, London
        ((-36.8509, 174.7645), (-13.8333, -171.7667), 2892),  # Auckland, Apia: over the date line
        ((52.5200, 13.4050), (52.3906, 13.0645), 28),  # Berlin, Potsdam
    ],
)
def test_distances_are_those_of_an_atlas(
    session: Session, a: tuple[float, float], b: tuple[float, float], kilometres: int
) -> None:
    far = rules.distance_km(place_of(session, *a), place_of(session, *b))
    assert abs(far - kilometres) <= max(2, kilometres * 0.005)


@given(PLACES, PLACES)
def test_distance_is_symmetric_whole_and_never_zero(
    session: Session, a: tuple[float, float], b: tuple[float, float]
) -> None:
    one, other = place_of(session, *a), place_of(session, *b)
    far = rules.distance_km(one, other)
    assert far == rules.distance_km(other, one)
    assert 1 <= far <= math.ceil(math.pi * rules.EARTH_DIAMETER / 2)
    assert isinstance(far, int)


@given(PLACES)
def test_a_cell_is_about_a_kilometre_and_its_middle_lies_in_it(session: Session, place: tuple[float, float]) -> None:
    x, y, z = place_of(session, *place)
    north, east = map(math.radians, place)
    exact = (math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north))
    off = math.dist((x, y, z), [6_371_000 * axis for axis in exact])
    assert off <= 1000 * math.hypot(0.5, 0.5) + 25  # and a little, since a cell's sides are not quite equal


def test_nobody_within_a_cell_can_be_told_from_another(session: Session) -> None:
    """Measuring from many places finds the cell, and nothing beyond it."""
    corners = {
        tuple(place_of(session, 52.52 + north * 0.0001, 13.405 + east * 0.0001)): (north, east)
        for north in range(90)
        for east in range(0, 150, 5)
    }
    assert len(corners) <= 9  # of 2700 points within a square of a kilometre
