"""Accounts: signing up and editing what one says about oneself."""

import math
import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg.errors import UniqueViolation
from sqlalchemy import ScalarSelect, and_, case, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import audit, ledger
from shared.accounts import bans, rules
from shared.accounts.models import BanKind, Role, Status, User
from shared.errors import Refusal
from shared.jobs import REFRESH_QUEUE
from shared.mail import service as mail
from shared.settings import settings

PATIENCE: Final = "1s"
DAY: Final = timedelta(days=1)
UNRANKED: Final = frozenset({"name", "username", "time_zone"})  # what no rank depends on


def sign_up(session: Session, *, password_hash: str, now: datetime, columns: dict[str, Any]) -> User:
    """Create an account, and have its address proven; `columns` are those of a user.

    Raises:
        Refusal: `underage`, `email_taken` or `username_taken`, or `forbidden` with the address of somebody banned.
    """
    user = User(password_hash=password_hash, **columns)
    if bans.is_banned(session, BanKind.EMAIL, user.email):
        raise Refusal("forbidden", "No account can be opened with this address.")
    today = now.astimezone(ZoneInfo(user.time_zone)).date()
    if rules.age(user.birth_date, today) < settings().minimum_age:
        raise Refusal("underage", f"You must be {settings().minimum_age} or older to join.")
    _check_username(session, user.username)
    session.add(user)
    _flush(session)
    mail.post(session, kind="verify_email", user_id=user.id, now=now)
    return user


def edit(session: Session, user: User, *, changes: dict[str, Any], now: datetime) -> User:
    """Change columns of one's own account.

    Raises:
        Refusal: `username_taken`, `rate_limited` when they have been in too many places lately, or `validation_error`
            when the age range would end before it begins.
    """
    _reread(session, user)
    before = user.place
    if "username" in changes:
        _check_username(session, changes["username"])
    for column, value in changes.items():
        setattr(user, column, value)
    if user.min_age > user.max_age:
        raise Refusal("validation_error", "The age range must not end before it begins.")
    _flush(session)
    session.refresh(user)
    if user.place is not None and user.place != before:
        _move_to(session, user, now)
    if changes.keys() - UNRANKED:
        reconsider(session, user.id)
    return user


def _move_to(session: Session, user: User, now: datetime) -> None:
    """Count that they are somewhere else. Without a limit, distances from everywhere would show where people are."""
    lately = [moved for moved in user.moved_at if moved > now - DAY]
    if len(lately) >= settings().moves_per_day:
        wait = math.ceil((min(lately) + DAY - now).total_seconds())
        raise Refusal(
            "rate_limited",
            "Your location has changed too often today. It can be changed again later; you still see people around the "
            "last one.",
            details={"retry_after_seconds": wait, "field": "location"},
            headers={"Retry-After": str(wait)},
        )
    user.moved_at = [*lately, now]
    session.flush()
    session.refresh(user)


def reconsider(session: Session, *user_ids: uuid.UUID) -> None:
    """Something that ranking knows of these people has changed: have their queues made anew, once for many changes."""
    delay = timedelta(seconds=settings().discovery_delay_seconds)
    ledger.ask(session, REFRESH_QUEUE, *map(str, user_ids), delay=delay)


def pause(session: Session, user: User) -> User:
    """Hide from discovery until resumed; again is no error.

    Of somebody who is dating it outlasts that.
    """
    paused = _move(session, user, Status.ACTIVE, Status.PAUSED)
    paused.paused_by_dating = False
    return paused


def resume(session: Session, user: User) -> User:
    """Come back from a pause; again is no error.

    Raises:
        Refusal: `invalid_transition` while they are dating.
    """
    _reread(session, user)
    if user.dating_match_id is not None:
        raise Refusal("invalid_transition", "You are paused while you are dating. End that first.")
    return _move(session, user, Status.PAUSED, Status.ACTIVE)


def begin_dating(session: Session, *, user_ids: Collection[uuid.UUID], match_id: uuid.UUID) -> bool:
    """Pause two people who begin to date, unless one of them already does or may not; whether. Lock them first."""
    free = [User.id.in_(user_ids), User.dating_match_id.is_(None), User.status.in_([Status.ACTIVE, Status.PAUSED])]
    if session.scalar(select(func.count()).select_from(User).where(*free)) != len(user_ids):
        return False
    session.execute(
        update(User)
        .where(User.id.in_(user_ids))
        .values(dating_match_id=match_id, paused_by_dating=User.status == Status.ACTIVE, status=Status.PAUSED)
    )
    reconsider(session, *user_ids)
    return True


def end_dating(session: Session, *, match_id: uuid.UUID) -> None:
    """Bring those back who were paused by dating; who had paused before stays so. Lock them first."""
    resumes = and_(User.paused_by_dating, User.status == Status.PAUSED)
    free = session.scalars(
        update(User)
        .where(User.dating_match_id == match_id)
        .values(dating_match_id=None, paused_by_dating=False, status=case((resumes, Status.ACTIVE), else_=User.status))
        .returning(User.id)
    ).all()
    reconsider(session, *free)


def _move(session: Session, user: User, before: Status, after: Status) -> User:
    _reread(session, user)
    if user.status not in {before, after}:
        raise Refusal("invalid_transition")
    user.status = after
    session.flush()
    session.refresh(user)
    reconsider(session, user.id)
    return user


def lock(session: Session, user_id: uuid.UUID | ScalarSelect[uuid.UUID]) -> None:
    """Make this person's changes wait for each other until the transaction ends; readers do not wait."""
    session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))


def lock_all(session: Session, user_ids: Iterable[uuid.UUID]) -> Sequence[uuid.UUID]:
    """`lock` several people, in one order everywhere, so that no two who lock some of the same deadlock.

    Returns the ids of those who are still there. Fails when one of them stays locked by others for longer than
    PATIENCE: the rest are locked already, and would wait as well.
    """
    session.execute(select(func.set_config("lock_timeout", PATIENCE, True)))  # noqa: FBT003 - of this transaction only
    locked = session.scalars(
        select(User.id).where(User.id.in_(list(user_ids))).order_by(User.id).with_for_update(key_share=True)
    ).all()
    session.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
    return locked


def find_by_login(session: Session, login: str) -> User | None:
    """The account of an e-mail address (whatever its case) or username."""
    return session.scalar(
        select(User).where(or_(func.lower(User.email) == func.lower(login), User.username == login.lower()))
    )


def set_role(session: Session, *, login: str, role: Role) -> User:
    """Give somebody a role.

    Raises:
        Refusal: `not_found`.
    """
    user = find_by_login(session, login)
    if user is None:
        raise Refusal("not_found", f"There is no account {login}.")
    audit.record(session, actor_id=None, action="user.role", user_id=user.id, before=user.role, after=role.value)
    user.role = role
    return user


def create_admin(session: Session, *, email: str, password_hash: str, now: datetime) -> User:
    """Create an account that runs the system and is shown to nobody: it is paused, and has no profile.

    Raises:
        Refusal: `email_taken`.
    """
    admin = User(
        email=email,
        email_verified_at=now,
        name="Admin",
        password_hash=password_hash,
        birth_date=rules.years_before(now.date(), settings().minimum_age),
        role=Role.ADMIN,
        status=Status.PAUSED,
    )
    session.add(admin)
    _flush(session)
    audit.record(session, actor_id=None, action="user.role", user_id=admin.id, before="nobody", after=Role.ADMIN)
    return admin


def _reread(session: Session, user: User) -> None:
    """Lock the row and see it as it is now: another request may have changed it since it was read."""
    session.refresh(user, with_for_update={"key_share": True})


def _check_username(session: Session, username: str | None) -> None:
    """Nobody takes the name of somebody who was banned, to be taken for them."""
    if username is not None and bans.is_banned(session, BanKind.USERNAME, username):
        raise Refusal("username_taken")


def _flush(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        constraint = error.orig.diag.constraint_name if isinstance(error.orig, UniqueViolation) else None
        if constraint == "uq_users_email":
            raise Refusal("email_taken") from None
        if constraint == "uq_users_username":
            raise Refusal("username_taken") from None
        raise
