"""Posting mails, and what becomes of their rows."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from shared import clock, ledger
from shared.jobs import SEND_MAIL
from shared.mail.models import Mail
from shared.mail.rules import DAY, HOUR, KINDS
from shared.models import chosen
from shared.settings import settings


def post(
    session: Session, *, kind: str, user_id: uuid.UUID | None, now: datetime, data: dict[str, Any] | None = None
) -> uuid.UUID:
    """Have a mail sent once this transaction is committed; the id of its row.

    Raises:
        KeyError: there is no such kind.
    """
    if kind not in KINDS:
        raise KeyError(kind)
    mail = Mail(id=clock.new_id(), kind=kind, user_id=user_id, data=data or {}, created_at=now)
    session.add(mail)
    session.flush()
    ledger.ask(session, SEND_MAIL, str(mail.id))
    return mail.id


def posted_lately(session: Session, *, kind: str, user_id: uuid.UUID, now: datetime) -> tuple[int, datetime | None]:
    """How many mails of a kind were posted to somebody within the last hour, and when the first of them was."""
    number, first = session.execute(
        select(func.count(), func.min(Mail.created_at)).where(
            Mail.user_id == user_id, Mail.kind == kind, Mail.created_at > now - HOUR
        )
    ).one()
    return number, first


def unsent(session: Session, *, mail_id: uuid.UUID) -> Mail | None:
    """A mail that is still to be sent; none when it was sent, or concerns nobody any more."""
    return session.scalar(select(Mail).where(Mail.id == mail_id, Mail.sent_at.is_(None)))


def forget(session: Session, *mail_ids: uuid.UUID) -> None:
    """Delete mails that turned out to concern nobody, or that an operator dropped."""
    session.execute(delete(Mail).where(Mail.id.in_(mail_ids)))


def note_sent(session: Session, *, mail_id: uuid.UUID, now: datetime) -> None:
    """A server has taken it. It is never sent again."""
    session.execute(update(Mail).where(Mail.id == mail_id, Mail.sent_at.is_(None)).values(sent_at=now))


def note_unconfirmed(session: Session, *, mail_id: uuid.UUID) -> int:
    """A server was given it and did not say whether it has it; how often that was."""
    counted = update(Mail).where(Mail.id == mail_id).values(unconfirmed=Mail.unconfirmed + 1)
    return session.scalar(counted.returning(Mail.unconfirmed).execution_options(synchronize_session=False)) or 0


def ask_for_unpromised(session: Session, *, now: datetime, most: int = 5000) -> int:
    """Have mails sent that nobody promised to send, which only a fault can leave behind; how many.

    Those of the last day: whoever waits for an older one has asked again.
    """
    lost = select(Mail.id).where(
        Mail.created_at.between(now - DAY, now - HOUR),
        Mail.sent_at.is_(None),
        ledger.unpromised(SEND_MAIL, Mail.id.expression),
    )
    keys = [str(mail_id) for mail_id in session.scalars(lost.limit(most))]
    ledger.ask(session, SEND_MAIL, *keys)
    return len(keys)


def prune(session: Session, *, now: datetime, most: int = 5000) -> int:
    """Forget old mails, and the work of those that could not be sent; how many."""
    long_ago = now - timedelta(days=settings().mail_keep_days)
    old = chosen(select(Mail.id).where(Mail.created_at < long_ago).order_by(Mail.created_at).limit(most))
    gone = session.scalars(delete(Mail).where(Mail.id == old.c.id).returning(Mail.id)).all()
    ledger.cancel(session, SEND_MAIL, *map(str, gone))
    return len(gone)
