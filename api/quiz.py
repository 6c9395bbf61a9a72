"""Routes of one's own quiz and of the traits that follow from it."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, status
from pydantic import Field, RootModel

from api.accounts import SIGNED_IN
from api.creating import Creating
from api.dependencies import Me
from api.errors import documented
from api.shapes import Body, Shape, with_example
from shared import clock
from shared.quiz import service
from shared.quiz.questions import CURRENT, QUIZZES, Question
from shared.quiz.rules import Scores
from shared.quiz.service import OwnQuiz
from shared.quiz.traits import TRAITS, Trait

router = APIRouter(prefix="/v1/profile", tags=["quiz"])

MOST_ANSWERS: Final = 50  # far more than any quiz has questions


_QUIZ: Final = QUIZZES[CURRENT]
# The first option of each question.
_ANSWERS_EXAMPLE: Final = {
    str(_QUIZ.question_id(question)): str(_QUIZ.option_id(question, question.options[0]))
    for question in _QUIZ.questions
}
_QUIZ_EXAMPLE: Final[dict[str, Any]] = {
    "version": CURRENT,
    "questions": [
        {
            "id": str(_QUIZ.question_id(question)),
            "text": question.text,
            "options": [{"id": str(_QUIZ.option_id(question, one)), "text": one.text} for one in question.options],
            "answer": answer,
        }
        for question, answer in zip(_QUIZ.questions, _ANSWERS_EXAMPLE.values(), strict=True)
    ],
    "answered_at": "2026-11-24T18:49:13Z",
    "retake_at": "2026-12-24T18:49:13Z",
}
_TRAITS_EXAMPLE: Final[list[dict[str, Any]]] = [
    {"trait": trait, "score": 0.4, "label": meaning.label, "low": meaning.low, "high": meaning.high}
    for trait, meaning in TRAITS.items()
]


class QuizOption(Shape):
    """Something one might do."""

    id: uuid.UUID
    text: str


class QuizQuestion(Shape):
    """A situation, what one might do in it, and the id of one's own choice."""

    id: uuid.UUID
    text: str
    options: list[QuizOption]
    answer: uuid.UUID | None


class QuizShape(Shape):
    """The quiz of today with one's own answers to it; `answered_at` and `retake_at` are of whatever version."""

    model_config = with_example(_QUIZ_EXAMPLE)

    version: int
    questions: list[QuizQuestion]
    answered_at: datetime | None
    retake_at: datetime | None


class TraitShape(Shape):
    """One's own score of a trait, 0 to 1, and what a low and a high one mean. Neither is better."""

    trait: Trait
    score: float
    label: str
    low: str
    high: str


class TraitList(RootModel[list[TraitShape]]):
    """All traits, in their order; empty before the quiz is taken."""

    model_config = with_example(_TRAITS_EXAMPLE)


class TakenQuizShape(QuizShape):
    """The quiz as it was just answered, and what follows from it."""

    model_config = with_example(_QUIZ_EXAMPLE | {"traits": _TRAITS_EXAMPLE})

    traits: list[TraitShape]


class QuizAnswers(Body):
    """An answer to every question of the current version: id of the question to id of the option."""

    model_config = with_example({"version": CURRENT, "answers": _ANSWERS_EXAMPLE})

    version: Annotated[int, Field(strict=True, ge=1, le=32_767)]
    answers: dict[uuid.UUID, uuid.UUID] = Field(max_length=MOST_ANSWERS)


@router.get("/quiz", operation_id="get_quiz", summary="The quiz", responses=documented(*SIGNED_IN))
async def get_quiz(me: Me) -> QuizShape:
    """Six situations with four options each, and what you chose, if you have taken this version."""
    own = await me.run(service.own)
    return QuizShape(**_quiz(own))


@router.post(
    "/quiz",
    operation_id="submit_quiz",
    summary="Take the quiz",
    status_code=status.HTTP_202_ACCEPTED,
    responses=documented(*SIGNED_IN, "quiz_too_soon", "quiz_incomplete", "validation_error"),
)
async def submit_quiz(me: Creating, body: QuizAnswers) -> TakenQuizShape:
    """Answer every question. Traits are there at once, badges a moment later; from `retake_at` on you may again."""
    return await me.create(
        lambda own: TakenQuizShape(**_quiz(own), traits=_traits(own.scores)),
        "/v1/profile/quiz",
        service.submit,
        version=body.version,
        answers=body.answers,
        now=clock.now(),
    )


@router.get("/traits", operation_id="list_traits", summary="Your traits", responses=documented(*SIGNED_IN))
async def list_traits(me: Me) -> TraitList:
    """What follows from your answers, as a plain list; empty before you have taken the quiz."""
    own = await me.run(service.own)
    return TraitList(_traits(own.scores))


def _quiz(own: OwnQuiz) -> dict[str, Any]:
    return {
        "version": own.quiz.version,
        "questions": [_question(own, question) for question in own.quiz.questions],
        "answered_at": own.answered_at,
        "retake_at": own.retake_at,
    }


def _question(own: OwnQuiz, question: Question) -> QuizQuestion:
    ids = {option.slug: own.quiz.option_id(question, option) for option in question.options}
    return QuizQuestion(
        id=own.quiz.question_id(question),
        text=question.text,
        options=[QuizOption(id=ids[option.slug], text=option.text) for option in question.options],
        answer=ids.get(own.sheet.get(question.slug, "")),
    )


def _traits(scores: Scores | None) -> list[TraitShape]:
    return [
        TraitShape(trait=trait, score=round(score, 3), label=meaning.label, low=meaning.low, high=meaning.high)
        for (trait, meaning), score in zip(TRAITS.items(), scores or (), strict=scores is not None)
    ]
