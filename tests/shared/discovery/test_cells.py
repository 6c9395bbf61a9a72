"""The map: everybody who is near enough is in a cell that is looked at, over date line and poles too."""

import math
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.discovery import cells
from tests.shared.discovery.globe import Place, away, cell_of, metres, place_of

NORTHS = st.floats(-90, 90) | st.sampled_from([-90.0, -89.999, -0.5, 0.0, 0.5, 50.0, 59.5, 80.0, 89.49, 89.999, 90.0])
EASTS = st.floats(-180, 180) | st.sampled_from([-180.0, -179.999, -0.5, 0.0, 10.0, 179.5, 179.999, 180.0])
KM = st.floats(0, 500) | st.sampled_from([1.0, 5.0, 50.0, 500.0])
TURNS = st.floats(0, 2 * math.pi)
SHARES = st.floats(0, 1) | st.sampled_from([0.0, 0.999, 1.0])
MANY = settings(max_examples=400)


def around_point(north: float, east: float, km: float, share: float, turn: float) -> tuple[Place, Place] | None:
    """Two places within so many kilometres."""
    place, other = place_of(north, east), place_of(*away(north, east, km=km * share, turn=turn))
    return (place, other) if metres(place, other) <= 1000 * km else None


@MANY
@given(NORTHS, EASTS, KM, SHARES, TURNS)
@example(89.9, 0.0, 500.0, 1.0, 0.0)
@example(-17.0, 179.99, 50.0, 1.0, math.pi / 2)
@example(85.4, 20.0, 500.0, 1.0, 1.5)
def test_around_a_place_is_everybody_within_the_distance(
    north: float, east: float, km: float, share: float, turn: float
) -> None:
    if both := around_point(north, east, km, share, turn):
        place, other = both
        assert cell_of(other) in cells.around_place(*place, km=km)


@MANY
@given(NORTHS, EASTS, KM, SHARES, TURNS)
@example(80.0, -180.0, 500.0, 1.0, 3 * math.pi / 2)
@example(-89.9, 0.0, 100.0, 1.0, math.pi)
def test_around_a_region_is_everybody_within_the_distance_of_anybody_there(
    north: float, east: float, km: float, share: float, turn: float
) -> None:
    if both := around_point(north, east, km, share, turn):
        place, other = both
        assert cell_of(other) in cells.around_region(cells.region_of(cell_of(place)), km=km)


@given(NORTHS, EASTS)
def test_not_much_more_than_the_neighbourhood_is_looked_at(north: float, east: float) -> None:
    around = cells.around_place(*place_of(north, east), km=0)
    assert len(around) == len(set(around))
    if abs(north) < 60:
        assert len(around) <= 4


def test_nowhere_is_no_region_and_all_regions_have_numbers_of_their_own() -> None:
    assert cells.region_of(cells.NOWHERE) == cells.NOWHERE
    everywhere = [1 + 1000 * row + column for row in range(360) for column in range(720)]
    sizes: dict[int, int] = {}
    for cell in everywhere:
        sizes[cells.region_of(cell)] = sizes.get(cells.region_of(cell), 0) + 1
    assert set(sizes.values()) == {cells.CELLS**2}
    assert cells.NOWHERE not in sizes


@pytest.mark.parametrize("region", [1, 36, 901, 919, 1201, 1736])
def test_a_region_looks_at_all_of_its_own_cells(region: int) -> None:
    own = {1 + 1000 * row + column for row in range(360) for column in range(720)}
    own = {cell for cell in own if cells.region_of(cell) == region}
    assert own <= set(cells.around_region(region, km=0))


def test_postgres_draws_the_same_map(session: Session) -> None:
    random = Random(7)
    edges = [(n, e) for n in (-90.0, -89.999, 0.0, 49.9999, 50.0, 89.5, 90.0) for e in (-180.0, 0.0, 10.0, 180.0)]
    points = edges + [(random.uniform(-90, 90), random.uniform(-180, 180)) for _ in range(3000)]
    points += [(math.degrees(math.asin(random.uniform(0.999, 1))), random.uniform(-180, 180)) for _ in range(500)]
    drawn = session.execute(
        text(f"""
            SELECT x, y, z, cell, {cells.REGION_SQL} AS region FROM (
                SELECT x, y, z, {cells.CELL_SQL} AS cell FROM (
                    SELECT n, place[1] AS x, place[2] AS y, place[3] AS z
                    FROM unnest(CAST(:norths AS float[]), CAST(:easts AS float[])) WITH ORDINALITY AS p (north, east, n)
                    CROSS JOIN LATERAL place_of(north, east) AS place
                ) places ORDER BY n
            ) cells
        """),
        {"norths": [north for north, _ in points], "easts": [east for _, east in points]},
    ).all()
    for (north, east), (x, y, z, cell, region) in zip(points, drawn, strict=True):
        assert (x, y, z) == place_of(north, east)
        assert cell == cell_of((x, y, z))
        assert region == cells.region_of(cell)
        assert cell in cells.around_place(x, y, z, km=0)


@given(NORTHS, EASTS)
def test_a_place_lies_within_a_kilometre_of_whoever_is_there(north: float, east: float) -> None:
    up, around = math.radians(north), math.radians(east)
    truly = (math.cos(up) * math.cos(around), math.cos(up) * math.sin(around), math.sin(up))
    assert math.dist(place_of(north, east), [6_371_000 * axis for axis in truly]) <= 1000
