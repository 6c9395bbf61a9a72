"""Noticing things for moderators, opening cases, and telling people what was decided about them."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import User
from shared.accounts.service import lock
from shared.errors import Refusal
from shared.moderation.models import Case, Notice, ReportFile, Signal
from shared.notifications.service import tell

HOW_TO_OBJECT: Final = "You can object: appeal against this notice, and somebody from our team will look at it again."


def keep_signal(
    session: Session, *, kind: str, subject: str, user_id: uuid.UUID, evidence: dict[str, Any], now: datetime
) -> None:
    """Keep a signal about a person; the same kind about the same subject only once."""
    row = {
        "id": clock.new_id(),
        "kind": kind,
        "subject": subject,
        "user_id": user_id,
        "evidence": evidence,
        "created_at": now,
    }
    session.execute(insert(Signal).values(row).on_conflict_do_nothing())


def open_case(session: Session, *, user_id: uuid.UUID, now: datetime, signals: Iterable[Signal] = ()) -> uuid.UUID:
    """The person's open case, opened if there is none, with these signals in it. Lock the person first."""
    case_id = session.scalar(select(Case.id).where(Case.user_id == user_id, Case.closed_at.is_(None)))
    if case_id is None:
        case_id = clock.new_id()
        session.add(Case(id=case_id, user_id=user_id, opened_at=now))
        session.flush()
    for signal in signals:
        signal.case_id = case_id
    return case_id


def decide(
    session: Session,
    *,
    user_id: uuid.UUID,
    case_id: uuid.UUID,
    kind: str,
    facts: str,
    rule: str,
    until: datetime | None,
    now: datetime,
) -> Notice:
    """Tell somebody what a rule has decided about them: no restriction without a statement of its reasons."""
    notice = Notice(
        id=clock.new_id(),
        user_id=user_id,
        case_id=case_id,
        kind=kind,
        facts=facts,
        rule=rule,
        automatic=True,
        until=until,
        created_at=now,
    )
    session.add(notice)
    tell(session, user_id=user_id, kind="notice.created", data={"notice_id": str(notice.id), "kind": kind})
    return notice


def notices(session: Session, user: User) -> Sequence[Notice]:
    """What was decided about the person, the newest first."""
    return session.scalars(
        select(Notice).where(Notice.user_id == user.id).order_by(Notice.created_at.desc(), Notice.id)
    ).all()


def appeal(session: Session, user: User, *, notice_id: uuid.UUID, text: str, now: datetime) -> Notice:
    """Object to a decision, once: it is put before moderators, in the person's open case.

    Raises:
        Refusal: `not_found`, `invalid_transition` when they have objected already.
    """
    lock(session, user.id)
    notice = session.scalar(select(Notice).where(Notice.id == notice_id, Notice.user_id == user.id))
    if notice is None:
        raise Refusal("not_found", "There is no such notice.")
    if notice.appeal is not None:
        raise Refusal("invalid_transition", "You have objected to this already. Somebody will look at it.")
    notice.appeal, notice.appealed_at = text, now
    keep_signal(session, kind="appeal", subject=str(notice.id), user_id=user.id, evidence={}, now=now)
    objection = session.scalars(select(Signal).where(Signal.kind == "appeal", Signal.subject == str(notice.id))).one()
    open_case(session, user_id=user.id, now=now, signals=[objection])
    return notice


def reported_files(session: Session, photo_ids: Collection[uuid.UUID]) -> Sequence[str]:
    """The storage keys of these photos that reports show."""
    return session.scalars(select(ReportFile.key).where(ReportFile.photo_id.in_(photo_ids))).all()
