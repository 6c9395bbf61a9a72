"""Logging in, staying logged in, and the ends of sessions."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ARRAY, Uuid, any_, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import events, log
from shared.accounts import devices
from shared.accounts.models import EmailToken, LoginAttempts, LoginSession, Role, Status, User
from shared.accounts.service import find_by_login
from shared.accounts.tokens import Claims, KeyRing, new_secret, secret_hash
from shared.errors import Refusal
from shared.mail import service as mail
from shared.models import chosen
from shared.settings import settings

ACTIVITY_STEP = timedelta(minutes=5)  # how exact `last_active_at` is; saves a write per request
KEEP_ENDED = timedelta(days=30)  # ended sessions stay that long, to recognise their tokens
RESET = devices.RESET
_RANK = {role: rank for rank, role in enumerate(Role)}
_log = log.logger(__name__)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a login or a refresh returns; a login also what later shows that it was on this device."""

    access_token: str
    refresh_token: str
    user_id: uuid.UUID
    device_token: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a try to log in is about: the account, if there is one, and under which name and device tries are counted.

    `name` is as the lookup compares it, so that no other spelling of the same login counts anew. `device` is empty for
    all devices that the account does not know.
    """

    name: str
    device: str
    user_id: uuid.UUID | None
    password_hash: str | None


def credentials(session: Session, *, login: str, device_token: str | None, keys: KeyRing, now: datetime) -> Credentials:
    """Whose e-mail address or username this is, and the hash to verify the password against outside the transaction."""
    name = str(session.scalar(select(func.lower(login)))).lower()
    user = find_by_login(session, login)
    device = devices.known(session, user_id=user.id if user else None, token=device_token, keys=keys, now=now)
    return Credentials(name, device, user.id if user else None, user.password_hash if user else None)


def open_session(
    session: Session,
    *,
    user_id: uuid.UUID,
    verified_hash: str,
    renewed_hash: str | None,
    device: str,
    keys: KeyRing,
    now: datetime,
) -> tuple[User, TokenPair]:
    """Begin a login session for somebody whose password has been verified against `verified_hash`.

    Somebody suspended gets one too, in which they can do little more than read why, and object.

    Raises:
        Refusal: `invalid_credentials` when the password was changed meanwhile.
    """
    user = session.get(User, user_id, with_for_update={"key_share": True})
    if user is None or user.password_hash != verified_hash or user.status == Status.DELETING:
        raise Refusal("invalid_credentials")
    if renewed_hash is not None:
        user.password_hash = renewed_hash
    user.last_active_at = now
    user.email = user.email  # which hashes it, of accounts that an older version has made
    secret = new_secret()
    expires = now + timedelta(days=settings().session_max_days)
    login = LoginSession(
        user_id=user.id,
        token_hash=secret_hash(secret),
        rotated_at=now,
        idle_until=min(now + timedelta(days=settings().refresh_token_expire_days), expires),
        expires_at=expires,
        device=device[:200],
    )
    session.add(login)
    session.flush()
    session.refresh(user)
    device_token = devices.issue(login, keys=keys, now=now)
    return user, replace(_pair(login, secret, keys=keys, now=now), device_token=device_token)


def refresh(
    session: Session, *, claims: Claims, keys: KeyRing, now: datetime
) -> TokenPair | Literal["token_reused", "token_invalid", "token_expired", "account_suspended"]:
    """Trade a refresh token for a new pair, or say why not.

    An outcome and not an exception, because finding a stolen token must end the session, and an exception would roll
    that back. One conditional UPDATE decides among racing requests: the others find themselves within the grace and
    get the very same successor.
    """
    values = settings()
    mine, following = secret_hash(claims.jti), keys.successor(claims.jti)
    rotated = session.scalar(
        update(LoginSession)
        .where(
            LoginSession.id == claims.session_id,
            LoginSession.user_id == claims.user_id,
            LoginSession.token_hash == mine,
            LoginSession.revoked_at.is_(None),
            LoginSession.idle_until > now,
            LoginSession.user_id.in_(select(User.id).where(User.status.in_([Status.ACTIVE, Status.PAUSED]))),
        )
        .values(
            prev_hash=mine,
            token_hash=secret_hash(following),
            rotated_at=now,
            idle_until=func.least(now + timedelta(days=values.refresh_token_expire_days), LoginSession.expires_at),
        )
        .returning(LoginSession)
        .execution_options(synchronize_session=False)
    )
    if rotated is not None:
        return _pair(rotated, following, keys=keys, now=now)
    login = session.scalar(select(LoginSession).where(LoginSession.id == claims.session_id))
    if login is None or login.user_id != claims.user_id:
        return "token_invalid"
    if login.revoked_at is not None:
        return "token_reused" if login.revoked_why == "token reused" else "token_invalid"
    if login.prev_hash == mine and now - login.rotated_at <= timedelta(seconds=values.refresh_grace_seconds):
        told = [secret for secret in keys.successors(claims.jti) if secret_hash(secret) == login.token_hash]
        return _pair(login, told[0], keys=keys, now=now) if told else "token_invalid"
    if login.token_hash == mine:
        return "token_expired" if login.idle_until <= now else _shut_out(session, claims.user_id)
    _log.warning("refresh token reused", user_id=claims.user_id, session_id=login.id)
    if _end(session, user_id=claims.user_id, now=now, why="token reused", only=login.id):  # of several at once one does
        mail.post(session, kind="login_ended", user_id=claims.user_id, now=now, data={"device": login.device})
    return "token_reused"


def _shut_out(session: Session, user_id: uuid.UUID) -> Literal["account_suspended", "token_invalid"]:
    status = session.scalar(select(User.status).where(User.id == user_id))
    return "account_suspended" if status == Status.SUSPENDED else "token_invalid"


def authenticate(session: Session, *, claims: Claims, least: Role, now: datetime, even_suspended: bool = False) -> User:
    """The user of an access token whose session has not ended; one query, so every ending acts at once.

    Raises:
        Refusal: `token_invalid`, `account_suspended`, `forbidden` (the role is less than `least`).
    """
    user = session.scalar(
        select(User)
        .join(LoginSession, LoginSession.user_id == User.id)
        .where(
            User.id == claims.user_id,
            LoginSession.id == claims.session_id,
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now,
        )
    )
    if user is None or user.status == Status.DELETING:
        raise Refusal("token_invalid")
    if user.status == Status.SUSPENDED and not even_suspended:
        raise suspended(user)
    if _RANK[Role(user.role)] < _RANK[least]:
        raise Refusal("forbidden")
    return user


def suspended(user: User, **more: object) -> Refusal:
    """The refusal of everything while somebody is suspended."""
    ends = f" until {user.suspended_until:%-d %B %Y, %H:%M} UTC" if user.suspended_until else ""
    return Refusal(
        "account_suspended",
        f"This account is suspended{ends}. Your notices say why, and how to object.",
        details={"until": user.suspended_until, "notices": "/v1/notices", **more},
    )


def still_signed_in(session: Session, *, session_ids: Iterable[uuid.UUID], now: datetime) -> set[uuid.UUID]:
    """Those of these sessions that have not ended, of people who may be here."""
    found = session.scalars(
        select(LoginSession.id)
        .join(User, User.id == LoginSession.user_id)
        .where(
            LoginSession.id == any_(literal(list(session_ids), ARRAY(Uuid))),
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now,
            User.status.in_([Status.ACTIVE, Status.PAUSED]),
        )
    )
    return set(found)


def was_here(session: Session, *, user_id: uuid.UUID, now: datetime) -> None:
    """Note that somebody is active, unless it was noted lately or somebody else holds their row: it waits for nobody.

    In a transaction of its own, so that no other lock is taken while it has theirs.
    """
    stale = select(User.id).where(User.id == user_id, User.last_active_at < now - ACTIVITY_STEP)
    them = chosen(stale, key_share=True)
    session.execute(update(User).where(User.id == them.c.id).values(last_active_at=now, updated_at=User.updated_at))


def sessions(session: Session, user: User, *, now: datetime) -> Sequence[LoginSession]:
    """The person's living sessions, the one used last first."""
    living = (LoginSession.revoked_at.is_(None), LoginSession.idle_until > now)
    return session.scalars(
        select(LoginSession)
        .where(LoginSession.user_id == user.id, *living)
        .order_by(LoginSession.rotated_at.desc(), LoginSession.id)
    ).all()


def end_session(session: Session, user: User, *, session_id: uuid.UUID, now: datetime) -> None:
    """Log one device out.

    Raises:
        Refusal: `not_found` when it is not a living session of theirs.
    """
    if not _end(session, user_id=user.id, now=now, why="ended", only=session_id):
        raise Refusal("not_found", "There is no such session.")


def log_out(session: Session, *, claims: Claims, now: datetime) -> None:
    """End the session that a token of either type names; again is no error."""
    _end(session, user_id=claims.user_id, now=now, why="logged out", only=claims.session_id)


def end_all_sessions(session: Session, user: User, *, now: datetime, why: str = "logged out everywhere") -> None:
    """Log out everywhere."""
    _end(session, user_id=user.id, now=now, why=why)


def change_password(
    session: Session, user: User, *, verified_hash: str, new_hash: str, session_id: uuid.UUID, now: datetime
) -> None:
    """Store a new password, end every other session, and tell its owner.

    Raises:
        Refusal: `invalid_credentials` when the password was changed meanwhile.
    """
    changed = session.execute(
        update(User)
        .where(User.id == user.id, User.password_hash == verified_hash)
        .values(password_hash=new_hash)
        .returning(User.id)
    )
    if changed.first() is None:
        raise Refusal("invalid_credentials")
    password_was_changed(session, user_id=user.id, now=now, keep=session_id)


def password_was_changed(session: Session, *, user_id: uuid.UUID, now: datetime, keep: uuid.UUID | None = None) -> None:
    """End every session but the one to keep, and every link to choose a password; tell the owner by mail."""
    _end(session, user_id=user_id, now=now, why="password changed", keep=keep)
    links = update(EmailToken).where(EmailToken.user_id == user_id, EmailToken.purpose == RESET)
    session.execute(links.where(EmailToken.used_at.is_(None)).values(used_at=now))
    mail.post(session, kind="password_changed", user_id=user_id, now=now)


def purge_sessions(session: Session, *, now: datetime, most: int = 5000) -> int:
    """Delete sessions that ended long ago, and old counters of tries; how many sessions."""
    long_ago = now - KEEP_ENDED
    old = chosen(
        select(LoginSession.id)
        .where(or_(LoginSession.idle_until < long_ago, LoginSession.revoked_at < long_ago))
        .limit(most)
    )
    session.execute(delete(LoginAttempts).where(LoginAttempts.minute < now - timedelta(hours=1)))
    gone = session.scalars(delete(LoginSession).where(LoginSession.id == old.c.id).returning(LoginSession.id))
    return len(gone.all())


def count_attempt(session: Session, *, key: str, now: datetime) -> int:
    """Count a try to log in and return how many there were in this minute; stands in for Redis while that is away."""
    statement = insert(LoginAttempts).values(key=key, minute=now.replace(second=0, microsecond=0))
    tries = session.scalar(
        statement.on_conflict_do_update(
            index_elements=[LoginAttempts.key, LoginAttempts.minute],
            set_={"tries": func.least(LoginAttempts.tries + 1, 32000)},
        ).returning(LoginAttempts.tries)
    )
    return tries or 0


def attempts(session: Session, *, key: str, since: datetime) -> int:
    """How many tries of a key `count_attempt` has counted."""
    lately = (LoginAttempts.key == key, LoginAttempts.minute > since)
    return session.scalar(select(func.coalesce(func.sum(LoginAttempts.tries), 0)).where(*lately)) or 0


def _end(
    session: Session,
    *,
    user_id: uuid.UUID,
    now: datetime,
    why: str,
    only: uuid.UUID | None = None,
    keep: uuid.UUID | None = None,
) -> bool:
    which = [LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None)]
    if only is not None:
        which.append(LoginSession.id == only)
    if keep is not None:
        which.append(LoginSession.id != keep)
    ended = session.scalars(
        update(LoginSession).where(*which).values(revoked_at=now, revoked_why=why).returning(LoginSession.id)
    ).all()
    if ended:
        events.note(session, user_id=user_id, kind=events.ENDED, data={})
    return bool(ended)


def _pair(login: LoginSession, secret: str, *, keys: KeyRing, now: datetime) -> TokenPair:
    access = Claims(login.user_id, login.id, new_secret()[:22])
    return TokenPair(
        keys.issue(
            "access", access, issued=now, expires=now + timedelta(minutes=settings().access_token_expire_minutes)
        ),
        keys.issue(
            "refresh", Claims(login.user_id, login.id, secret), issued=login.rotated_at, expires=login.idle_until
        ),
        login.user_id,
    )
