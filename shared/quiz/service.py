"""A person's own quiz: taking it, and what came of it."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import ledger
from shared.accounts.models import User
from shared.accounts.service import lock, reconsider
from shared.errors import Refusal
from shared.jobs import MAKE_BADGES
from shared.quiz import questions, rules
from shared.quiz.models import QuizResponse, UserTraitScore
from shared.quiz.questions import QUIZZES, Quiz
from shared.quiz.rules import Scores, Sheet
from shared.settings import settings


@dataclass(frozen=True, slots=True)
class OwnQuiz:
    """The quiz as it is now, what somebody answered to it, and what is known of them from whatever version."""

    quiz: Quiz
    sheet: Sheet
    """Empty until this version was answered."""
    answered_at: datetime | None
    retake_at: datetime | None
    scores: Scores | None


def own(session: Session, user: User) -> OwnQuiz:
    """The current quiz with the person's answers to it."""
    return _shown(session.get(QuizResponse, user.id), session.get(UserTraitScore, user.id))


def submit(
    session: Session, user: User, *, version: int, answers: Mapping[uuid.UUID, uuid.UUID], now: datetime
) -> OwnQuiz:
    """Take in answers to the whole current quiz, {question id: option id}, and promise to make badges of them.

    Racing submissions wait for each other here, so one wins and the others come too soon.

    Raises:
        Refusal: `validation_error`, `quiz_incomplete` or `quiz_too_soon`.
    """
    lock(session, user.id)
    sheet = _checked(_current(version), answers)
    before = session.get(QuizResponse, user.id, populate_existing=True)
    if before is not None and now < _retake_at(before):
        raise Refusal("quiz_too_soon", details={"retake_at": _retake_at(before)})
    response = session.merge(QuizResponse(user_id=user.id, version=version, answers=sheet, answered_at=now))
    session.flush()
    derive(session, user_ids=[user.id])
    ledger.ask(session, MAKE_BADGES, str(user.id))
    reconsider(session, user.id)
    return _shown(response, session.get(UserTraitScore, user.id, populate_existing=True))


def derive(session: Session, *, user_ids: Collection[uuid.UUID]) -> None:
    """Derive these people's scores from their answers, by the weights as they are now. Lock the people first.

    Answers to a version that only newer processes know keep the scores that those derived.
    """
    taken = session.scalars(
        select(QuizResponse).where(QuizResponse.user_id.in_(user_ids), QuizResponse.version.in_(QUIZZES))
    ).all()
    if not taken:
        return
    made = insert(UserTraitScore).values(
        [
            {
                "user_id": response.user_id,
                "version": response.version,
                "scores": list(rules.scores(QUIZZES[response.version], response.answers)),
            }
            for response in taken
        ]
    )
    session.execute(
        made.on_conflict_do_update(
            index_elements=[UserTraitScore.user_id],
            set_={"version": made.excluded.version, "scores": made.excluded.scores},
            where=tuple_(UserTraitScore.version, UserTraitScore.scores)
            != tuple_(made.excluded.version, made.excluded.scores),
        )
    )


def _shown(response: QuizResponse | None, derived: UserTraitScore | None) -> OwnQuiz:
    quiz = QUIZZES[questions.CURRENT]
    return OwnQuiz(
        quiz=quiz,
        sheet=response.answers if response is not None and response.version == quiz.version else {},
        answered_at=response.answered_at if response is not None else None,
        retake_at=_retake_at(response) if response is not None else None,
        scores=tuple(derived.scores) if derived is not None else None,
    )


def _current(version: int) -> Quiz:
    if version != questions.CURRENT:
        raise Refusal(
            "validation_error",
            "The quiz has changed since you opened it. Please load it again.",
            details={"fields": [{"field": "body.version", "message": f"is {questions.CURRENT} now"}]},
        )
    return QUIZZES[version]


def _checked(quiz: Quiz, answers: Mapping[uuid.UUID, uuid.UUID]) -> Sheet:
    read = rules.read(quiz, answers)
    if not isinstance(read, rules.Mistakes):
        return read
    wrong = {
        **dict.fromkeys(read.unknown, "is not a question of this quiz"),
        **dict.fromkeys(read.misanswered, "is answered with an option that is not one of its own"),
    }
    if wrong:
        fields = [{"field": f"body.answers.{asked}", "message": message} for asked, message in wrong.items()]
        raise Refusal("validation_error", details={"fields": fields})
    raise Refusal("quiz_incomplete", details={"missing": [str(asked) for asked in read.missing]})


def _retake_at(response: QuizResponse) -> datetime:
    return response.answered_at + timedelta(days=settings().quiz_retake_days)
