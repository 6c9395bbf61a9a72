"""Leaving: an account is hidden at once, and erased after some days in which logging in brings it back."""

from datetime import datetime, timedelta

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from shared import ledger
from shared.accounts import sign_in
from shared.accounts.models import Status, User
from shared.accounts.service import reconsider
from shared.errors import Refusal
from shared.jobs import ERASE_ACCOUNT
from shared.mail import service as mail
from shared.matching import matches
from shared.privacy import exports
from shared.settings import settings


def leave(session: Session, user: User, *, verified_hash: str, now: datetime) -> datetime:
    """Delete somebody's account, whose password has been verified; the moment until which logging in restores it.

    A like that was begun before and makes a match meanwhile is not waited for. The work of erasing looks for such
    matches once none of those statements can run any more, long before it erases anything.

    Raises:
        Refusal: `invalid_credentials` when the password was changed meanwhile, `token_invalid` when another request
            has deleted the account.
    """
    matches.end_all(session, user, now=now)  # which locks them, and everybody concerned, first
    session.refresh(user)
    if user.status == Status.DELETING:
        raise Refusal("token_invalid")
    if user.password_hash != verified_hash:
        raise Refusal("invalid_credentials")
    erase_at = now + timedelta(days=settings().erasure_grace_days)
    user.deleting_from, user.status, user.erase_at = user.status, Status.DELETING, erase_at
    session.flush()
    exports.end(session, user_id=user.id, now=now)
    sign_in.end_all_sessions(session, user, now=now, why="account deleted")
    mail.post(session, kind="account_deleted", user_id=user.id, now=now)
    reconsider(session, user.id)
    ledger.ask(session, ERASE_ACCOUNT, str(user.id), delay=longest_statement())
    return erase_at


def longest_statement() -> timedelta:
    """What has run for longer has been stopped by the database."""
    return timedelta(seconds=settings().db_statement_timeout_seconds + 1)


def ask_for_unpromised(session: Session, *, most: int = 1000) -> int:
    """Have accounts erased that nobody promised to erase, which only a fault can leave behind; how many."""
    lost = select(cast(User.id, Text)).where(
        User.erase_at.is_not(None), User.status == Status.DELETING, ledger.unpromised(ERASE_ACCOUNT, User.id.expression)
    )
    keys = session.scalars(lost.limit(most)).all()
    ledger.ask(session, ERASE_ACCOUNT, *keys)
    return len(keys)
