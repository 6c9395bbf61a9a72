"""The one definition of who may be shown to whom and in what order: weights as data, and pure functions of integers.

Everything is computed in whole numbers, so that Postgres, compiled code and Python agree to the last digit. `fits`,
`score` and `placed` are plain Python that `batch.py` also compiles as they stand; `exact.py` says the same in SQL.
"""

import math
from collections.abc import MutableSequence, Sequence
from datetime import date
from typing import Final, Protocol

from shared.discovery.appeal import AGE_POINTS, CHANCES, LIMIT, OWN_FIFTHS
from shared.quiz.compatibility import WEIGHTS as TRAIT_WEIGHTS

# What makes up a rank, in thousandths: each part is a number in 0..1000, and so is their weighted mean.
WEIGHTS: Final = {
    "compatibility": 280,
    "meaning": 150,
    "distance": 150,
    "activity": 100,
    "completeness": 70,
    "reciprocity": 250,
}
PARTS: Final = tuple(WEIGHTS)
WHOLE: Final = 1000  # the most of a part
PACKED: Final = 6  # bytes in which the parts of one place are kept, one for each
LIFT: Final = 80  # added by lot: to half of those who like the viewer, and to a quarter of all others
LIFT_DAYS: Final = 7  # then lots are drawn anew, so that neither having nor losing a lift says much

UNIT: Final = 127  # a vector of meaning has whole numbers of this length, so that products of two are exact
SQUARE: Final = UNIT * UNIT

# Beyond this nobody is near: shown are only some of those who look as far, those who were here last.
NEAR_KM: Final = 120
FARTHEST_KM: Final = 500  # the largest limit there is; from here on all are as far
HALF_WAY_KM: Final = 25  # at this distance half of the points are left
ACTIVE_DAYS: Final = 30  # whoever was not here for so long has no points for activity

DAYS: Final = 365  # of a year
ANYWHERE: Final = 10**15  # square metres: more than any two places are apart
NEAR: Final = (NEAR_KM * 1000) ** 2

# A gender is a bit, and what somebody seeks a set of them. Not saying fits those who seek all.
GENDERS: Final = {"woman": 1, "man": 2, "nonbinary": 4, None: 8}
ALL_GENDERS: Final = 15

TRAIT_POINTS: Final = tuple(round(100 * weight) for weight in TRAIT_WEIGHTS.values())
DISTANCE_POINTS: Final = tuple(round(WHOLE / (1 + max(0, km - 1) / HALF_WAY_KM)) for km in range(FARTHEST_KM + 1))
TABLES: Final = (tuple(WEIGHTS.values()), TRAIT_POINTS, DISTANCE_POINTS, CHANCES)
"""What `score` looks up: weights of parts and of traits, points by whole kilometres, and chances by log-odds."""


class Person(Protocol):
    """What a rank knows of somebody, all whole numbers. Dates are days since any one day."""

    gender: int
    seeks: int
    born: int
    born_after: int
    """Whom they seek was born after this day ..."""
    born_by: int
    """... and not after this one."""
    x: int
    """The middle of their cell of the map, in metres from the middle of the earth."""
    y: int
    z: int
    cell: int
    reach: int
    """The greatest distance that they accept, squared, in square metres."""
    offered: int
    """Whether they are shown to people nearby."""
    offered_far: int
    """Whether they are shown to people who are far away."""
    social_energy: int
    """This and the other traits are 0..1000."""
    spontaneity: int
    emotional_openness: int
    directness: int
    independence: int
    adventure: int
    activity: int
    completeness: int
    openness: int
    appeal: int
    damping: int
    dice: int
    """Any number; it stays the same, and nobody knows it."""


def fits(viewer: Person, other: Person, apart: int) -> bool:
    """Whether the other is within the viewer's wishes and the viewer within theirs; `apart` is in square metres."""
    return (
        viewer.gender & other.seeks != 0
        and other.gender & viewer.seeks != 0
        and viewer.born_after < other.born
        and other.born <= viewer.born_by
        and other.born_after < viewer.born
        and viewer.born <= other.born_by
        and apart <= viewer.reach
        and apart <= other.reach
        and (other.offered != 0 if apart <= NEAR else other.offered_far != 0)
    )


def score(
    viewer: Person,
    other: Person,
    apart: int,
    product: int,
    likes_viewer: bool,
    period: int,
    tables: tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[int]],
) -> tuple[int, int, int, int, int, int, int, int]:
    """(score, the six parts in the order of WEIGHTS, lift) of one person for another.

    `apart` is the square of their distance (m), `product` that of their vectors of meaning (UNIT long each), `period` a
    number that is another one every LIFT_DAYS. The score is at most a third beyond 0..1,000,000.
    """
    weights, trait_points, distance_points, chances = tables
    compatibility = (
        1000
        - (
            trait_points[0] * abs(viewer.social_energy - other.social_energy)
            + trait_points[1] * abs(viewer.spontaneity - other.spontaneity)
            + trait_points[2] * abs(viewer.emotional_openness - other.emotional_openness)
            + trait_points[3] * abs(viewer.directness - other.directness)
            + trait_points[4] * abs(viewer.independence - other.independence)
            + trait_points[5] * abs(viewer.adventure - other.adventure)
        )
        // 100
    )
    meaning = min(1000, max(0, product) * 1000 // SQUARE)
    distance = 0
    if viewer.cell != 0 and other.cell != 0:
        distance = distance_points[min(FARTHEST_KM, math.ceil(math.sqrt(apart) * 0.001))]
    towards = chances[LIMIT + min(LIMIT, max(-LIMIT, viewer.openness * OWN_FIFTHS // 5 + other.appeal))]
    back = chances[LIMIT + min(LIMIT, max(-LIMIT, other.openness + viewer.appeal * OWN_FIFTHS // 5))]
    years = abs(viewer.born - other.born) // DAYS
    reciprocity = max(0, min(towards, back) - AGE_POINTS * years)
    lot = 31 * (viewer.dice + 1) * (other.dice + 3) * (period % 997 + 1) % 10007
    lift = LIFT if lot % (2 if likes_viewer else 4) == 0 else 0
    total = (
        weights[0] * compatibility
        + weights[1] * meaning
        + weights[2] * distance
        + weights[3] * other.activity
        + weights[4] * other.completeness
        + weights[5] * reciprocity
        + WHOLE * (lift - other.damping)
    )
    return total, compatibility, meaning, distance, other.activity, other.completeness, reciprocity, lift


def period_of(today: date) -> int:
    """The number of the week or so for which lots are drawn."""
    return today.toordinal() // LIFT_DAYS


def placed(best: Sequence[int], newcomers: Sequence[int], every: int, places: MutableSequence[int]) -> int:
    """Fill the places in order, each `every`th with a newcomer and the others with the best of the rest.

    `best` and `newcomers` are different people as numbers, the best first. Only when one of them has run out does the
    other take its places: newcomers have a share that is bounded both ways. Returns how many places were filled.
    """
    filled = 0
    next_best = 0
    next_new = 0
    while filled < len(places) and (next_best < len(best) or next_new < len(newcomers)):
        is_for_new = (filled + 1) % every == 0
        if next_new < len(newcomers) and (is_for_new or next_best == len(best)):
            places[filled] = newcomers[next_new]
            next_new += 1
        else:
            places[filled] = best[next_best]
            next_best += 1
        filled += 1
    return filled
