"""People's badges: reading them, and making them."""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, delete, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import events
from shared.accounts.models import User
from shared.accounts.service import lock_all
from shared.badges import rules
from shared.badges.catalogue import BY_SLUG, CATALOGUE
from shared.badges.models import BadgeRun, UserBadge
from shared.badges.rules import Award, Read
from shared.prompts.models import Prompt, PromptAnswer
from shared.quiz import service as quiz
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
    """Make these people's badges from their quiz and public answers, and tell those for whom that changed anything.

    Vectors of other models are not looked at: an answer that waits to be embedded by `model` keeps its badge. A fixed
    number of queries; whoever is gone is passed over.
    """
    people = lock_all(session, user_ids)
    if not people:
        return
    quiz.derive(session, user_ids=people)
    answers = _public_answers(session, people)
    close = _closeness([answer for answer in answers if answer.model == model], closeness)
    scores = _scores(session, people)
    before = badges_of(session, people)
    chosen = {
        user_id: _choose(
            scores.get(user_id), [one for one in answers if one.user_id == user_id], close, before[user_id]
        )
        for user_id in people
    }
    _store(session, chosen, {answer.id: answer.sha256 for answer in answers}, now)
    for user_id, awards in chosen.items():
        if [(one.slug, one.reason) for one in before[user_id]] != [(one.slug, one.reason) for one in awards]:
            slugs = [award.slug for award in awards]
            events.note(session, user_id=user_id, kind="badges.changed", data={"badges": slugs})


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


def _store(
    session: Session,
    chosen: Mapping[uuid.UUID, Sequence[Award]],
    hashes: Mapping[uuid.UUID, bytes],
    now: datetime,
) -> None:
    """Let these people have exactly these badges; what they have already keeps the moment it was awarded."""
    kept = [(user_id, award.slug) for user_id, awards in chosen.items() for award in awards]
    session.execute(
        delete(UserBadge)
        .where(UserBadge.user_id.in_(chosen), tuple_(UserBadge.user_id, UserBadge.slug).not_in(kept))
        .execution_options(synchronize_session=False)
    )
    rows = [
        {
            "user_id": user_id,
            "slug": award.slug,
            "reason": award.reason,
            "strength": award.strength,
            "position": position,
            "answer_id": award.answer_id,
            "answer_sha256": hashes[award.answer_id] if award.answer_id is not None else None,
            "awarded_at": now,
        }
        for user_id, awards in chosen.items()
        for position, award in enumerate(awards)
    ]
    if rows:
        _upsert(session, UserBadge, rows, change=("reason", "strength", "position", "answer_id", "answer_sha256"))
    runs = [{"user_id": user_id, "catalogue": CATALOGUE, "made_at": now} for user_id in chosen]
    _upsert(session, BadgeRun, runs, change=("catalogue", "made_at"))


def _upsert(
    session: Session, table: type[UserBadge | BadgeRun], rows: Sequence[Mapping[str, object]], *, change: Sequence[str]
) -> None:
    """Insert the rows; of those there are, change these columns, and leave alone what is the same."""
    made = insert(table).values(rows)
    columns = table.__table__.c
    session.execute(
        made.on_conflict_do_update(
            index_elements=list(table.__table__.primary_key),
            set_={name: made.excluded[name] for name in change},
            where=or_(*(columns[name].is_distinct_from(made.excluded[name]) for name in change)),
        )
    )
