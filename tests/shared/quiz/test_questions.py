"""The quiz as data: its form, and what is true of all the sheets one can hand in."""

import re
from itertools import combinations, permutations, product
from statistics import correlation, fmean, pstdev

import pytest

from shared.quiz import questions
from shared.quiz.questions import CURRENT, QUIZZES, Question, Quiz
from shared.quiz.rules import Scores, scores
from shared.quiz.traits import TRAITS, Trait

QUIZ = QUIZZES[1]
ASKED = pytest.mark.parametrize("question", QUIZ.questions, ids=lambda question: question.slug)
EACH_TRAIT = pytest.mark.parametrize("place", range(len(Trait)), ids=list(Trait))


def all_scores(quiz: Quiz) -> list[Scores]:
    slugs = [question.slug for question in quiz.questions]
    choices = product(*([option.slug for option in question.options] for question in quiz.questions))
    return [scores(quiz, dict(zip(slugs, chosen, strict=True))) for chosen in choices]


@pytest.fixture(scope="module")
def columns() -> list[tuple[float, ...]]:
    """For each trait its scores over all sheets."""
    sheets = all_scores(QUIZ)
    assert len(sheets) == 4096
    return list(zip(*sheets, strict=True))


def test_six_questions_with_four_options_each() -> None:
    assert [len(question.options) for question in QUIZ.questions] == [4] * 6
    for quiz in QUIZZES.values():
        assert len({question.slug for question in quiz.questions}) == len(quiz.questions)
    assert QUIZZES[CURRENT].version == CURRENT


def test_slugs_ids_and_texts_are_all_different() -> None:
    ids = [QUIZ.question_id(question) for question in QUIZ.questions]
    ids += [QUIZ.option_id(question, option) for question in QUIZ.questions for option in question.options]
    texts = [question.text for question in QUIZ.questions]
    texts += [option.text for question in QUIZ.questions for option in question.options]
    assert len(set(ids)) == len(set(texts)) == 6 + 24
    for question in QUIZ.questions:
        assert len({option.slug for option in question.options}) == 4


def test_ids_never_change() -> None:
    first = QUIZ.questions[0]
    assert str(QUIZ.question_id(first)) == "4f566911-8dc8-5467-bc79-ca93b5ed525c"
    assert str(QUIZ.option_id(first, first.options[0])) == "c5b861eb-e7b1-519d-ba1b-2e1f05f65313"


def test_the_same_question_of_another_version_has_another_id() -> None:
    later = Quiz(2, QUIZ.questions)
    assert later.question_id(QUIZ.questions[0]) != QUIZ.question_id(QUIZ.questions[0])


def test_words_read_like_sentences() -> None:
    for question in QUIZ.questions:
        assert re.fullmatch(r"[A-Z].{20,120}[.?]", question.text)
        for option in question.options:
            assert re.fullmatch(r"[A-Z].{20,110}\.", option.text), option.slug


def test_every_trait_has_a_meaning_at_both_ends() -> None:
    assert list(TRAITS) == list(Trait)
    for meaning in TRAITS.values():
        assert len({meaning.label, meaning.low, meaning.high}) == 3
        assert meaning.low.count(".") == meaning.high.count(".") == 1


@ASKED
def test_every_option_moves_two_or_three_traits_by_a_step_or_two(question: Question) -> None:
    for option in question.options:
        assert 2 <= len(option.moves) <= 3, option.slug
        assert {abs(steps) for steps in option.moves.values()} <= {1, 2}


@ASKED
def test_no_option_is_at_least_as_much_of_everything_as_another(question: Question) -> None:
    for one, other in permutations(question.options, 2):
        assert any(one.moves.get(trait, 0) < other.moves.get(trait, 0) for trait in Trait), (one.slug, other.slug)


@pytest.mark.parametrize("trait", Trait)
def test_every_trait_is_informed_by_two_questions_or_more(trait: Trait) -> None:
    informing = [
        question.slug
        for question in QUIZ.questions
        if len({option.moves.get(trait, 0) for option in question.options}) > 1
    ]
    assert len(informing) >= 2


@EACH_TRAIT
def test_every_trait_uses_its_whole_range(columns: list[tuple[float, ...]], place: int) -> None:
    assert min(columns[place]) == 0
    assert max(columns[place]) == 1
    assert 0.35 <= fmean(columns[place]) <= 0.65
    assert pstdev(columns[place]) >= 0.15


def test_no_two_traits_tell_the_same(columns: list[tuple[float, ...]]) -> None:
    pairs = {pair: correlation(columns[pair[0]], columns[pair[1]]) for pair in combinations(range(6), 2)}
    assert len(pairs) == 15
    assert max(map(abs, pairs.values())) < 0.4


def test_the_current_version_is_known() -> None:
    assert questions.QUIZZES[questions.CURRENT].version == max(questions.QUIZZES)
