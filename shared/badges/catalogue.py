"""The catalogue of badges: names, words, and what each is earned by.

To let it grow: add an entry here, an icon beside it, and for a badge of meaning its EXAMPLES; look at the table that
`python -m dev.badge_table` prints; raise CATALOGUE, and run `celery -A worker reindex badges --stale`. A slug never
changes its meaning. Names say something kind that the person would repeat at a table, and nothing about belief, health,
politics or whom somebody loves.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.quiz.traits import Trait

CATALOGUE: Final = 1  # raised when badges should be made anew: `reindex badges --stale` finds those of a lower one


class Kind(StrEnum):
    """What a badge is earned by."""

    QUIZ = "quiz"
    MEANING = "meaning"


@dataclass(frozen=True, slots=True)
class Lean:
    """One end of a trait."""

    trait: Trait
    high: bool

    def of(self, score: float) -> float:
        """How far somebody with this score (0..1) leans this way: 1 is wholly."""
        return score if self.high else 1 - score


@dataclass(frozen=True, slots=True)
class Badge:
    """A badge. `reason` is a template: of {how} for one of the quiz, of {question} for one of meaning.

    It is read by the person and by others alike, so it names neither "you" nor "them".
    """

    slug: str
    name: str
    description: str
    reason: str
    leans: tuple[Lean, ...] = ()

    @property
    def kind(self) -> Kind:
        """What it is earned by."""
        return Kind.QUIZ if self.leans else Kind.MEANING


def _much(*traits: Trait) -> tuple[Lean, ...]:
    return tuple(Lean(trait, high=True) for trait in traits)


def _little(*traits: Trait) -> tuple[Lean, ...]:
    return tuple(Lean(trait, high=False) for trait in traits)


_QUIZ_ALONE: Final = (
    Badge(
        "last_to_leave",
        "Last to Leave",
        "Says goodbye at eleven, and is still in the hallway at one.",
        "From the quiz: {how} at home among people",
        _much(Trait.SOCIAL_ENERGY),
    ),
    Badge(
        "quiet_company",
        "Quiet Company",
        "Two chairs, one lamp, and no hurry to fill the silence.",
        "From the quiz: {how} fond of quiet hours",
        _little(Trait.SOCIAL_ENERGY),
    ),
    Badge(
        "bag_by_the_door",
        "Bag by the Door",
        "Coat on, shoes tied, before the question is finished.",
        "From the quiz: {how} spontaneous",
        _much(Trait.SPONTANEITY),
    ),
    Badge(
        "keeper_of_the_plan",
        "Keeper of the Plan",
        "Knows when the ferry leaves, and on which side to sit.",
        "From the quiz: {how} glad of a plan",
        _little(Trait.SPONTANEITY),
    ),
    Badge(
        "no_poker_face",
        "No Poker Face",
        "What is felt gets said, usually the same day.",
        "From the quiz: {how} open about feelings",
        _much(Trait.EMOTIONAL_OPENNESS),
    ),
    Badge(
        "walled_garden",
        "Walled Garden",
        "The gate opens slowly, and a great deal grows behind it.",
        "From the quiz: {how} unhurried with feelings",
        _little(Trait.EMOTIONAL_OPENNESS),
    ),
    Badge(
        "straight_line",
        "Straight Line",
        "Says the thing itself, and not the thing beside it.",
        "From the quiz: {how} direct",
        _much(Trait.DIRECTNESS),
    ),
    Badge(
        "soft_landing",
        "Soft Landing",
        "Packs even bad news so that nothing breaks on the way.",
        "From the quiz: {how} gentle with words",
        _little(Trait.DIRECTNESS),
    ),
    Badge(
        "own_compass",
        "Own Compass",
        "Goes alone when nobody else is going, and sends a postcard.",
        "From the quiz: {how} independent",
        _much(Trait.INDEPENDENCE),
    ),
    Badge(
        "tandem",
        "Tandem",
        "Buys two of the good pastries without thinking about it.",
        "From the quiz: {how} made for sharing the days",
        _little(Trait.INDEPENDENCE),
    ),
    Badge(
        "edge_of_the_map",
        "Edge of the Map",
        "Wants to see what is behind the next hill, and the one behind that.",
        "From the quiz: {how} drawn to the unknown",
        _much(Trait.ADVENTURE),
    ),
    Badge(
        "same_bench",
        "Same Bench",
        "Found the good spot years ago, and saves a place on it.",
        "From the quiz: {how} loyal to favourite things",
        _little(Trait.ADVENTURE),
    ),
)

_QUIZ_PAIRS: Final = (
    Badge(
        "fast_friends",
        "Fast Friends",
        "Strangers at eight, old jokes by nine.",
        "From the quiz: {how} sociable, and open with it",
        _much(Trait.SOCIAL_ENERGY, Trait.EMOTIONAL_OPENNESS),
    ),
    Badge(
        "long_letter",
        "Long Letter",
        "Few words in a crowd, whole pages for the right person.",
        "From the quiz: {how} quiet in company, and open in private",
        _little(Trait.SOCIAL_ENERGY) + _much(Trait.EMOTIONAL_OPENNESS),
    ),
    Badge(
        "clear_weather",
        "Clear Weather",
        "No need to guess the mood: it is announced, and it passes.",
        "From the quiz: {how} direct, and open about feelings",
        _much(Trait.DIRECTNESS, Trait.EMOTIONAL_OPENNESS),
    ),
    Badge(
        "wrong_turn",
        "Right at the Wrong Turn",
        "Gets lost on purpose, and arrives somewhere better.",
        "From the quiz: {how} spontaneous, and curious about the unknown",
        _much(Trait.SPONTANEITY, Trait.ADVENTURE),
    ),
    Badge(
        "packing_list",
        "Wild, with a Packing List",
        "Sleeps on the mountain, and has thought of the second torch.",
        "From the quiz: {how} adventurous, and well prepared",
        _much(Trait.ADVENTURE) + _little(Trait.SPONTANEITY),
    ),
    Badge(
        "good_host",
        "The Good Host",
        "Sees the empty glass, and the one who came alone.",
        "From the quiz: {how} sociable, and gentle with it",
        _much(Trait.SOCIAL_ENERGY) + _little(Trait.DIRECTNESS),
    ),
)

_MEANING: Final = (
    Badge(
        "fur_on_the_sweater",
        "Fur on the Sweater",
        "No coat without hair on it, and none of the hair is human.",
        "Paw prints all over the answer to “{question}”",
    ),
    Badge(
        "wooden_spoon",
        "Wooden Spoon",
        "Feeds people first, and asks how they are over dessert.",
        "Something smells good in the answer to “{question}”",
    ),
    Badge(
        "mud_on_the_boots",
        "Mud on the Boots",
        "Knows the path behind the path, and where to eat lunch on it.",
        "Fresh air in the answer to “{question}”",
    ),
    Badge(
        "night_train",
        "Night Train",
        "Falls asleep in one language and wakes up in another.",
        "A stamp or two in the answer to “{question}”",
    ),
    Badge(
        "dog_eared",
        "Dog-Eared",
        "One book in the bag, and one more in case that one ends.",
        "A page turned down at the answer to “{question}”",
    ),
    Badge(
        "one_more_song",
        "One More Song",
        "Hears the melody in a dishwasher, and can hum it back.",
        "There is a tune in the answer to “{question}”",
    ),
    Badge(
        "sawdust",
        "Sawdust",
        "Looks at a broken thing and rolls up both sleeves.",
        "Made by hand: the answer to “{question}”",
    ),
    Badge(
        "kettle_on",
        "Kettle On",
        "Has a chair, a lamp and a blanket exactly where they belong.",
        "A light in the window of the answer to “{question}”",
    ),
    Badge(
        "after_midnight",
        "After Midnight",
        "Gets the best idea of the day when the day is over.",
        "Still awake in the answer to “{question}”",
    ),
    Badge(
        "first_light",
        "First Light",
        "Has already seen the best of the sky when the alarms go off.",
        "Up early in the answer to “{question}”",
    ),
    Badge(
        "big_table",
        "Big Table",
        "Always fetches one more chair, and knows whose it was.",
        "Somebody dear in the answer to “{question}”",
    ),
    Badge(
        "one_more_question",
        "One More Question",
        "Only wanted to look something up, and the afternoon was gone.",
        "A good question behind the answer to “{question}”",
    ),
    Badge(
        "second_wind",
        "Second Wind",
        "Thinks best slightly out of breath.",
        "A quick pulse in the answer to “{question}”",
    ),
    Badge(
        "recess",
        "Recess",
        "Never quite heard the bell that ends playtime.",
        "Mischief in the answer to “{question}”",
    ),
    Badge(
        "soup_at_the_door",
        "Soup at the Door",
        "Remembers what worries you, and turns up with a spoon.",
        "Good hands in the answer to “{question}”",
    ),
    Badge(
        "wont_walk_past",
        "Won't Walk Past",
        "Would rather miss the train than look the other way.",
        "A backbone in the answer to “{question}”",
    ),
)

BADGES: Final = (*_QUIZ_ALONE, *_QUIZ_PAIRS, *_MEANING)
BY_SLUG: Final = {badge.slug: badge for badge in BADGES}
