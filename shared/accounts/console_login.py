"""Logging in at the admin console: sessions beside those of the API, whose tokens do not open it."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared import audit
from shared.accounts import devices
from shared.accounts.models import LoginSession, Role, Status, User
from shared.accounts.tokens import KeyRing, new_secret, secret_hash
from shared.errors import Refusal
from shared.settings import settings

DEVICE: Final = "Admin console"
LONGEST: Final = timedelta(hours=12)  # a session ends after so long however much it is used
STEP: Final = timedelta(minutes=1)  # how exact `idle_until` is; saves a write per page

_STAFF: Final = {
    Role.MODERATOR: (Role.MODERATOR.value, Role.ADMIN.value),
    Role.ADMIN: (Role.ADMIN.value,),
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session, and what later shows that it was on this device."""

    session_id: uuid.UUID
    device_token: str


def open_session(
    session: Session,
    *,
    user_id: uuid.UUID,
    verified_hash: str,
    renewed_hash: str | None,
    keys: KeyRing,
    now: datetime,
) -> Opened:
    """Begin a session at the console for somebody whose password has been verified against `verified_hash`.

    Raises:
        Refusal: `invalid_credentials` for everybody but moderators and admins who may be here, as for a wrong password.
    """
    user = session.get(User, user_id, with_for_update={"key_share": True})
    if user is None or user.password_hash != verified_hash or not _may_enter(user):
        raise Refusal("invalid_credentials")
    if renewed_hash is not None:
        user.password_hash = renewed_hash
    login = LoginSession(
        user_id=user.id,
        token_hash=secret_hash(new_secret()),  # of a secret that nobody has: nothing can be refreshed here
        rotated_at=now,
        idle_until=now + _idle(),
        expires_at=now + LONGEST,
        device=DEVICE,
    )
    session.add(login)
    session.flush()
    audit.record(session, actor_id=user.id, action="console.login")
    return Opened(login.id, devices.issue(login, keys=keys, now=now))


def authenticate(session: Session, *, session_id: uuid.UUID, least: Role, now: datetime) -> User:
    """Whoever has this session at the console, which goes on; read anew each time, so every ending acts at once.

    Raises:
        Refusal: `not_authenticated` when it has ended or they may not be here any more, `forbidden` when they may, but
            their role is less than `least`.
    """
    found = session.execute(
        select(User, LoginSession.idle_until)
        .join(LoginSession, LoginSession.user_id == User.id)
        .where(
            LoginSession.id == session_id,
            LoginSession.device == DEVICE,
            LoginSession.revoked_at.is_(None),
            LoginSession.idle_until > now,
            LoginSession.expires_at > now,
        )
    ).one_or_none()
    if found is None or not _may_enter(found[0]):
        raise Refusal("not_authenticated")
    user, idle_until = found
    if user.role not in _STAFF[least]:
        raise Refusal("forbidden")
    if idle_until < now + _idle() - STEP:
        going = update(LoginSession).where(LoginSession.id == session_id, LoginSession.revoked_at.is_(None))
        session.execute(going.values(idle_until=now + _idle(), rotated_at=now))
    return user


def _may_enter(user: User) -> bool:
    return user.role in _STAFF[Role.MODERATOR] and user.status in {Status.ACTIVE, Status.PAUSED}


def _idle() -> timedelta:
    return timedelta(minutes=settings().admin_idle_minutes)
