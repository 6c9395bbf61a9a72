"""The quiz: situations, what one might do in them, and how far each choice moves which traits.

Nothing here has a right answer. A choice moves two or three traits by one or two steps, mostly some up and some down,
and in no question is one choice at least as much of everything as another. docs/decisions/0008-quiz.md has the numbers.

To change the quiz: add a version and make it CURRENT; answers to the earlier ones stay good. Within a version, wording
and weights may be mended (`celery -A worker reindex badges --all` derives everybody's scores again); a slug never
changes its meaning.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from shared.quiz.traits import Trait

NAMESPACE: Final = uuid.UUID("a3f6c2d4-57c1-4f0e-8b7b-9d1e62c04f35")  # the same slugs have the same ids everywhere


@dataclass(frozen=True, slots=True)
class Option:
    """Something one might do, and the steps by which it moves traits."""

    slug: str
    text: str
    moves: dict[Trait, int]


@dataclass(frozen=True, slots=True)
class Question:
    """A situation with its options."""

    slug: str
    text: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Quiz:
    """One version of the quiz."""

    version: int
    questions: tuple[Question, ...]

    def question_id(self, question: Question) -> uuid.UUID:
        """A question's id for clients."""
        return uuid.uuid5(NAMESPACE, f"{self.version}/{question.slug}")

    def option_id(self, question: Question, option: Option) -> uuid.UUID:
        """An option's id for clients."""
        return uuid.uuid5(NAMESPACE, f"{self.version}/{question.slug}/{option.slug}")


def _option(slug: str, text: str, **moves: int) -> Option:
    return Option(slug, text, {Trait(name): steps for name, steps in moves.items()})


_FIRST: Final = Quiz(
    version=1,
    questions=(
        Question(
            "free_evening",
            "At six, your plans for tonight fall through. What becomes of the evening?",
            (
                _option(
                    "call_around",
                    "I write to half of my contacts until somebody comes out with me.",
                    social_energy=+1,
                    independence=-1,
                ),
                _option(
                    "cook_slowly",
                    "I cook an old favourite, slowly, and enjoy that nobody is waiting for me.",
                    social_energy=-1,
                    independence=+1,
                    adventure=-1,
                ),
                _option(
                    "try_something",
                    "I go to something that I would never have bought a ticket for.",
                    spontaneity=+1,
                    adventure=+1,
                ),
                _option(
                    "make_room",
                    "I do Sunday's chores now, tell somebody that I miss them, and promise them the Sunday.",
                    spontaneity=-2,
                    emotional_openness=+1,
                ),
            ),
        ),
        Question(
            "only_the_host",
            "At a birthday party you know nobody but the host. Where are you two hours later?",
            (
                _option(
                    "kitchen",
                    "In the kitchen, introducing everybody who came alone to each other.",
                    social_energy=+2,
                    directness=+1,
                ),
                _option(
                    "one_person",
                    "Still beside the first person I met, talking about what we hope for.",
                    emotional_openness=+2,
                    spontaneity=-1,
                ),
                _option(
                    "somewhere_else",
                    "On the way to a place I have never heard of, with people whose names I did not catch.",
                    spontaneity=+1,
                    adventure=+1,
                ),
                _option(
                    "home",
                    "At home and content: I told the host how glad I was to come, and that one hour is my measure.",
                    social_energy=-2,
                    directness=+1,
                    independence=+1,
                ),
            ),
        ),
        Question(
            "hurt_at_dinner",
            "At dinner with friends, somebody you love makes a remark that hurts. What do you do?",
            (
                _option(
                    "there_and_then",
                    "I say right there that this one hurt, and then pass the bread.",
                    directness=+2,
                    emotional_openness=+1,
                ),
                _option(
                    "on_the_way_home",
                    "I wait until we are alone, take their hand, and tell them what it did to me.",
                    emotional_openness=+2,
                    directness=-1,
                ),
                _option(
                    "sleep_on_it",
                    "I take it home and turn it over by myself; by morning most such things have shrunk.",
                    emotional_openness=-2,
                    independence=+1,
                ),
                _option(
                    "joke",
                    "I make a joke of it before anybody has to feel awkward, and the evening goes on.",
                    directness=-2,
                    spontaneity=+1,
                ),
            ),
        ),
        Question(
            "risky_plan",
            "A friend wants to give up a safe job to open a guesthouse by the sea, and asks what you think.",
            (
                _option(
                    "numbers",
                    "I ask to see the numbers, and show them where those do not add up yet.",
                    directness=+2,
                    adventure=-1,
                ),
                _option(
                    "afraid_for_them",
                    "I say that I am afraid for them, and that I am with them all the same.",
                    emotional_openness=+2,
                    directness=+1,
                ),
                _option(
                    "questions",
                    "I ask one careful question after another: it is theirs to find the answer.",
                    directness=-2,
                    emotional_openness=-1,
                    independence=+1,
                ),
                _option(
                    "shutters",
                    "I am choosing the colour of the shutters already, and the weeks in which I come to help.",
                    adventure=+2,
                    directness=-1,
                    independence=-1,
                ),
            ),
        ),
        Question(
            "three_days",
            "Three days in a city that is new to you both, with somebody you like. How do they begin?",
            (
                _option(
                    "list",
                    "I put my list on the table, in the order I want: everything I have never tried before.",
                    spontaneity=-2,
                    directness=+1,
                    adventure=+1,
                ),
                _option(
                    "first_tram",
                    "We take the first tram that comes, and get off where the street looks good.",
                    spontaneity=+2,
                    adventure=+1,
                ),
                _option(
                    "own_mornings",
                    "I say that I would love my mornings to myself; at lunch we trade what we found.",
                    independence=+1,
                    directness=+1,
                ),
                _option(
                    "one_cafe",
                    "In one small café, to which we return every day until they know us by name.",
                    adventure=-2,
                    social_energy=+1,
                ),
            ),
        ),
        Question(
            "hard_week",
            "It was a hard week. On Friday somebody close asks how you are. What do they get?",
            (
                _option(
                    "whole_story",
                    "The whole story, from Monday on, and perhaps a tear or two.",
                    emotional_openness=+1,
                    independence=-1,
                ),
                _option(
                    "come_over",
                    "Two lines: that it was bad, and would they please come over with noodles.",
                    independence=-2,
                    directness=+1,
                ),
                _option(
                    "on_sunday",
                    "A date: on Sunday I will tell them, and until then I keep my own company.",
                    independence=+2,
                    spontaneity=-1,
                ),
                _option(
                    "take_me_out",
                    "A plea to be taken out among people, somewhere new, and not to be asked again tonight.",
                    emotional_openness=-2,
                    social_energy=+1,
                    adventure=+1,
                ),
            ),
        ),
    ),
)

QUIZZES: Final = {quiz.version: quiz for quiz in (_FIRST,)}
CURRENT: Final = 1
