"""People's badges: reading them, making them, and finding whose to make anew."""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared import events
from shared.accounts.models import User
from shared.accounts.service import lock_all
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


def make(session: Session, *, user_ids: Collection[uuid.UUID], model: str, closeness: Closeness, now: datetime) -> None:
    """Make these people's badges from their scores and public answers, and tell those for whom that changed anything.

    Vectors of other models are not looked at: an answer that waits to be embedded by `model` keeps its badge. A fixed
    number of queries; whoever is gone is passed over.
    """
    people = lock_all(session, user_ids)
    if not people:
        return
    answers = _public_answers(session, people)
    close = _closeness([answer for answer in answers if answer.model == model], closeness)
    scores = _scores(session, people)
    before = badges_of(session, people)
    held = _held(session, people)
    for user_id in people:
        own = [answer for answer in answers if answer.user_id == user_id]
        chosen = _choose(scores.get(user_id), own, close, before[user_id])
        told = [(badge.slug, badge.reason) for badge in before[user_id]]  # read before they are changed
        _replace(session, user_id, held[user_id], chosen, {answer.id: answer.sha256 for answer in own}, now)
        if told != [(award.slug, award.reason) for award in chosen]:
            slugs = [award.slug for award in chosen]
            events.note(session, user_id=user_id, kind="badges.changed", data={"badges": slugs})
    session.flush()
    _stamp(session, people, now)


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


@dataclass(frozen=True, slots=True)
class _Answer:
    """A public answer. `model` made the vector; there is neither while it waits."""

    id: uuid.UUID
    user_id: uuid.UUID
    question: str
    vector: list[float] | None
    model: str | None
    sha256: bytes


def _public_answers(session: Session, user_ids: Sequence[uuid.UUID]) -> list[_Answer]:
    rows = session.execute(
        select(PromptAnswer.id, PromptAnswer.user_id, Prompt.text, PromptAnswer.vector, PromptAnswer.model, _SHA256)
        .join(Prompt, Prompt.id == PromptAnswer.prompt_id)
        .where(PromptAnswer.user_id.in_(user_ids), ~PromptAnswer.private)
        .order_by(PromptAnswer.position)
    )
    return [_Answer(*row) for row in rows]


def _closeness(embedded: Sequence[_Answer], closeness: Closeness) -> dict[uuid.UUID, Mapping[str, float]]:
    """Of each answer, by its id."""
    vectors = [answer.vector for answer in embedded if answer.vector is not None]
    return dict(zip((answer.id for answer in embedded), closeness(vectors), strict=True)) if vectors else {}


def _scores(session: Session, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[Trait, float]]:
    rows = session.execute(
        select(UserTraitScore.user_id, UserTraitScore.scores).where(UserTraitScore.user_id.in_(user_ids))
    )
    return {user_id: dict(zip(Trait, scores, strict=True)) for user_id, scores in rows}


def _held(session: Session, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[str, UserBadge]]:
    """All that these people have, good or not, by slug."""
    held: dict[uuid.UUID, dict[str, UserBadge]] = {user_id: {} for user_id in user_ids}
    for badge in session.scalars(select(UserBadge).where(UserBadge.user_id.in_(user_ids))):
        held[badge.user_id][badge.slug] = badge
    return held


def _choose(
    scores: Mapping[Trait, float] | None,
    answers: Sequence[_Answer],
    close: Mapping[uuid.UUID, Mapping[str, float]],
    before: Sequence[UserBadge],
) -> list[Award]:
    """The best of what one person earns, and of what answers that wait to be embedded have earned before."""
    awards = [] if scores is None else list(rules.by_traits(scores))
    awards += rules.by_answers(Read(one.id, one.question, close[one.id]) for one in answers if one.id in close)
    earned = {award.slug for award in awards}
    awards += [
        Award(badge.slug, badge.strength, badge.reason, badge.answer_id)
        for badge in before
        if badge.answer_id is not None and badge.answer_id not in close and badge.slug not in earned
    ]
    return rules.best(awards)


def _replace(
    session: Session,
    user_id: uuid.UUID,
    held: Mapping[str, UserBadge],
    chosen: Sequence[Award],
    hashes: Mapping[uuid.UUID, bytes],
    now: datetime,
) -> None:
    """Let the person have exactly these; what they have already keeps the moment it was awarded."""
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


def _stamp(session: Session, user_ids: Sequence[uuid.UUID], now: datetime) -> None:
    """That these people's badges are made of this catalogue."""
    made = insert(BadgeRun).values(
        [{"user_id": user_id, "catalogue": CATALOGUE, "made_at": now} for user_id in user_ids]
    )
    session.execute(
        made.on_conflict_do_update(
            index_elements=[BadgeRun.user_id],
            set_={"catalogue": made.excluded.catalogue, "made_at": made.excluded.made_at},
        )
    )
