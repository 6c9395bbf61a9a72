"""What others may know of a person: how exactly, and how it adds up."""

import math
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    ("a", "b", "kilometres"),
    [
        ((52.5200, 13.4050), (48.8566, 2.3522), 878),  # Berlin, Paris
        ((40.7128, -74.0060), (51.5074, -0.1278), 5570),  # New York, London
        ((-36.8509, 174.7645), (-13.8333, -171.7667), 2892),  # Auckland, Apia: over the date line
    ],
)
def test_distances_are_those_of_an_atlas(a: tuple[float, float], b: tuple[float, float], kilometres: int) -> None:
    assert abs(rules.distance_km(a, b) - kilometres) <= max(2, kilometres * 0.005)


@given(PLACES, PLACES)
def test_distance_is_symmetric_whole_and_never_zero(a: tuple[float, float], b: tuple[float, float]) -> None:
    far = rules.distance_km(a, b)
    assert far == rules.distance_km(b, a)
    assert 1 <= far <= math.ceil(math.pi * rules.EARTH_RADIUS)
    assert isinstance(far, int)


@given(PLACES)
def test_a_cell_is_about_a_kilometre_and_its_middle_lies_in_it(place: tuple[float, float]) -> None:
    middle = rules.snap(*place)
    assert rules.snap(*middle) == pytest.approx(middle, abs=1e-9)
    north, east = place[0] - middle[0], place[1] - middle[1]
    kilometres = math.pi * rules.EARTH_RADIUS / 180
    assert abs(north) * kilometres <= rules.GRID / 2 + 1e-6
    assert abs(east) * kilometres * math.cos(math.radians(middle[0])) <= rules.GRID / 2 + 1e-6


def test_nobody_within_a_cell_can_be_told_from_another() -> None:
    """Measuring from many places finds the cell, and nothing beyond it."""
    cell = rules.snap(52.52, 13.405)
    corners = [(cell[0] + north, cell[1] + east) for north in (-0.004, 0.004) for east in (-0.006, 0.006)]
    watchers = [(52.52 + step * 0.0037, 13.405 + step * 0.0101) for step in range(-40, 40)]
    seen = {tuple(rules.distance_km(watcher, corner) for watcher in watchers) for corner in corners}
    assert len(seen) == 1
