"""How likely two people are to say yes to each other, from what each has decided and what was decided about them."""

from dataclasses import dataclass
from math import exp, log, log1p
from typing import Final

# Chosen by bench.ranking on the speed-dating study (Fisman et al. 2006), where with every PRIOR of 1 to 5 and STRETCH
# of 1 to 2 matches are found better than by any simple ranker. What a viewer has decided about somebody is left out of
# the viewer's numbers, which so are lower just for those they like: OWN_FIFTHS keeps that from ordering their list.
PRIOR: Final = 3  # decisions, at the usual share of yes, that are added to everybody's own
STRETCH: Final = 1.5  # by how much people differ more than their shrunken shares do
OWN_FIFTHS: Final = 4  # of a viewer's own numbers

AGE_POINTS: Final = 8  # a year between two people, in points of reciprocity

HUNDREDTHS: Final = 100  # log-odds are whole hundredths, so that every language orders people alike
LIMIT: Final = 400  # of openness, of appeal, and of their sum: chances of 1.8 % to 98.2 %
POINTS: Final = 1000
USUAL: Final = 0.3  # share of yes until it is known
RAREST: Final = 0.01  # nobody's usual share of yes is held to be nearer to never or always


@dataclass(frozen=True, slots=True)
class Decisions:
    """How many decisions there were, and how many of them said yes."""

    yes: int
    total: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A person in hundredths of log-odds, -LIMIT..LIMIT each.

    openness: how readily they say yes to somebody of usual appeal, 0 being every second time.
    appeal: how much more or less readily others say yes to them than is usual.
    """

    openness: int
    appeal: int


def standing(given: Decisions, received: Decisions, *, usual_given: float, usual_received: float) -> Standing:
    """Where somebody stands, by empirical Bayes: with few decisions near what is usual, with many where these say.

    The usual shares of yes, 0..1, are those of people like them, and of the people who decide about them.
    """
    usual = _log_odds(_possible(usual_given))
    return Standing(
        openness=_whole(usual + _deviation(given, usual_given)),
        appeal=_whole(_deviation(received, usual_received)),
    )


def own(viewer: Standing) -> Standing:
    """A viewer's standing as it counts in their own list, where it is the same for everybody listed."""
    return Standing(viewer.openness * OWN_FIFTHS // 5, viewer.appeal * OWN_FIFTHS // 5)


def chance(openness: int, appeal: int) -> int:
    """The chance of a yes in points, 0..POINTS: of openness to appeal, linear in the logarithm of the chance."""
    return CHANCES[max(-LIMIT, min(LIMIT, openness + appeal)) + LIMIT]


def reciprocity(mine: Standing, theirs: Standing) -> int:
    """The chance, in points 0..POINTS, of the less likely of two yeses: a match takes both. Symmetric.

    Of the ways to make one number of two directions (Pizzato et al. 2010, RECON; Neve and Palomares 2019) the one that
    orders matches best.
    """
    return min(chance(mine.openness, theirs.appeal), chance(theirs.openness, mine.appeal))


def _deviation(decisions: Decisions, usual: float) -> float:
    """By how much decisions differ from what is usual, in log-odds."""
    usual = _possible(usual)
    share = (decisions.yes + PRIOR * usual) / (decisions.total + PRIOR)
    return STRETCH * (_log_odds(share) - _log_odds(usual))


def _possible(usual: float) -> float:
    return max(RAREST, min(1 - RAREST, usual))


def _log_odds(share: float) -> float:
    return log(share) - log1p(-share)


def _whole(log_odds: float) -> int:
    return max(-LIMIT, min(LIMIT, round(HUNDREDTHS * log_odds)))


def _chances() -> tuple[int, ...]:
    """Points of every sum of openness and appeal, -LIMIT first."""
    logs = [-log1p(exp(-hundredths / HUNDREDTHS)) for hundredths in range(-LIMIT, LIMIT + 1)]
    return tuple(round(POINTS * (value - logs[0]) / (logs[-1] - logs[0])) for value in logs)


CHANCES: Final = _chances()
