"""From a sheet of answers to six scores: pure functions of the quiz's data."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.quiz.questions import Question, Quiz
from shared.quiz.traits import Trait

Sheet = dict[str, str]
"""A whole set of answers: the slug of each question to that of the chosen option."""

Scores = tuple[float, ...]
"""One number in 0..1 for each trait, in the order of `Trait`."""

MIDDLE: Final = 0.5
UNKNOWN: Final[Scores] = (MIDDLE,) * len(Trait)  # while it is not even known what is usual


@dataclass(frozen=True, slots=True)
class Mistakes:
    """What is wrong with answers, as ids of questions."""

    missing: tuple[uuid.UUID, ...]
    """Of this quiz, without an answer."""
    unknown: tuple[uuid.UUID, ...]
    """Not of this quiz."""
    misanswered: tuple[uuid.UUID, ...]
    """Answered with what is none of their options."""


def read(quiz: Quiz, answers: Mapping[uuid.UUID, uuid.UUID]) -> Sheet | Mistakes:
    """The sheet of {question id: option id}, or why it is none."""
    questions = {quiz.question_id(question): question for question in quiz.questions}
    chosen = {asked: _chosen(quiz, questions[asked], answers[asked]) for asked in questions if asked in answers}
    mistakes = Mistakes(
        missing=tuple(asked for asked in questions if asked not in answers),
        unknown=tuple(asked for asked in answers if asked not in questions),
        misanswered=tuple(asked for asked, slug in chosen.items() if slug is None),
    )
    if mistakes != Mistakes((), (), ()):
        return mistakes
    return {questions[asked].slug: slug for asked, slug in chosen.items() if slug is not None}


def _chosen(quiz: Quiz, question: Question, option_id: uuid.UUID) -> str | None:
    return next((option.slug for option in question.options if quiz.option_id(question, option) == option_id), None)


def scores(quiz: Quiz, sheet: Sheet) -> Scores:
    """What a whole sheet says of each trait, by what the trait can reach: (sum - least) / (most - least).

    Questions are answered independently, so the least and the most that a trait can reach are the sums of each
    question's least and most.
    """
    return tuple(_score(quiz, sheet, trait) for trait in Trait)


def _score(quiz: Quiz, sheet: Sheet, trait: Trait) -> float:
    total = least = most = 0
    for question in quiz.questions:
        steps = {option.slug: option.moves.get(trait, 0) for option in question.options}
        total += steps[sheet[question.slug]]
        least += min(steps.values())
        most += max(steps.values())
    return (total - least) / (most - least)
