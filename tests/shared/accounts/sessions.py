"""What tests of sessions and their tokens share."""

import uuid
from datetime import UTC, datetime, timedelta

import jwt
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.accounts import sign_in
from shared.accounts.models import LoginSession, Role, Status, User
from shared.accounts.sign_in import TokenPair
from shared.accounts.tokens import Claims, KeyRing
from shared.errors import Refusal
from shared.settings import settings
from tests.people import make_user

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = KeyRing(settings())
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
GRACE = timedelta(seconds=settings().refresh_grace_seconds)


def claims_of(token: str) -> Claims:
    """What a token says, at whatever time."""
    said = jwt.decode(token, options={"verify_signature": False})
    return Claims(uuid.UUID(said["sub"]), uuid.UUID(said["sid"]), said["jti"])


def log_in(session: Session, user: User | None = None, *, now: datetime = NOW, device: str = "") -> TokenPair:
    user = user or make_user(session, last_active_at=NOW)
    return sign_in.open_session(
        session,
        user_id=user.id,
        verified_hash=user.password_hash,
        renewed_hash=None,
        device=device,
        keys=KEYS,
        now=now,
    )[1]


def refresh(session: Session, token: str, *, now: datetime = NOW, keys: KeyRing = KEYS) -> TokenPair | str:
    return sign_in.refresh(session, claims=claims_of(token), keys=keys, now=now)


def refreshed(session: Session, token: str, *, now: datetime = NOW, keys: KeyRing = KEYS) -> TokenPair:
    pair = refresh(session, token, now=now, keys=keys)
    assert isinstance(pair, TokenPair), pair
    return pair


def authenticate(session: Session, token: str, *, least: Role = Role.USER, now: datetime = NOW) -> User:
    return sign_in.authenticate(session, claims=claims_of(token), least=least, now=now)


def is_in(session: Session, pair: TokenPair, *, now: datetime = NOW) -> bool:
    """Whether the access token opens the door."""
    try:
        authenticate(session, pair.access_token, now=now)
    except Refusal as refusal:
        if refusal.code != "token_invalid":
            raise
        return False
    return True


def row(session: Session, token: str) -> LoginSession:
    found = session.get(LoginSession, claims_of(token).session_id, populate_existing=True)
    assert found is not None
    return found


def revoked(session: Session, token: str) -> str | None:
    return row(session, token).revoked_why


def set_status(session: Session, user_id: uuid.UUID, status: Status) -> None:
    session.execute(update(User).where(User.id == user_id).values(status=status))
