"""Devices that an account knows: whoever guesses its password elsewhere cannot keep its owner from logging in there.

As OWASP's device cookies: a login hands out a token that is good for nothing but to be counted apart from all others.
Addresses would not do for that: who shares one's household would find out by trying whether one is here.
"""

import uuid
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts.models import EmailToken, LoginSession
from shared.accounts.tokens import Claims, KeyRing, new_secret, secret_hash
from shared.errors import Refusal

RESET: Final = "reset_password"  # the purpose of a link to choose a new password
KNOWN_FOR: Final = timedelta(days=365)


def issue(login: LoginSession, *, keys: KeyRing, now: datetime) -> str:
    """A token that shows to later logins that this one was on the same device."""
    claims = Claims(login.user_id, login.id, new_secret()[:22])
    return keys.issue("device", claims, issued=now, expires=now + KNOWN_FOR)


def known(session: Session, *, user_id: uuid.UUID | None, token: str | None, keys: KeyRing, now: datetime) -> str:
    """Which of this account's devices a token names; empty when it names none.

    The token of a link with which a new password was chosen is as good for as long as the link was: so whoever has the
    mailbox can always log in, also on a new device.
    """
    if token is None:
        return ""
    try:
        claims = keys.read(token, "device")
    except Refusal:
        chosen = select(EmailToken.user_id).where(
            EmailToken.hash == secret_hash(token),
            EmailToken.purpose == RESET,
            EmailToken.used_at.is_not(None),
            EmailToken.expires_at > now,
        )
        owner, device = session.scalar(chosen), secret_hash(token).hex()
    else:
        owner, device = claims.user_id, claims.jti
    return device if owner is not None and owner == user_id else ""
