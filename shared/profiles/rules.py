"""What others see of a person, as pure functions and tables: completeness, distance, activity."""

import math
from collections.abc import Mapping, Sequence
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

EARTH_DIAMETER: Final = 2 * 6371.0  # km, from the mean radius of IUGG
STRAIGHT: Final = 500  # km up to which a straight line is as long as the way over the earth, but for 0.03 %

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


def distance_km(a: Sequence[int], b: Sequence[int]) -> int:
    """Whole kilometres (1 or more) between two places, rounded up; symmetric.

    Places are middles of cells, x, y and z in metres (`User.place`), never where people are: rounding the distance
    alone could be walked around, by measuring from three points where it changes.
    """
    straight = math.sqrt(sum((one - other) ** 2 for one, other in zip(a, b, strict=True))) / 1000
    if straight > STRAIGHT:
        straight = EARTH_DIAMETER * math.asin(min(1.0, straight / EARTH_DIAMETER))
    return max(1, math.ceil(straight))
