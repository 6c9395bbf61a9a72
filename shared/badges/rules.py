"""Who earns which badges: pure decisions. docs/decisions/0009-badges.md says where the numbers are from."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Final

from shared.badges.catalogue import BADGES, BY_SLUG, Badge, Kind
from shared.quiz.traits import Trait

# --- How many ---

MOST: Final = 5
MOST_OF_A_KIND: Final = 3  # of the five, while badges of the other kind are there to fill them
MOST_OF_A_SOURCE: Final = 2  # badges that one answer, or one trait, may be told by

# --- By traits ---

STRONG: Final = 0.75  # how far a trait must lean to earn a badge alone
STRONG_IN_PAIR: Final = 0.6  # and each of two that earn one together
HOW: Final = ((0.7, "unmistakably"), (0.3, "very"), (0.0, "clearly"))  # from this strength on, the word for a reason

# --- By the meaning of an answer (cosines of all-MiniLM-L6-v2) ---

NEAREST: Final = 5  # closeness is the mean over so many of a badge's examples, those nearest to the answer
NEAREST_PLAIN: Final = 3  # and over so many of the plain ones, which are more scattered
CLOSE: Final = 0.30  # the least closeness
AHEAD: Final = 0.04  # and by how much it must be closer to this badge than to any other, and to what earns none
FAR_AHEAD: Final = 0.14  # where strength ends: of the right badges on the corpus one in twenty is further ahead
PLAIN: Final = "plain"  # in place of a badge's slug: what earns none


@dataclass(frozen=True, slots=True)
class Read:
    """An answer that was read: to which question, and how close it is to each badge of meaning and to PLAIN."""

    answer_id: uuid.UUID
    question: str
    closeness: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Award:
    """A badge that somebody earned. `strength` is 0 for one just earned and 1 for the clearest there can be.

    That makes kinds comparable: each is measured from its own threshold to its own end.
    """

    slug: str
    strength: float
    reason: str
    answer_id: uuid.UUID | None = None

    @property
    def badge(self) -> Badge:
        """The badge."""
        return BY_SLUG[self.slug]

    @property
    def sources(self) -> tuple[object, ...]:
        """What it tells of: an answer, or one or two traits."""
        return tuple(lean.trait for lean in self.badge.leans) or (self.answer_id,)


def closeness(slug: str, similarities: Sequence[float]) -> float:
    """How close an answer is to a badge (or to PLAIN), from its similarities to the badge's examples."""
    nearest = nlargest(NEAREST_PLAIN if slug == PLAIN else NEAREST, similarities)
    return sum(nearest) / len(nearest)


def by_traits(scores: Mapping[Trait, float]) -> Iterator[Award]:
    """What somebody's scores (0..1) earn."""
    for badge in BADGES:
        if badge.kind != Kind.QUIZ:
            continue
        least = STRONG if len(badge.leans) == 1 else STRONG_IN_PAIR
        # As strong as the weaker of two: a pair is about both. Rounded, since scores come back in single precision.
        lean = round(min(lean.of(scores[lean.trait]) for lean in badge.leans), 4)
        if lean >= least:
            strength = (lean - least) / (1 - least)
            how = next(word for start, word in HOW if strength >= start)
            yield Award(badge.slug, strength, badge.reason.format(how=how))


def by_answers(answers: Iterable[Read]) -> Iterator[Award]:
    """What the meaning of somebody's answers earns: each answer one badge at most, each badge by its best answer."""
    best: dict[str, Award] = {}
    for award in filter(None, map(_by_answer, answers)):
        held = best.get(award.slug)
        if held is None or (-award.strength, str(award.answer_id)) < (-held.strength, str(held.answer_id)):
            best[award.slug] = award
    yield from best.values()


def _by_answer(answer: Read) -> Award | None:
    ranked = sorted(answer.closeness, key=lambda slug: (-answer.closeness[slug], slug))
    slug, runner_up = ranked[:2]
    close = answer.closeness[slug]
    ahead = close - answer.closeness[runner_up]
    if slug == PLAIN or close < CLOSE or ahead < AHEAD:
        return None
    strength = min((ahead - AHEAD) / (FAR_AHEAD - AHEAD), 1.0)
    return Award(slug, strength, BY_SLUG[slug].reason.format(question=answer.question), answer.answer_id)


def best(awards: Iterable[Award]) -> list[Award]:
    """The badges to show, the strongest first: MOST at most, of both kinds where both were earned.

    The same awards give the same badges whatever their order: ties go by the catalogue.
    """
    places = {badge.slug: place for place, badge in enumerate(BADGES)}
    ranked = sorted(awards, key=lambda award: (-award.strength, places[award.slug]))
    chosen: list[Award] = []
    for most_of_a_kind in (MOST_OF_A_KIND, MOST):
        for award in ranked:
            if award not in chosen and _fits(award, chosen, most_of_a_kind):
                chosen.append(award)
    return sorted(chosen, key=ranked.index)


def _fits(award: Award, chosen: Sequence[Award], most_of_a_kind: int) -> bool:
    told = [source for other in chosen for source in other.sources]
    return (
        len(chosen) < MOST
        and sum(other.badge.kind == award.badge.kind for other in chosen) < most_of_a_kind
        and all(told.count(source) < MOST_OF_A_SOURCE for source in award.sources)
    )
