"""Rankers: each scores every pair of an evening, [person, partner], without the pair's own two decisions."""

from collections.abc import Callable
from typing import Final

import numpy as np

from bench.ranking.evenings import Evening, Floats, Integers, left
from shared.discovery.appeal import AGE_POINTS, Decisions, Standing, own, reciprocity, standing

Ranker = Callable[[Evening], Floats]

SEED: Final = 1
USUAL_GAP: Final = 4  # years, where an age is not known


def random(evening: Evening) -> Floats:
    return np.random.default_rng(SEED).random(evening.met.shape)


def interests(evening: Evening) -> Floats:
    return np.nan_to_num(evening.interest, nan=0.0)


def age(evening: Evening) -> Floats:
    return -_gap(evening)


def popularity(evening: Evening) -> Floats:
    return left(evening).receiving.T


def both(evening: Evening) -> Floats:
    yes = _yes(evening)
    return yes * yes.T


def lesser(evening: Evening) -> Floats:
    yes = _yes(evening)
    return np.minimum(yes, yes.T)


def ours(evening: Evening) -> Floats:
    """The product's reciprocity, less a little for years between two people."""
    size = len(evening.met)
    scores = np.zeros((size, size))
    people = _standings(evening)
    for person, partner in np.argwhere(evening.met).tolist():
        scores[person, partner] = reciprocity(own(people[person, partner]), people[partner, person])
    return np.maximum(0, scores - AGE_POINTS * _gap(evening))


def _standings(evening: Evening) -> dict[tuple[int, int], Standing]:
    """Where each person stands without what they and a partner decided about each other."""
    counts = left(evening)

    def decisions(yes: Integers, total: Integers, pair: tuple[int, int]) -> Decisions:
        return Decisions(int(yes[pair]), int(total[pair]))

    return {
        (person, partner): standing(
            decisions(counts.given_yes, counts.given, (person, partner)),
            decisions(counts.received_yes, counts.received, (person, partner)),
            usual_given=float(counts.usual[person, partner]),
            usual_received=float(counts.usual[partner, person]),
        )
        for person, partner in np.argwhere(evening.met).tolist()
    }


def _yes(evening: Evening) -> Floats:
    """How readily a person says yes to a partner: the mean of how readily they do, and of how readily others do."""
    counts = left(evening)
    return (counts.giving + counts.receiving.T) / 2


def _gap(evening: Evening) -> Floats:
    return np.nan_to_num(evening.age_gap, nan=USUAL_GAP)


RANKERS: Final[dict[str, Ranker]] = {
    "random": random,
    "interest correlation": interests,
    "age gap": age,
    "popularity": popularity,
    "product of both directions": both,
    "minimum of both directions": lesser,
    "ours": ours,
}
