"""People's badges: reading them, making them, and finding whose to make anew."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared import events
from shared.accounts.models import User
from shared.accounts.service import lock
from shared.badges import rules
from shared.badges.catalogue import BY_SLUG, CATALOGUE
from shared.badges.models import BadgeRun, UserBadge
from shared.badges.rules import Award, Read
from shared.prompts.models import Prompt, PromptAnswer
from shared.quiz.models import UserTraitScore
from shared.quiz.traits import Trait

Closeness = Callable[[Sequence[list[float]]], Sequence[Mapping[str, float]]]
"""From answers' vectors to how close each answer is to each badge of meaning."""

# Of the question too, since the reason names it.
_SHA256: Final = func.sha256(func.convert_to(func.concat(PromptAnswer.prompt_id, PromptAnswer.answer), "UTF8"))
# The words that earned the badge are still there for all to see.
_IS_GOOD: Final = or_(UserBadge.answer_id.is_(None), and_(~PromptAnswer.private, UserBadge.answer_sha256 == _SHA256))


def own_badges(session: Session, user: User) -> list[UserBadge]:
    """A person's badges, the best first."""
    return badges_of(session, [user.id])[user.id]


def badges_of(session: Session, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[UserBadge]]:
    """The badges of each of these people, the best first, in one query.

    Never one whose answer is no longer public, or says something else now, however long its worker takes.
    """
    found: dict[uuid.UUID, list[UserBadge]] = {user_id: [] for user_id in user_ids}
    good = (
        select(UserBadge)
        .outerjoin(PromptAnswer, PromptAnswer.id == UserBadge.answer_id)
        .where(UserBadge.user_id.in_(found), UserBadge.slug.in_(BY_SLUG), _IS_GOOD)
        .order_by(UserBadge.position)
    )
    for badge in session.scalars(good):
        found[badge.user_id].append(badge)
    return found


def make(session: Session, *, user_id: uuid.UUID, model: str, closeness: Closeness, now: datetime) -> None:
    """Make a person's badges from their scores and public answers, and tell them if that changed anything.

    Vectors of other models are not looked at: an answer that waits to be embedded by `model` keeps its badge.
    """
    lock(session, user_id)
    if session.get(User, user_id) is None:
        return
    before = badges_of(session, [user_id])[user_id]
    embedded, hashes = _public_answers(session, user_id, model)
    awards = [*_by_traits(session, user_id), *rules.by_answers(_read(embedded, closeness))]
    read = {answer_id for answer_id, _, _ in embedded}
    kept = [_award(badge) for badge in before if badge.answer_id is not None and badge.answer_id not in read]
    earned = {award.slug for award in awards}
    chosen = rules.best([*awards, *(award for award in kept if award.slug not in earned)])
    told = [(badge.slug, badge.reason) for badge in before]  # read before they are changed
    _replace(session, user_id, chosen, hashes, now)
    session.merge(BadgeRun(user_id=user_id, catalogue=CATALOGUE, made_at=now))
    if told != [(award.slug, award.reason) for award in chosen]:
        slugs = [award.slug for award in chosen]
        events.note(session, user_id=user_id, kind="badges.changed", data={"badges": slugs})
    session.flush()


def to_make(*, user_id: uuid.UUID | None, stale: bool) -> Select[uuid.UUID]:
    """Ids of the people whose badges to make anew: one person, or everybody who has answered anything.

    With `stale` only those of an older catalogue.
    """
    wanted = select(User.id).where(or_(_has(PromptAnswer.user_id), _has(UserTraitScore.user_id)))
    if user_id is not None:
        wanted = wanted.where(User.id == user_id)
    if stale:
        wanted = wanted.where(~_has(BadgeRun.user_id, BadgeRun.catalogue >= CATALOGUE))
    return wanted


def _has(column: InstrumentedAttribute[uuid.UUID], *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(column == User.id, *more)


def _public_answers(
    session: Session, user_id: uuid.UUID, model: str
) -> tuple[list[tuple[uuid.UUID, str, list[float]]], dict[uuid.UUID, bytes]]:
    """(id, question and vector of those that this model has embedded, hash of the text of all)."""
    rows = session.execute(
        select(PromptAnswer.id, Prompt.text, PromptAnswer.vector, PromptAnswer.model, _SHA256)
        .join(Prompt, Prompt.id == PromptAnswer.prompt_id)
        .where(PromptAnswer.user_id == user_id, ~PromptAnswer.private)
        .order_by(PromptAnswer.position)
    ).all()
    embedded = [
        (answer_id, question, vector)
        for answer_id, question, vector, made_by, _ in rows
        if made_by == model and vector is not None
    ]
    return embedded, {row[0]: row[4] for row in rows}


def _by_traits(session: Session, user_id: uuid.UUID) -> list[Award]:
    scores = session.scalar(select(UserTraitScore.scores).where(UserTraitScore.user_id == user_id))
    return [] if scores is None else list(rules.by_traits(dict(zip(Trait, scores, strict=True))))


def _read(embedded: Sequence[tuple[uuid.UUID, str, list[float]]], closeness: Closeness) -> list[Read]:
    if not embedded:
        return []
    close = closeness([vector for _, _, vector in embedded])
    return [Read(answer_id, question, of) for (answer_id, question, _), of in zip(embedded, close, strict=True)]


def _award(badge: UserBadge) -> Award:
    return Award(badge.slug, badge.strength, badge.reason, badge.answer_id)


def _replace(
    session: Session, user_id: uuid.UUID, chosen: Sequence[Award], hashes: Mapping[uuid.UUID, bytes], now: datetime
) -> None:
    """Let the person have exactly these; what they have already keeps the moment it was awarded."""
    held = {badge.slug: badge for badge in session.scalars(select(UserBadge).where(UserBadge.user_id == user_id))}
    for slug in held.keys() - {award.slug for award in chosen}:
        session.delete(held[slug])
    for position, award in enumerate(chosen):
        badge = held.get(award.slug)
        if badge is None:
            badge = UserBadge(user_id=user_id, slug=award.slug, awarded_at=now)
            session.add(badge)
        badge.reason, badge.strength, badge.position = award.reason, award.strength, position
        badge.answer_id = award.answer_id
        badge.answer_sha256 = hashes[award.answer_id] if award.answer_id is not None else None
