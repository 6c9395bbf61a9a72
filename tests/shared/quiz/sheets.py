"""Answers to the quiz, for tests."""

import uuid

from hypothesis import strategies as st

from shared.quiz.questions import QUIZZES, Quiz
from shared.quiz.rules import Sheet

QUIZ = QUIZZES[1]


def sheet_of(place: int, quiz: Quiz = QUIZ) -> Sheet:
    """The sheet with everywhere the option at this place."""
    return {question.slug: question.options[place].slug for question in quiz.questions}


def answers_of(sheet: Sheet, quiz: Quiz = QUIZ) -> dict[uuid.UUID, uuid.UUID]:
    """The answers that a client sends to hand in a sheet (or a part of one)."""
    return {
        quiz.question_id(question): quiz.option_id(question, option)
        for question in quiz.questions
        for option in question.options
        if sheet.get(question.slug) == option.slug
    }


def sheets(quiz: Quiz = QUIZ) -> st.SearchStrategy[Sheet]:
    """Any whole sheet."""
    return st.fixed_dictionaries(
        {question.slug: st.sampled_from([option.slug for option in question.options]) for question in quiz.questions}
    )
