"""Coming back: within the grace, logging in restores an account that was deleted."""

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import ledger
from shared.accounts.models import Status, User
from shared.accounts.service import reconsider
from shared.jobs import ERASE_ACCOUNT


def come_back(session: Session, *, user_id: uuid.UUID, verified_hash: str, now: datetime) -> bool:
    """Restore the account of somebody whose password has been verified, as it was before they left; whether.

    Its matches stay ended. Erasing locks the same row, so exactly one of the two happens.
    """
    leaving = select(User).where(User.id == user_id, User.status == Status.DELETING)
    user = session.scalar(leaving.with_for_update(key_share=True))
    if user is None or user.password_hash != verified_hash or not can_come_back(user, now=now):
        return False
    user.status, user.deleting_from, user.erase_at = user.deleting_from or Status.ACTIVE, None, None
    session.flush()
    reconsider(session, user.id)
    ledger.cancel(session, ERASE_ACCOUNT, str(user.id))
    return True


def can_come_back(user: User, *, now: datetime) -> bool:
    """Whether logging in restores this account."""
    return user.status == Status.DELETING and user.erase_at is not None and user.erase_at > now
