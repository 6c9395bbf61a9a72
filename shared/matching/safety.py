"""Keeping people safe from each other: blocks, and reports with what was reported as it was."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import Status, User
from shared.accounts.service import lock_all, reconsider
from shared.errors import Refusal, invalid
from shared.matching import matches
from shared.matching.models import Block, Like, Match, Pair
from shared.matching.rules import OPEN, in_order
from shared.matching.visibility import fits, may_see
from shared.moderation import service as moderation
from shared.moderation.models import Reason, Report, ReportFile
from shared.moderation.rules import SEVERITY, NoticeKind
from shared.moderation.service import Statement
from shared.profiles.service import public_profiles
from shared.settings import settings

EVIDENCE: Final = "1080"  # the rendition of each photo that is kept for moderators
HIDDEN_RULE: Final = (
    "An account that several people report within a few days is hidden until somebody has looked at it."
)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What somebody reports of another: why, in what words, and which photo or answer it is about, if any."""

    user_id: uuid.UUID
    reason: Reason
    details: str = ""
    photo_id: uuid.UUID | None = None
    prompt_id: uuid.UUID | None = None


def block(session: Session, user: User, *, user_id: uuid.UUID, now: datetime) -> tuple[Block, User]:
    """Hide two people from each other for ever, ending any match of theirs; again is no error, and nobody is told.

    A like that races it either was first, and any match that it made is ended here, or finds the block and nobody.

    Raises:
        Refusal: `cannot_target_self`, `not_found`.
    """
    if user_id == user.id:
        raise Refusal("cannot_target_self")
    blocked_me = exists().where(Block.blocker_id == User.id, Block.blocked_id == user.id)
    blocked_them = exists().where(Block.blocker_id == user.id, Block.blocked_id == User.id)
    # As of somebody who has left, and as quickly: being blocked is not to be found out by blocking.
    there = select(User).where(User.id == user_id, User.status != Status.DELETING, or_(~blocked_me, blocked_them))
    if session.scalar(there) is None:
        raise _nobody_to_block()
    low, high = in_order(user.id, user_id)
    lock_all(session, (low, high))
    person = session.scalar(there)
    if person is None:  # their block was on its way
        raise _nobody_to_block()
    session.execute(
        insert(Block).values(blocker_id=user.id, blocked_id=user_id, created_at=now).on_conflict_do_nothing()
    )
    pair = insert(Pair).values(low_id=low, high_id=high, blocked=True)
    session.execute(pair.on_conflict_do_update(index_elements=[Pair.low_id, Pair.high_id], set_={"blocked": True}))
    matches.end_between(session, low, high, by=user.id, now=now)
    made = session.get(Block, (user.id, user_id))
    assert made is not None
    return made, person


def blocks(session: Session, user: User) -> list[tuple[Block, User]]:
    """Whom the person has blocked, the last one first."""
    rows = session.execute(
        select(Block, User)
        .join(User, User.id == Block.blocked_id)
        .where(Block.blocker_id == user.id)
        .order_by(Block.created_at.desc(), Block.blocked_id)
    )
    return [(made, person) for made, person in rows]


def report(
    session: Session,
    user: User,
    *,
    complaint: Complaint,
    and_block: bool,
    now: datetime,
    conversation: Sequence[Mapping[str, Any]] | None = None,
) -> Report:
    """Keep a report with what it is about as it is now, open a case, and hide whom several people report.

    Possible for whom one can see or has passed, and a while after a like of theirs, an unmatch or a block.
    `conversation` is kept with it.

    Raises:
        Refusal: `cannot_target_self`, `not_found`, or `validation_error` for a photo or answer that is not theirs.
    """
    if complaint.user_id == user.id:
        raise Refusal("cannot_target_self")
    reported = session.scalar(select(User).where(User.id == complaint.user_id, _reportable(user, now)))
    if reported is None:
        raise Refusal("not_found", "There is nobody here whom you could report.")
    lock_all(session, (user.id, reported.id))  # their photos and answers stay as they are until this is kept
    session.refresh(reported)
    snapshot, files = _snapshot(session, user, reported, complaint, now)
    case = moderation.open_case(session, user_id=reported.id, now=now)
    weight = moderation.weight_of(session, user.id)
    said = session.execute(
        select(Report.reason, Report.weight).where(Report.case_id == case.id, Report.reporter_id == user.id)
    )
    before = max((SEVERITY[reason] * earlier for reason, earlier in said), default=0.0)
    case.priority += max(0.0, SEVERITY[complaint.reason] * weight - before)  # who says it twice is still one
    kept = Report(
        id=clock.new_id(),
        reporter_id=user.id,
        user_id=reported.id,
        case_id=case.id,
        reason=complaint.reason,
        details=complaint.details,
        snapshot={**snapshot, "conversation": conversation},
        weight=weight,
        created_at=now,
    )
    session.add(kept)
    session.flush()
    session.add_all(ReportFile(report_id=kept.id, photo_id=photo_id, key=key) for photo_id, key in files.items())
    _hide_if_many(session, reported, case.id, now)
    if and_block and session.get(Block, (reported.id, user.id)) is None:
        block(session, user, user_id=reported.id, now=now)
    return kept


def _nobody_to_block() -> Refusal:
    return Refusal("not_found", "There is nobody here whom you could block.")


def _hide_if_many(session: Session, reported: User, case_id: uuid.UUID, now: datetime) -> None:
    """Hide whom several people report; the word of who often reports without reason counts for less than one."""
    enough = settings().reporters_until_hidden
    # What moderators have closed a case on does not count again.
    lately = (Report.case_id == case_id, Report.created_at > now - timedelta(days=settings().reporters_days))
    each = (
        select(func.max(Report.weight).label("weight"))
        .where(Report.user_id == reported.id, Report.reporter_id.is_not(None), *lately)
        .group_by(Report.reporter_id)
        .subquery()
    )
    if reported.hidden_at is not None or (session.scalar(select(func.sum(each.c.weight))) or 0) < enough:
        return
    reported.hidden_at = now
    days = settings().reporters_days
    facts = f"Several people have reported your account within {days} days, so others are not shown it for now."
    statement = Statement(kind=NoticeKind.HIDDEN, facts=facts, rule=HIDDEN_RULE)
    moderation.give_notice(session, statement, user_id=reported.id, case_id=case_id, now=now)
    reconsider(session, reported.id)


def _reportable(user: User, now: datetime) -> ColumnElement[bool]:
    lately = now - timedelta(days=settings().report_days)
    low, high = func.least(User.id, user.id), func.greatest(User.id, user.id)
    return or_(
        and_(User.status != Status.DELETING, or_(may_see(user, now=now), fits(user, now=now))),
        exists().where(Like.liker_id == User.id, Like.liked_id == user.id, Like.created_at > lately),
        exists().where(
            Match.low_id == low,
            Match.high_id == high,
            or_(Match.state.in_(OPEN), Match.state_changed_at > lately),
        ),
        exists().where(Block.blocker_id == user.id, Block.blocked_id == User.id, Block.created_at > lately),
    )


def _snapshot(
    session: Session, user: User, reported: User, complaint: Complaint, now: datetime
) -> tuple[dict[str, Any], dict[uuid.UUID, str]]:
    """The profile as it is, with the like that the reporter received; and the files that it shows, by photo."""
    (profile,) = public_profiles(session, user, people=[reported], today=now.date())
    files = {photo.id: photo.renditions[EVIDENCE] for photo in profile.photos if photo.renditions}
    if complaint.photo_id is not None and complaint.photo_id not in files:
        raise invalid("photo_id", "is not one of their photos")
    answers = {answer.id for answer in profile.answers}
    if complaint.prompt_id is not None and complaint.prompt_id not in answers:
        raise invalid("prompt_id", "is not one of their answers")
    like = session.get(Like, (reported.id, user.id))
    return {
        "name": profile.name,
        "age": profile.age,
        "bio": profile.bio,
        "photos": [{"id": str(photo_id), "key": key} for photo_id, key in files.items()],
        "prompts": [{"id": str(one.id), "question": one.prompt.text, "answer": one.answer} for one in profile.answers],
        "like": like and {"comment": like.comment, "created_at": like.created_at.isoformat()},
        "about": {
            "photo_id": complaint.photo_id and str(complaint.photo_id),
            "prompt_id": complaint.prompt_id and str(complaint.prompt_id),
        },
    }, files
