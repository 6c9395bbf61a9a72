"""What others see of a person, as pure functions and tables: completeness, distance, activity."""

import math
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final

COMPLETENESS: Final[dict[str, tuple[int, str]]] = {
    # part of a profile: its share in percent, and what to say while it is missing
    "photo": (30, "Add a photo, so that people can see you."),
    "prompts": (20, "Answer a prompt, so that people have something to talk about with you."),
    "quiz": (20, "Take the quiz, so that we know whom you fit."),
    "bio": (10, "Write a few words about yourself."),
    "gender": (10, "Say which gender you are, so that the right people find you."),
    "location": (10, "Share roughly where you are, to meet people nearby."),
}

EARTH_RADIUS: Final = 6371.0  # km, the mean of IUGG
GRID: Final = 1.0  # km; where somebody is within a cell of this size, nobody but them can find out
_KM_PER_DEGREE: Final = math.pi * EARTH_RADIUS / 180

THIS_WEEK: Final = 7  # days


class Activity(StrEnum):
    """When somebody was last here, as exactly as others may know it."""

    TODAY = "today"
    THIS_WEEK = "this_week"
    LONGER_AGO = "longer_ago"


def completeness(has: Mapping[str, bool]) -> tuple[int, list[str]]:
    """(percent, what is missing in words) of a profile that has these parts of COMPLETENESS."""
    percent = sum(share for part, (share, _) in COMPLETENESS.items() if has[part])
    return percent, [words for part, (_, words) in COMPLETENESS.items() if not has[part]]


def activity(last_active: date, today: date) -> Activity:
    """By whole days of one calendar: spans of time would tell the minute when they flip."""
    days = (today - last_active).days
    if days <= 0:
        return Activity.TODAY
    return Activity.THIS_WEEK if days < THIS_WEEK else Activity.LONGER_AGO


def snap(latitude: float, longitude: float) -> tuple[float, float]:
    """The middle of the grid's cell that a place (degrees, WGS 84) lies in.

    Distances are computed from these, never from exact places: rounding the distance alone could be walked around, by
    measuring from three places where it changes.
    """
    north = _snapped(latitude, GRID / _KM_PER_DEGREE)
    width = GRID / (_KM_PER_DEGREE * max(math.cos(math.radians(north)), 0.001))
    return north, _snapped(longitude, width)


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> int:
    """Whole kilometres (1 or more) between the cells of two places, rounded up; symmetric.

    The great-circle distance by the haversine formula (R. W. Sinnott, Sky and Telescope 68, 1984), good to 0.5 %.
    """
    (north_a, east_a), (north_b, east_b) = (map(math.radians, snap(*place)) for place in (a, b))
    chord = (
        math.sin((north_b - north_a) / 2) ** 2
        + math.cos(north_a) * math.cos(north_b) * math.sin((east_b - east_a) / 2) ** 2
    )
    return max(1, math.ceil(2 * EARTH_RADIUS * math.asin(math.sqrt(min(1.0, chord)))))


def _snapped(degrees: float, step: float) -> float:
    return (math.floor(degrees / step) + 0.5) * step
