"""How good a ranking is. Scores that tie are averaged over every order they could stand in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.ranking.evenings import Booleans, Evening, Floats


@dataclass(frozen=True, slots=True)
class Measures:
    """What one ranker reaches on some evenings."""

    auc: float  # over all directed rows of all evenings: the chance that a match is scored above what is none
    match_1: float  # the share of people whose first is a match, over all people
    match_3: float  # the share of matches among people's first three, the mean over all people
    gini_1: float  # of how often each person is somebody's first, over all people of all evenings


def measure(evenings: Sequence[Evening], scores: Sequence[Floats]) -> Measures:
    pairs = list(zip(evenings, scores, strict=True))
    return Measures(
        auc=auc(
            np.concatenate([found[evening.met] for evening, found in pairs]),
            np.concatenate([evening.matched[evening.met] for evening in evenings]),
        ),
        match_1=float(np.mean(np.concatenate([hits(evening, found, 1) for evening, found in pairs]))),
        match_3=float(np.mean(np.concatenate([hits(evening, found, 3) for evening, found in pairs]))),
        gini_1=gini(np.concatenate([exposure(evening, found) for evening, found in pairs])),
    )


def auc(scores: Floats, matched: Booleans) -> float:
    """The share of pairs of a match and a row that is none in which the match has the higher score; ties are half."""
    others = np.sort(scores[~matched])
    below = np.searchsorted(others, scores[matched], side="left")
    not_above = np.searchsorted(others, scores[matched], side="right")
    return float((below + not_above).sum() / (2 * len(others) * matched.sum()))


def hits(evening: Evening, scores: Floats, count: int) -> Floats:
    """For each person who met anybody, the share of matches among the first `count` of their list."""
    return np.array(
        [
            (first(row[met], count) * matched[met]).sum() / min(count, met.sum())
            for row, met, matched in zip(scores, evening.met, evening.matched, strict=True)
            if met.any()
        ]
    )


def exposure(evening: Evening, scores: Floats) -> Floats:
    """How often each person stands first in somebody's list."""
    often = np.zeros(len(scores))
    for row, met in zip(scores, evening.met, strict=True):
        if met.any():
            often[met] += first(row[met], 1)
    return often


def first(scores: Floats, count: int) -> Floats:
    """The chance of each to be among the first `count`, those that tie being equally likely."""
    count = min(count, len(scores))
    last = np.sort(scores)[-count]
    above, level = scores > last, scores == last
    return np.where(above, 1.0, level * ((count - above.sum()) / level.sum()))


def gini(often: Floats) -> float:
    """0 when all have the same, near 1 when one has all."""
    ranks = 2 * np.arange(1, len(often) + 1) - len(often) - 1
    return float((ranks * np.sort(often)).sum() / (len(often) * often.sum()))
