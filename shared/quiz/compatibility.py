"""How well two people fit by their traits, and in which words that is told to one of them."""

from dataclasses import dataclass
from typing import Final

from shared.quiz.rules import MIDDLE, Scores
from shared.quiz.traits import TRAITS, Trait
from shared.quiz.words import ESTIMATES, NOT_FAR_APART, WORDS

# What weighs more is what two people meet every day: how they speak of feelings, and how much they want to be together.
# They add up to exactly 1 in this order, so that no rounding leaves 0..1.
WEIGHTS: Final = {
    Trait.SOCIAL_ENERGY: 0.18,
    Trait.SPONTANEITY: 0.14,
    Trait.EMOTIONAL_OPENNESS: 0.20,
    Trait.DIRECTNESS: 0.16,
    Trait.INDEPENDENCE: 0.18,
    Trait.ADVENTURE: 0.14,
}

FITS: Final = 2  # traits named as those that fit best
APART: Final = 0.3  # a gap from which on nobody would say "you both"
CLOSE: Final = 0.15  # a gap up to which nobody would speak of a difference
LOW: Final = 0.4  # two people whose mean is below are "both low"
HIGH: Final = 0.6


@dataclass(frozen=True, slots=True)
class Side:
    """One of two people: their scores, or what is usual while they have not taken the quiz."""

    scores: Scores
    estimated: bool


@dataclass(frozen=True, slots=True)
class Reason:
    """A trait, and a sentence on how two people stand in it."""

    trait: Trait
    text: str


@dataclass(frozen=True, slots=True)
class Compatibility:
    """What somebody is told about themself and another. `note` says why it is an estimate, when it is one."""

    percent: int
    fits: tuple[Reason, ...]
    differs: Reason
    estimated: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class _Pair:
    """Both scores of one trait."""

    trait: Trait
    mine: float
    theirs: float

    @property
    def gap(self) -> float:
        return abs(self.mine - self.theirs)

    @property
    def weighted_gap(self) -> float:
        return WEIGHTS[self.trait] * self.gap

    @property
    def clarity(self) -> float:
        """How far both are from the middle on the same side of it; 0 when it lies between them."""
        if (self.mine < MIDDLE) != (self.theirs < MIDDLE):
            return 0.0
        return min(abs(self.mine - MIDDLE), abs(self.theirs - MIDDLE))

    @property
    def fit(self) -> float:
        """How much there is to say for the two: being near counts, and so does having a side to be near on."""
        return WEIGHTS[self.trait] * (self.clarity - self.gap)


def compatibility(mine: Scores, theirs: Scores) -> float:
    """How well two people fit: 1 - sum_t w_t |a_t - b_t| with WEIGHTS.

    Symmetric, and within 0..1.
    """
    return 1 - sum(pair.weighted_gap for pair in _pairs(mine, theirs))


def compare(mine: Side, theirs: Side) -> Compatibility:
    """What the first of two people is told. Which traits are named is the same for both; the words are each one's own.

    Of equal candidates the one is named that is clearer, then the one that comes first in `Trait`.
    """
    pairs = _pairs(mine.scores, theirs.scores)
    differs = max(pairs, key=lambda pair: (pair.weighted_gap, -pair.clarity))
    others = [pair for pair in pairs if pair is not differs]
    best = sorted(others, key=lambda pair: pair.fit, reverse=True)[:FITS]
    return Compatibility(
        percent=round(100 * compatibility(mine.scores, theirs.scores)),
        fits=tuple(Reason(pair.trait, _fitting(pair)) for pair in best),
        differs=Reason(differs.trait, _differing(differs)),
        estimated=mine.estimated or theirs.estimated,
        note=ESTIMATES.get((mine.estimated, theirs.estimated)),
    )


def _pairs(mine: Scores, theirs: Scores) -> list[_Pair]:
    return [_Pair(trait, *both) for trait, *both in zip(Trait, mine, theirs, strict=True)]


def _fitting(pair: _Pair) -> str:
    words, mean = WORDS[pair.trait], (pair.mine + pair.theirs) / 2
    if pair.gap >= APART:
        return _apart(pair)
    if mean < LOW:
        return words.both_low
    return words.both_high if mean > HIGH else words.both_middle


def _differing(pair: _Pair) -> str:
    if pair.gap <= CLOSE:
        return NOT_FAR_APART.format(trait=TRAITS[pair.trait].label.lower())
    return _apart(pair)


def _apart(pair: _Pair) -> str:
    words = WORDS[pair.trait]
    return words.i_have_more if pair.mine > pair.theirs else words.they_have_more
