"""Sign-in by mail: links that prove an address or let somebody choose a new password.

A token is made when its mail is sent, so that none ever lies anywhere but in that mail; what is stored is its hash.
"""

import math
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from shared.accounts import sign_in
from shared.accounts.models import EmailToken, Status, User
from shared.accounts.returning import can_come_back
from shared.accounts.service import lock, reconsider
from shared.accounts.tokens import secret_hash
from shared.errors import Refusal
from shared.mail import service as mail
from shared.mail.models import Mail
from shared.mail.rules import HOUR, MOST_IN_AN_HOUR, shown_device
from shared.models import chosen

VERIFY: Final = "verify_email"
RESET: Final = sign_in.RESET
DELETED: Final = "account_deleted"
GOOD_FOR: Final = {VERIFY: timedelta(hours=24), RESET: timedelta(hours=1)}
WANTED_FOR: Final = timedelta(hours=6)  # a link to choose a new password: later it would only frighten
LIVING: Final = (Status.ACTIVE, Status.PAUSED)
# Who else is sent a kind of mail. Whoever is leaving needs a password to come back.
ALSO_SENT: Final = {
    RESET: (Status.DELETING,),
    "password_changed": (Status.DELETING,),
    DELETED: (Status.DELETING,),
    "export_ready": (Status.SUSPENDED,),
    "notice": (Status.SUSPENDED,),
}
USED: Final = "This link has been used already."
BYTES: Final = 16  # of a token: 22 characters


def forgot(session: Session, *, email: str, now: datetime) -> None:
    """Promise a mail to whom this address belongs. The same statements whether it is anybody's: a worker finds out."""
    mail.post(session, kind=RESET, user_id=None, now=now, data={"email": email})


def resend(session: Session, user: User, *, now: datetime) -> None:
    """Have the address proven again; nothing is sent when it is already.

    Raises:
        Refusal: `rate_limited` after several within an hour.
    """
    lock(session, user.id)
    session.refresh(user)
    if user.email_verified_at is not None:
        return
    number, first = mail.posted_lately(session, kind=VERIFY, user_id=user.id, now=now)
    if number >= MOST_IN_AN_HOUR and first is not None:
        wait = max(1, math.ceil((first + HOUR - now).total_seconds()))
        raise Refusal(
            "rate_limited",
            "We have sent you several already. Please look for them, also among what your mail program takes for spam.",
            details={"retry_after_seconds": wait},
            headers={"Retry-After": str(wait)},
        )
    mail.post(session, kind=VERIFY, user_id=user.id, now=now)


def recipient(session: Session, letter: Mail, *, now: datetime) -> User | None:
    """Whom a mail goes to now; nobody when it is not to be sent (any more).

    Of an address that was typed this finds out whose it is, and forgets the address. An account gets so many such mails
    in an hour, whoever asks: the links that its owner has are good as long.
    """
    if letter.user_id is None:
        user_id = session.scalar(select(User.id).where(func.lower(User.email) == func.lower(letter.data["email"])))
        if user_id is None:
            return None
        lock(session, user_id)
        number, _ = mail.posted_lately(session, kind=letter.kind, user_id=user_id, now=now)
        if number >= MOST_IN_AN_HOUR:
            return None
        letter.user_id, letter.data = user_id, {}
        session.flush()
    user = session.get(User, letter.user_id)
    return user if user is not None and _is_sent(user, letter.kind, now) else None


def _is_sent(user: User, kind: str, now: datetime) -> bool:
    if user.status == Status.DELETING and not can_come_back(user, now=now):
        return False
    return user.status in (*LIVING, *ALSO_SENT.get(kind, ()))


def facts(session: Session, letter: Mail, user: User, *, now: datetime) -> dict[str, Any] | None:
    """What the template of an account's mail needs, with a new token for its link; None: it is not to be sent."""
    if letter.kind == VERIFY and user.email_verified_at is not None:
        return None
    if letter.kind == RESET and letter.created_at < now - WANTED_FOR:
        return None
    if letter.kind == DELETED and user.status != Status.DELETING:
        return None
    token = _issue(session, user, purpose=letter.kind, now=now) if letter.kind in GOOD_FOR else None
    return {"token": token, "device": shown_device(letter.data.get("device", "")), "until": user.erase_at}


def _issue(session: Session, user: User, *, purpose: str, now: datetime) -> str:
    token = secrets.token_urlsafe(BYTES)
    session.add(
        EmailToken(
            hash=secret_hash(token),
            user_id=user.id,
            purpose=purpose,
            email=user.email,
            expires_at=now + GOOD_FOR[purpose],
        )
    )
    session.flush()
    return token


def owner(session: Session, *, token: str, purpose: str, now: datetime) -> User:
    """Whose token this is, without using it.

    Raises:
        Refusal: `token_invalid`, `token_expired`.
    """
    found = session.scalar(
        select(EmailToken).where(EmailToken.hash == secret_hash(token), EmailToken.purpose == purpose)
    )
    if found is None:
        raise Refusal("token_invalid", "This link is not valid. Please ask for a new one.")
    if found.used_at is not None:
        raise Refusal("token_invalid", USED)
    if found.expires_at <= now:
        raise Refusal("token_expired", "This link has expired. Please ask for a new one.")
    user = session.get_one(User, found.user_id)
    if user.email.lower() != found.email.lower() or not _is_sent(user, purpose, now):
        raise Refusal("token_invalid", "This link is not valid any more.")
    return user


def verify(session: Session, *, token: str, now: datetime) -> None:
    """Prove the address that the token was sent to.

    Raises:
        Refusal: `token_invalid`, `token_expired`.
    """
    user = _use(session, token=token, purpose=VERIFY, now=now)
    if _prove(session, user, now):
        reconsider(session, user.id)


def reset_password(session: Session, *, token: str, new_hash: str, now: datetime) -> None:
    """Store a new password for whom the token was sent to, log them out everywhere, and end their other such tokens.

    That the mail came proves the address too.

    Raises:
        Refusal: `token_invalid`, `token_expired`.
    """
    user = _use(session, token=token, purpose=RESET, now=now)
    user.password_hash = new_hash
    proven = _prove(session, user, now)
    sign_in.password_was_changed(session, user_id=user.id, now=now)
    if proven:
        reconsider(session, user.id)


def _use(session: Session, *, token: str, purpose: str, now: datetime) -> User:
    """The owner of a token, locked, and the token used: of requests at once one does.

    The person first: two who use two tokens of one person would wait for each other crosswise.
    """
    user = owner(session, token=token, purpose=purpose, now=now)
    session.refresh(user, with_for_update={"key_share": True})
    used = session.scalar(
        update(EmailToken)
        .where(
            EmailToken.hash == secret_hash(token),
            EmailToken.used_at.is_(None),
            func.lower(EmailToken.email) == func.lower(user.email),
        )
        .values(used_at=now)
        .returning(EmailToken.hash)
        .execution_options(synchronize_session=False)
    )
    if used is None:
        raise Refusal("token_invalid", USED)
    return user


def _prove(session: Session, user: User, now: datetime) -> bool:
    """Note that the address is theirs; whether that is new."""
    new = user.email_verified_at is None
    if new:
        user.email_verified_at = now
    session.flush()
    return new


def purge_tokens(session: Session, *, now: datetime, most: int = 5000) -> int:
    """Delete tokens that expired more than a day ago; until then their owners are told so. How many."""
    old = chosen(select(EmailToken.hash).where(EmailToken.expires_at < now - timedelta(days=1)).limit(most))
    gone = session.scalars(delete(EmailToken).where(EmailToken.hash == old.c.hash).returning(EmailToken.hash))
    return len(gone.all())
