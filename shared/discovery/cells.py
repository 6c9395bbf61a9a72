"""The map: cells of half a degree, by which people are found, and regions of ten degrees, which are ranked together."""

import math
from collections.abc import Sequence
from typing import Final

NOWHERE: Final = 0  # the cell, and the region, of people who have not said where they are
PER_DEGREE: Final = 2
CELLS: Final = 20  # of a region, along each side
_ROWS: Final = 180 * PER_DEGREE
_COLUMNS: Final = 360 * PER_DEGREE
_KM_PER_DEGREE: Final = math.pi * 6371.0 / 180
_SLACK: Final = 2.0  # km by which more is looked at than asked for: places are middles of cells of the fine grid

# The same in Postgres, of coordinates x, y, z (metres, see `place_of`).
CELL_SQL: Final = f"""1 + 1000 * least({_ROWS - 1}, floor({PER_DEGREE} * (degrees(asin(z / 6371000.0)) + 90))::integer)
    + floor({PER_DEGREE} * (degrees(atan2(y, x)) + 180))::integer % {_COLUMNS}"""
REGION_SQL: Final = f"(1 + 100 * ((cell - 1) / 1000 / {CELLS}) + (cell - 1) % 1000 / {CELLS})"


def region_of(cell: int) -> int:
    """The region that a cell lies in."""
    return NOWHERE if cell == NOWHERE else 1 + 100 * ((cell - 1) // 1000 // CELLS) + (cell - 1) % 1000 // CELLS


def around_place(x: int, y: int, z: int, *, km: float) -> list[int]:
    """All cells in which somebody within so many kilometres of a place may be, and a few more."""
    north = math.degrees(math.asin(max(-1.0, min(1.0, z / 6_371_000))))
    east = math.degrees(math.atan2(y, x))
    return _around(north, north, east, east, km)


def around_region(region: int, *, km: float) -> list[int]:
    """The same of any place in a region."""
    side = CELLS // PER_DEGREE
    south, west = (region - 1) // 100 * side - 90, (region - 1) % 100 * side - 180
    return _around(south, south + side, west, west + side, km)


def _around(south: float, north: float, west: float, east: float, km: float) -> list[int]:
    reach = (km + _SLACK) / _KM_PER_DEGREE
    low, high = max(0, _row(south - reach)), min(_ROWS - 1, _row(north + reach))
    columns: Sequence[int] = range(_COLUMNS)
    pole = max(abs(south), abs(north))
    if pole + reach < 90:  # noqa: PLR2004 - degrees, of the pole
        # The farthest meridian that a circle around a place touches, see J. P. Snyder, Map Projections (1987), 5-3.
        aside = math.degrees(math.asin(min(1.0, math.sin(math.radians(reach)) / math.cos(math.radians(pole)))))
        first, last = _column(west - aside), _column(east + aside)
        if last - first < _COLUMNS:
            columns = sorted({column % _COLUMNS for column in range(first, last + 1)})
    return [1 + 1000 * row + column for row in range(low, high + 1) for column in columns]


def _row(latitude: float) -> int:
    return math.floor(PER_DEGREE * (latitude + 90))


def _column(longitude: float) -> int:
    return math.floor(PER_DEGREE * (longitude + 180))
