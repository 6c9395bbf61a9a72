"""Mails for tests of sending them: posted, and worked off an attempt at a time."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from shared import clock
from shared.accounts.models import User
from shared.database import Database
from shared.jobs import SEND_MAIL
from shared.ledger import Work
from shared.mail import service
from shared.mail.models import Mail
from tests.people import make_user
from worker.mail import send


def person(db: Database, name: str = "ada", **columns: Any) -> User:
    with db.transaction() as session:
        return make_user(session, email=f"{name}@{uuid.uuid4().hex}.example.com", **columns)


def post(db: Database, user: User, kind: str = "verify_email") -> uuid.UUID:
    return db.call(service.post, kind=kind, user_id=user.id, now=clock.now())


def work_off(db: Database) -> None:
    """One attempt at everything that waits, whenever it is due."""
    with db.transaction() as session:
        session.execute(update(Work).where(Work.due_at.is_not(None)).values(due_at=func.now()))
        keys = session.scalars(select(Work.key).where(Work.kind == SEND_MAIL.name, Work.due_at.is_not(None))).all()
    for key in keys:
        send(key)


def row(db: Database, mail_id: uuid.UUID) -> Work | None:
    return db.call(lambda session: session.get(Work, (SEND_MAIL.name, str(mail_id))))


def sent_at(db: Database, mail_id: uuid.UUID) -> datetime | None:
    return db.call(lambda session: session.get_one(Mail, mail_id).sent_at)
