"""The map once more, in Python: what Postgres makes of a place, and points at a distance from each other."""

import math
from typing import Final

RADIUS: Final = 6_371_000  # metres
_PER_DEGREE: Final = math.pi * 6371 / 180

Place = tuple[int, int, int]


def place_of(latitude: float, longitude: float) -> Place:
    """The middle of a fine cell, in metres from the middle of the earth."""
    north = (math.floor(latitude * math.pi * 6371 / 180) + 0.5) / _PER_DEGREE
    width = 1 / (_PER_DEGREE * max(math.cos(math.radians(north)), 0.001))
    east = (math.floor(longitude / width) + 0.5) * width
    up, around = math.radians(north), math.radians(east)
    level = RADIUS * math.cos(up)
    return round(level * math.cos(around)), round(level * math.sin(around)), round(RADIUS * math.sin(up))


def cell_of(place: Place) -> int:
    x, y, z = place
    row = min(359, math.floor(2 * (math.degrees(math.asin(max(-1.0, min(1.0, z / RADIUS)))) + 90)))
    return 1 + 1000 * row + math.floor(2 * (math.degrees(math.atan2(y, x)) + 180)) % 720


def metres(one: Place, other: Place) -> float:
    return math.dist(one, other)


def shown_km(one: Place, other: Place) -> int:
    """The distance as people are told it."""
    return max(1, math.ceil(metres(one, other) / 1000))


def away(latitude: float, longitude: float, *, km: float, turn: float) -> tuple[float, float]:
    """The point so many kilometres away, `turn` radians from north."""
    up, arc = math.radians(latitude), km / 6371
    north = math.asin(max(-1.0, min(1.0, math.sin(up) * math.cos(arc) + math.cos(up) * math.sin(arc) * math.cos(turn))))
    aside = math.atan2(math.sin(turn) * math.sin(arc) * math.cos(up), math.cos(arc) - math.sin(up) * math.sin(north))
    east = (longitude + math.degrees(aside) + 180) % 360 - 180
    return max(-90.0, min(90.0, math.degrees(north))), max(-180.0, min(180.0, east))
