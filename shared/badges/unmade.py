"""Whose badges are to be made anew: asked for by an operator, outrun by a new catalogue, or forgotten."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, DateTime, Select, exists, false, func, literal, or_, select, true, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared import ledger, log
from shared.accounts.models import User
from shared.badges.catalogue import CATALOGUE
from shared.badges.models import BadgeRun
from shared.jobs import MAKE_BADGES
from shared.prompts.models import PromptAnswer
from shared.quiz.models import QuizResponse, UserTraitScore

FORGOTTEN: Final = timedelta(minutes=5)  # whoever waits this long with no ledger row was forgotten by code
CLOCKS_APART: Final = timedelta(seconds=10)  # those of two machines, at most
_log = log.logger(__name__)


def to_make(*, user_id: uuid.UUID | None, stale: bool) -> Select[uuid.UUID]:
    """Ids of the people whose badges to make anew: one person, or everybody who has answered anything.

    With `stale` only those of an older catalogue.
    """
    wanted = select(User.id).where(
        or_(_has(PromptAnswer.user_id), _has(QuizResponse.user_id), _has(UserTraitScore.user_id))
    )
    if user_id is not None:
        wanted = wanted.where(User.id == user_id)
    if stale:
        wanted = wanted.where(~_has(BadgeRun.user_id, BadgeRun.catalogue >= CATALOGUE))
    return wanted


def ask(session: Session, *, now: datetime, most: int = 5000) -> tuple[int, int]:
    """(people with badges of an older catalogue, forgotten ones) whose badges were now asked for.

    Somebody who took the quiz, or whose answer was embedded, since their badges were made, and whose badges nobody
    promised to make, is code that forgot to ask: repaired, and logged as an error.
    """
    made = func.coalesce(BadgeRun.made_at + CLOCKS_APART, literal("-infinity", DateTime(timezone=True)))
    waits = now - FORGOTTEN
    due = union_all(
        select(BadgeRun.user_id, true().label("outdated")).where(BadgeRun.catalogue < CATALOGUE),
        select(QuizResponse.user_id, false())
        .outerjoin(BadgeRun, BadgeRun.user_id == QuizResponse.user_id)
        .where(QuizResponse.answered_at.between(made, waits)),
        select(PromptAnswer.user_id, false())
        .outerjoin(BadgeRun, BadgeRun.user_id == PromptAnswer.user_id)
        .where(PromptAnswer.vector.is_not(None), PromptAnswer.updated_at.between(made, waits)),
    ).subquery()
    rows = session.execute(
        select(due.c.user_id, func.bool_or(due.c.outdated))
        .where(ledger.unpromised(MAKE_BADGES, due.c.user_id))
        .group_by(due.c.user_id)
        .limit(most)
    ).all()
    forgotten = [str(user_id) for user_id, is_outdated in rows if not is_outdated]
    if forgotten:
        _log.error("people waited with nobody to make their badges", people=forgotten[:20], count=len(forgotten))
    ledger.ask(session, MAKE_BADGES, *(str(user_id) for user_id, _ in rows))
    return len(rows) - len(forgotten), len(forgotten)


def _has(column: InstrumentedAttribute[uuid.UUID], *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(column == User.id, *more)
