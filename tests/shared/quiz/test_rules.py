"""From answers to scores."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.quiz.questions import QUIZZES, Option, Question, Quiz
from shared.quiz.rules import Mistakes, Sheet, read, scores
from shared.quiz.traits import Trait
from tests.shared.quiz.sheets import QUIZ, answers_of, sheet_of, sheets

SMALL = Quiz(
    7,
    (
        Question(
            "one",
            "",
            (
                Option("a", "", dict.fromkeys(Trait, 1)),
                Option("b", "", {**dict.fromkeys(Trait, 0), Trait.ADVENTURE: 4}),
            ),
        ),
        Question("two", "", (Option("a", "", {Trait.DIRECTNESS: -2}), Option("b", "", {Trait.DIRECTNESS: 2}))),
    ),
)


def test_a_score_is_scaled_by_what_its_trait_can_reach() -> None:
    assert scores(SMALL, {"one": "a", "two": "a"}) == pytest.approx((1, 1, 1, 1 / 5, 1, 0))
    assert scores(SMALL, {"one": "b", "two": "b"}) == pytest.approx((0, 0, 0, 4 / 5, 0, 1))


@given(sheets())
def test_scores_are_six_numbers_in_bounds(sheet: Sheet) -> None:
    found = scores(QUIZ, sheet)
    assert len(found) == len(Trait)
    assert all(0 <= score <= 1 for score in found)


@given(sheets(), st.data())
def test_choosing_what_moves_a_trait_up_never_lowers_its_score(sheet: Sheet, data: st.DataObject) -> None:
    question = data.draw(st.sampled_from(QUIZ.questions))
    other = data.draw(st.sampled_from(question.options))
    chosen = next(option for option in question.options if option.slug == sheet[question.slug])
    before, after = scores(QUIZ, sheet), scores(QUIZ, {**sheet, question.slug: other.slug})
    for trait, old, new in zip(Trait, before, after, strict=True):
        step = other.moves.get(trait, 0) - chosen.moves.get(trait, 0)
        assert (new > old) == (step > 0)
        assert (new < old) == (step < 0)


@given(sheets())
def test_a_whole_set_of_answers_is_read_back(sheet: Sheet) -> None:
    assert read(QUIZ, answers_of(sheet)) == sheet


@given(sheets(), st.sets(st.sampled_from([question.slug for question in QUIZ.questions]), min_size=1))
def test_missing_answers_are_named_in_the_quizs_order(sheet: Sheet, left_out: set[str]) -> None:
    kept = {slug: option for slug, option in sheet.items() if slug not in left_out}
    missing = tuple(QUIZ.question_id(question) for question in QUIZ.questions if question.slug in left_out)
    assert read(QUIZ, answers_of(kept)) == Mistakes(missing, (), ())


def test_what_does_not_belong_to_the_quiz_is_named() -> None:
    answers = answers_of(sheet_of(0))
    first, second = list(answers)[:2]
    stranger = uuid.uuid4()
    swapped = {**answers, first: answers[second], stranger: answers[second]}
    assert read(QUIZ, swapped) == Mistakes((), (stranger,), (first,))


def test_ids_of_another_version_are_strangers() -> None:
    later = Quiz(2, QUIZZES[1].questions)
    found = read(later, answers_of(sheet_of(0)))
    assert isinstance(found, Mistakes)
    assert (len(found.missing), len(found.unknown)) == (6, 6)
