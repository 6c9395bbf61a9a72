"""Noticing things for moderators, opening cases, and telling people what was decided about them."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import User
from shared.accounts.service import lock
from shared.errors import Refusal
from shared.mail import service as mail
from shared.moderation.models import Case, Notice, Report, ReportFile, Signal
from shared.moderation.rules import FAVOURABLE, SIGNALS, NoticeKind, reporter_weight
from shared.notifications.service import tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What was decided and by which rule, in words for the person (EU DSA, article 17).

    `decided_by` is the moderator; without one, a rule has decided. `removed` could be put back.
    """

    kind: NoticeKind
    facts: str
    rule: str
    until: datetime | None = None
    decided_by: uuid.UUID | None = None
    removed: dict[str, Any] | None = None


def keep_signal(
    session: Session, *, kind: str, subject: str, user_id: uuid.UUID, evidence: dict[str, Any], now: datetime
) -> Signal | None:
    """Keep a signal about a person; the same kind about the same subject only once, and then nothing is returned."""
    row = {
        "id": clock.new_id(),
        "kind": kind,
        "subject": subject,
        "user_id": user_id,
        "evidence": evidence,
        "created_at": now,
    }
    return session.scalar(insert(Signal).values(row).on_conflict_do_nothing().returning(Signal))


def open_case(session: Session, *, user_id: uuid.UUID, now: datetime, signals: Iterable[Signal] = ()) -> Case:
    """The person's open case, opened if there is none, with these signals in it. Lock the person first."""
    case = session.scalar(
        select(Case).where(Case.user_id == user_id, Case.closed_at.is_(None)).execution_options(populate_existing=True)
    )
    if case is None:
        case = Case(id=clock.new_id(), user_id=user_id, opened_at=now, priority=0.0)
        session.add(case)
        session.flush()
    for signal in signals:
        signal.case_id = case.id
        case.priority += SIGNALS[signal.kind]
    return case


def record_of(reports: type[Report]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """In how many cases reports were founded, and in how many not."""
    cases = func.count(func.coalesce(reports.case_id, reports.id).distinct())
    return cases.filter(reports.founded.is_(True)), cases.filter(reports.founded.is_(False))


def weight_of(session: Session, reporter_id: uuid.UUID) -> float:
    """What this person's word weighs, by what moderators found of their reports so far: of one case once."""
    founded, unfounded = session.execute(select(*record_of(Report)).where(Report.reporter_id == reporter_id)).one()
    return reporter_weight(founded=founded, unfounded=unfounded)


def give_notice(
    session: Session, statement: Statement, *, user_id: uuid.UUID, case_id: uuid.UUID | None, now: datetime
) -> Notice:
    """Tell somebody what was decided about them: no restriction without a statement of its reasons."""
    notice = Notice(
        id=clock.new_id(),
        user_id=user_id,
        case_id=case_id,
        kind=statement.kind,
        facts=statement.facts,
        rule=statement.rule,
        automatic=statement.decided_by is None,
        decided_by=statement.decided_by,
        removed=statement.removed,
        until=statement.until,
        created_at=now,
    )
    session.add(notice)
    data = {"notice_id": str(notice.id), "kind": statement.kind}
    tell(session, user_id=user_id, kind="notice.created", data=data)
    session.flush()
    mail.post(session, kind="notice", user_id=user_id, now=now, data={"notice_id": str(notice.id)})
    return notice


def notices(session: Session, user: User) -> Sequence[Notice]:
    """What was decided about the person, the newest first."""
    return session.scalars(
        select(Notice).where(Notice.user_id == user.id).order_by(Notice.created_at.desc(), Notice.id)
    ).all()


def appeal(session: Session, user: User, *, notice_id: uuid.UUID, text: str, now: datetime) -> Notice:
    """Object to a decision, once: it is put before another moderator, in the person's open case.

    Raises:
        Refusal: `not_found`, `invalid_transition` when they have objected already or there is nothing to object to.
    """
    lock(session, user.id)
    notice = session.scalar(select(Notice).where(Notice.id == notice_id, Notice.user_id == user.id))
    if notice is None:
        raise Refusal("not_found", "There is no such notice.")
    if notice.kind in FAVOURABLE:
        raise Refusal("invalid_transition", "This takes nothing away from you, so there is nothing to object to.")
    if notice.appeal is not None:
        raise Refusal("invalid_transition", "You have objected to this already. Somebody will look at it.")
    notice.appeal, notice.appealed_at = text, now
    objection = keep_signal(session, kind="appeal", subject=str(notice.id), user_id=user.id, evidence={}, now=now)
    assert objection is not None
    case = open_case(session, user_id=user.id, now=now, signals=[objection])
    if case.taken_by is not None and case.taken_by == notice.decided_by:
        case.taken_by = case.taken_at = None  # theirs was the decision, so another looks
    return notice


def reported_files(session: Session, photo_ids: Collection[uuid.UUID]) -> Sequence[str]:
    """The storage keys of these photos that reports show."""
    return session.scalars(select(ReportFile.key).where(ReportFile.photo_id.in_(photo_ids))).all()
