"""The six traits, in the order in which every vector of scores holds them, and what they mean in words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Trait(StrEnum):
    """Something in which people differ, and of which neither much nor little is better.

    The order is that of the numbers in `user_trait_scores.scores`: a new trait goes last, and none moves.
    """

    SOCIAL_ENERGY = "social_energy"
    SPONTANEITY = "spontaneity"
    EMOTIONAL_OPENNESS = "emotional_openness"
    DIRECTNESS = "directness"
    INDEPENDENCE = "independence"
    ADVENTURE = "adventure"


@dataclass(frozen=True, slots=True)
class Meaning:
    """A trait's name for people, and what a low and a high score say about somebody."""

    label: str
    low: str
    high: str


TRAITS: Final = {
    Trait.SOCIAL_ENERGY: Meaning(
        label="Social energy",
        low="Quiet hours fill you up, and the few people you let close get all of you.",
        high="Company fills you up, and around a full table you come alive.",
    ),
    Trait.SPONTANEITY: Meaning(
        label="Spontaneity",
        low="You like to know what is coming, and people can lean on your plans.",
        high="You like to leave the day open, and good things find you there.",
    ),
    Trait.EMOTIONAL_OPENNESS: Meaning(
        label="Emotional openness",
        low="You let a feeling ripen first, and then show it in what you do.",
        high="You say what moves you while it moves you, so nobody has to guess.",
    ),
    Trait.DIRECTNESS: Meaning(
        label="Directness",
        low="You find the gentle way to say a thing, and people feel safe with you.",
        high="You say a thing as it is, and people know where they stand with you.",
    ),
    Trait.INDEPENDENCE: Meaning(
        label="Independence",
        low="You like to share your days, and being two comes naturally to you.",
        high="You keep a life of your own, and bring home stories from it.",
    ),
    Trait.ADVENTURE: Meaning(
        label="Adventure",
        low="You go deep into what you love, and find something new in it every time.",
        high="What you do not know yet draws you, and you take others along.",
    ),
}
