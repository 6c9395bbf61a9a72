"""A person's own answers to prompts: writing, listing, ordering, deleting."""

import uuid
from collections.abc import Sequence
from typing import Final, Literal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager, selectinload

from shared import ledger
from shared.accounts.models import User
from shared.accounts.service import lock, reconsider
from shared.errors import Refusal, invalid
from shared.jobs import EMBED_ANSWER, MAKE_BADGES
from shared.prompts.models import Prompt, PromptAnswer
from shared.prompts.rules import MAX_ANSWERS, MAX_PRIVATE
from shared.prompts.vectors import refresh_profiles

Sort = Literal["position", "-position", "created_at", "-created_at", "updated_at", "-updated_at"]
_SORTS: Final[dict[str, InstrumentedAttribute[object]]] = {
    "position": PromptAnswer.position,
    "created_at": PromptAnswer.created_at,
    "updated_at": PromptAnswer.updated_at,
}


def catalogue(session: Session) -> Sequence[Prompt]:
    """The prompts that can be answered, in order."""
    return session.scalars(select(Prompt).where(Prompt.offered).order_by(Prompt.position)).all()


def own_answers(
    session: Session, user: User, *, q: str, sort: Sort, limit: int, offset: int
) -> tuple[Sequence[PromptAnswer], int]:
    """A slice of a person's answers, and how many there are; with `q`, those whose answer or question contains it."""
    wanted = select(PromptAnswer).join(PromptAnswer.prompt).where(PromptAnswer.user_id == user.id)
    if q:
        wanted = wanted.where(
            or_(PromptAnswer.answer.icontains(q, autoescape=True), Prompt.text.icontains(q, autoescape=True))
        )
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    column = _SORTS[sort.removeprefix("-")]
    page = wanted.options(contains_eager(PromptAnswer.prompt)).order_by(
        column.desc() if sort.startswith("-") else column, PromptAnswer.position
    )
    return session.scalars(page.limit(limit).offset(offset)).all(), total


def own_answer(session: Session, user: User, *, answer_id: uuid.UUID) -> PromptAnswer:
    """One answer of a person.

    Raises:
        Refusal: `not_found`.
    """
    answer = session.scalar(
        select(PromptAnswer)
        .where(PromptAnswer.id == answer_id, PromptAnswer.user_id == user.id)
        .options(selectinload(PromptAnswer.prompt))
        .execution_options(populate_existing=True)
    )
    if answer is None:
        raise Refusal("not_found", "There is no such answer.")
    return answer


def answer(session: Session, user: User, *, prompt_id: uuid.UUID, text: str, private: bool) -> PromptAnswer:
    """Answer a prompt, and promise to embed what was said. Racing answers wait for each other: the limit is exact.

    Raises:
        Refusal: `validation_error` for an unknown prompt, `prompt_already_answered`, `prompt_limit`.
    """
    lock(session, user.id)
    answers = _all(session, user)
    _check_prompt(session, answers, prompt_id)
    if len(answers) >= MAX_ANSWERS:
        raise Refusal("prompt_limit", details={"answers": MAX_ANSWERS})
    _check_private(answers, private=private)
    written = PromptAnswer(user_id=user.id, prompt_id=prompt_id, answer=text, private=private, position=len(answers))
    session.add(written)
    session.flush()
    ledger.ask(session, EMBED_ANSWER, str(written.id))
    return own_answer(session, user, answer_id=written.id)


def replace(
    session: Session,
    user: User,
    *,
    answer_id: uuid.UUID,
    text: str,
    private: bool | None = None,
    prompt_id: uuid.UUID | None = None,
) -> PromptAnswer:
    """Write an answer anew, also to another prompt; None leaves as it is. A changed text loses its vector at once.

    Raises:
        Refusal: `not_found`, `validation_error` for an unknown prompt, `prompt_already_answered`.
    """
    lock(session, user.id)
    written = own_answer(session, user, answer_id=answer_id)
    others = [other for other in _all(session, user) if other.id != answer_id]
    prompt_id = prompt_id or written.prompt_id
    private = written.private if private is None else private
    if prompt_id != written.prompt_id:
        _check_prompt(session, others, prompt_id)
    _check_private(others, private=private)
    before = (written.answer, written.private, written.prompt_id)
    if (text, private, prompt_id) == before:
        return written
    written.answer, written.private, written.prompt_id = text, private, prompt_id
    written.updated_at = func.now()
    said_anew = text != before[0]
    if said_anew:
        written.vector = written.model = written.engine = None
    session.flush()
    if said_anew:
        refresh_profiles(session, [user.id])
        ledger.ask(session, EMBED_ANSWER, str(answer_id))
    ledger.ask(session, MAKE_BADGES, str(user.id))
    reconsider(session, user.id)
    return own_answer(session, user, answer_id=answer_id)


def reorder(session: Session, user: User, *, ids: Sequence[uuid.UUID]) -> Sequence[PromptAnswer]:
    """Put all answers into this order.

    Raises:
        Refusal: `validation_error` unless each of the person's answers is named exactly once.
    """
    lock(session, user.id)
    answers = {answer.id: answer for answer in _all(session, user)}
    if len(ids) != len(answers) or set(ids) != set(answers):
        raise invalid("ids", "Name each of your answers exactly once.")
    for position, answer_id in enumerate(ids):
        answers[answer_id].position = position
    session.flush()
    return [answers[answer_id] for answer_id in ids]


def remove(session: Session, user: User, *, answer_id: uuid.UUID) -> None:
    """Delete an answer, with its meaning; those after it move up.

    Raises:
        Refusal: `not_found`.
    """
    lock(session, user.id)
    session.delete(own_answer(session, user, answer_id=answer_id))
    session.flush()
    for position, left in enumerate(_all(session, user)):
        left.position = position
    session.flush()
    refresh_profiles(session, [user.id])
    ledger.cancel(session, EMBED_ANSWER, str(answer_id))
    ledger.ask(session, MAKE_BADGES, str(user.id))
    reconsider(session, user.id)


def shown_answers(session: Session, user_ids: Sequence[uuid.UUID]) -> Sequence[PromptAnswer]:
    """What others may read of these people's answers, in their order."""
    return session.scalars(
        select(PromptAnswer)
        .where(PromptAnswer.user_id.in_(user_ids), ~PromptAnswer.private)
        .options(selectinload(PromptAnswer.prompt))
        .order_by(PromptAnswer.user_id, PromptAnswer.position)
    ).all()


def _all(session: Session, user: User) -> Sequence[PromptAnswer]:
    """As they are now: another request may have changed them since they were read."""
    return session.scalars(
        select(PromptAnswer)
        .where(PromptAnswer.user_id == user.id)
        .options(selectinload(PromptAnswer.prompt))
        .order_by(PromptAnswer.position)
        .execution_options(populate_existing=True)
    ).all()


def _check_prompt(session: Session, answers: Sequence[PromptAnswer], prompt_id: uuid.UUID) -> None:
    if any(other.prompt_id == prompt_id for other in answers):
        raise Refusal("prompt_already_answered")
    if session.scalar(select(Prompt.id).where(Prompt.id == prompt_id, Prompt.offered)) is None:
        raise invalid("question_id", "There is no such prompt. GET /v1/prompts lists those there are.")


def _check_private(answers: Sequence[PromptAnswer], *, private: bool) -> None:
    if private and any(other.private for other in answers):
        raise Refusal(
            "prompt_limit", "One answer can be private, and one already is.", details={"private": MAX_PRIVATE}
        )
