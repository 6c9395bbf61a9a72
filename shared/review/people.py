"""Accounts as admins look after them: finding people, their roles, suspending them and bringing them back."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Text, cast, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared import audit
from shared.accounts import bans
from shared.accounts.models import Role, Status, User
from shared.accounts.service import lock_all, reconsider
from shared.errors import Refusal
from shared.moderation import service as moderation
from shared.moderation.models import Notice
from shared.moderation.rules import RULES, Decision, NoticeKind
from shared.moderation.service import Statement
from shared.review import cases, decisions, suspensions
from shared.review.decisions import Verdict

Sort = Literal["created_at", "-created_at", "name", "-name", "last_active_at", "-last_active_at"]
_SORTS: Final[dict[str, InstrumentedAttribute[object]]] = {
    "created_at": User.created_at,
    "name": User.name,
    "last_active_at": User.last_active_at,
}
NOBODY: Final = "There is no such account."
RESTORED: Final = "Your account works again."


def found(
    session: Session,
    moderator: User,
    *,
    q: str,
    status: Status | None,
    role: Role | None,
    sort: Sort,
    limit: int,
    offset: int,
) -> tuple[Sequence[User], int]:
    """(a slice of the accounts, how many there are) with `q` in name, username or id, or for admins in the address."""
    wanted = []
    if q:
        fields = [User.name, User.username, cast(User.id, Text)]
        if moderator.role == Role.ADMIN:
            fields.append(User.email)
        wanted.append(or_(*(field.icontains(q, autoescape=True) for field in fields)))
    if status is not None:
        wanted.append(User.status == status)
    if role is not None:
        wanted.append(User.role == role)
    total = session.scalar(select(func.count()).select_from(User).where(*wanted)) or 0
    column = _SORTS[sort.removeprefix("-")]
    order = column.desc() if sort.startswith("-") else column.asc()
    rows = select(User).where(*wanted).order_by(order, User.id).limit(limit).offset(offset)
    return session.scalars(rows).all(), total


def one(session: Session, _moderator: User, *, user_id: uuid.UUID) -> User:
    """An account, whatever its state.

    Raises:
        Refusal: `not_found`.
    """
    person = session.get(User, user_id)
    if person is None:
        raise Refusal("not_found", NOBODY)
    return person


def change_role(session: Session, admin: User, *, user_id: uuid.UUID, role: Role) -> User:
    """Give somebody a role. Nobody changes their own, so that an admin is always left.

    Raises:
        Refusal: `not_found`, `forbidden` for one's own.
    """
    if user_id == admin.id:
        raise Refusal("forbidden", "Nobody changes their own role: ask another admin.")
    person = _locked(session, admin, user_id)
    if person.role != role:
        audit.record(
            session, actor_id=admin.id, action="user.role", user_id=person.id, before=person.role, after=role.value
        )
        person.role = role
    session.flush()
    session.refresh(person)
    return person


def suspend(
    session: Session, admin: User, *, user_id: uuid.UUID, days: int | None, reason: str, rule: str, now: datetime
) -> User:
    """Suspend somebody for so many days, or ban them without, as a case that is decided at once.

    Raises:
        Refusal: `not_found`, `forbidden` for oneself or on an appeal against one's own decision, `invalid_transition`
            while somebody else looks at their case.
    """
    if user_id == admin.id:
        raise Refusal("forbidden", "Nobody suspends themself.")
    person = _locked(session, admin, user_id)
    case = moderation.open_case(session, user_id=person.id, now=now)
    cases.take(session, admin, case_id=case.id, now=now)
    decision = Decision.BAN if days is None else Decision.SUSPEND
    verdict = Verdict(decision=decision, reason=reason, rule=rule, days=days)
    decisions.resolve(session, admin, case_id=case.id, verdict=verdict, now=now)
    session.flush()
    session.refresh(person)
    return person


def restore(session: Session, admin: User, *, user_id: uuid.UUID, reason: str, now: datetime) -> User:
    """End a suspension or a ban; what was kept against their return is forgotten. Who is hidden has a case to decide.

    Raises:
        Refusal: `not_found`, `forbidden` for oneself, `invalid_transition` when there is nothing to end.
    """
    if user_id == admin.id:
        raise Refusal("forbidden", "Nobody restores themself.")
    person = _locked(session, admin, user_id)
    if not suspensions.end(session, person):
        raise Refusal("invalid_transition", "This account is not suspended. Who is hidden has a case: decide on it.")
    for case_id in session.scalars(select(Notice.case_id).where(Notice.user_id == person.id, Notice.kind == "banned")):
        if case_id is not None:
            bans.lift(session, case_id=case_id)
    reconsider(session, person.id)
    statement = Statement(
        kind=NoticeKind.RESTORED, facts=f"{RESTORED} {reason}", rule=RULES["other"], decided_by=admin.id
    )
    moderation.give_notice(session, statement, user_id=person.id, case_id=None, now=now)
    audit.record(session, actor_id=admin.id, action="user.restored", user_id=person.id, reason=reason)
    session.flush()
    session.refresh(person)
    return person


def _locked(session: Session, admin: User, user_id: uuid.UUID) -> User:
    """The person, locked with the admin: of two who take each other's role, one is late and has none any more."""
    lock_all(session, (admin.id, user_id))
    now = session.get_one(User, admin.id, populate_existing=True)
    if now.role != Role.ADMIN or now.status not in {Status.ACTIVE, Status.PAUSED}:
        raise Refusal("forbidden")
    person = session.get(User, user_id, populate_existing=True)
    if person is None:
        raise Refusal("not_found", NOBODY)
    return person
