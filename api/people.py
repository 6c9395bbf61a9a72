"""Routes by which admins look after accounts and roles, and the log of what moderators and admins did."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from api.accounts import SIGNED_IN
from api.dependencies import Admin, Moderator
from api.errors import documented
from api.review import MAX_DAYS, REASON_LENGTHS
from api.shapes import Body, Limit, Offset, Page, Prose, Shape, Visible, with_example
from shared import audit, clock
from shared.accounts.models import Role, Status, User
from shared.moderation.models import Reason
from shared.review import people

router = APIRouter(prefix="/v1/admin", tags=["admin"])

OF_PEOPLE: Final = (*SIGNED_IN, "forbidden", "not_found", "validation_error")
_ACCOUNT: Final[dict[str, Any]] = {
    "id": "c81451ea-7cc4-405f-b696-522ddb820b9b",
    "name": "Ada",
    "username": "ada.l",
    "email": "ada@example.com",
    "email_verified": True,
    "role": "user",
    "status": "active",
    "suspended_until": None,
    "hidden_at": None,
    "likes_paused_until": None,
    "created_at": "2026-11-20T09:30:00Z",
    "last_active_at": "2026-11-24T18:45:00Z",
}
_ENTRY: Final[dict[str, Any]] = {
    "id": "9d6cf9c1-7cf9-4b60-9c7e-7f9f4ad5f6aa",
    "created_at": "2026-11-24T18:49:12Z",
    "actor_id": "c81451ea-7cc4-405f-b696-522ddb820b9c",
    "action": "case.warn",
    "user_id": "c81451ea-7cc4-405f-b696-522ddb820b9b",
    "case_id": "3f6f2f55-2b0a-4d6e-9d0c-0a1a7d0f9b3e",
    "details": {"reason": "You insulted somebody who had said no."},
}
Why = Annotated[Visible, StringConstraints(min_length=REASON_LENGTHS[0], max_length=REASON_LENGTHS[1])]


class AccountShape(Shape):
    """An account as those in charge see it. Only admins see addresses; nobody sees places or passwords."""

    model_config = with_example(_ACCOUNT)

    id: uuid.UUID
    name: str
    username: str | None
    email: str | None
    email_verified: bool
    role: Role
    status: Status
    suspended_until: datetime | None
    hidden_at: datetime | None
    likes_paused_until: datetime | None
    created_at: datetime
    last_active_at: datetime


class EntryShape(Shape):
    """Who did what to whom, and why. Without an actor it was a rule, or the command line."""

    model_config = with_example(_ENTRY)

    id: uuid.UUID
    created_at: datetime
    actor_id: uuid.UUID | None
    action: str
    user_id: uuid.UUID | None
    case_id: uuid.UUID | None
    details: dict[str, Any]


class RolePut(Body):
    """What somebody may do from now on."""

    model_config = with_example({"role": "moderator"})

    role: Role


class NewSuspension(Body):
    """For how many days (left out: for good), why, in words to the person, and which rule was broken."""

    model_config = with_example(
        {"days": 7, "rule": "spam", "reason": "You sent the same advertisement to forty people."}
    )

    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] | None = None
    rule: Reason
    reason: Why


class NewRestoration(Body):
    """Why, in words to the person."""

    model_config = with_example({"reason": "We mixed you up with somebody else. We are sorry."})

    reason: Why


@router.get(
    "/users",
    operation_id="list_users",
    summary="Accounts",
    responses=documented(*SIGNED_IN, "forbidden", "validation_error"),
)
async def list_users(
    moderator: Moderator,
    q: Annotated[Prose, Query(max_length=100, description="In the name, username or id; for admins, the address")] = "",
    status: Annotated[Status | None, Query()] = None,
    role: Annotated[Role | None, Query()] = None,
    sort: Annotated[people.Sort, Query(description="A field; with - the other way round")] = "-created_at",
    limit: Annotated[Limit, Query()] = 20,
    offset: Annotated[Offset, Query()] = 0,
) -> Page[AccountShape]:
    """Of any state."""
    return await moderator.run(_listed, q=q, status=status, role=role, sort=sort, limit=limit, offset=offset)


@router.get("/users/{user_id}", operation_id="get_user", summary="An account", responses=documented(*OF_PEOPLE))
async def get_user(moderator: Moderator, user_id: uuid.UUID) -> AccountShape:
    """Their profile is at `/v1/users/{id}`, which moderators see of everybody."""
    return await moderator.run(_one, user_id=user_id)


@router.put(
    "/users/{user_id}/role", operation_id="change_role", summary="Change a role", responses=documented(*OF_PEOPLE)
)
async def change_role(admin: Admin, user_id: uuid.UUID, body: RolePut) -> AccountShape:
    """Of anybody but yourself, so that an admin is always left."""
    return await admin.run(_changed, user_id=user_id, role=body.role)


@router.post(
    "/users/{user_id}/suspend",
    operation_id="suspend_user",
    summary="Suspend or ban somebody",
    responses=documented(*OF_PEOPLE, "invalid_transition"),
)
async def suspend_user(admin: Admin, user_id: uuid.UUID, body: NewSuspension) -> AccountShape:
    """A case that is decided at once, with what waits about them; they can object as to any other."""
    return await admin.run(_suspended, user_id=user_id, body=body)


@router.post(
    "/users/{user_id}/restore",
    operation_id="restore_user",
    summary="End a suspension, a ban or hiding",
    responses=documented(*OF_PEOPLE, "invalid_transition"),
)
async def restore_user(admin: Admin, user_id: uuid.UUID, body: NewRestoration) -> AccountShape:
    """They come back to the state they were suspended from."""
    return await admin.run(_restored, user_id=user_id, body=body)


@router.get(
    "/audit",
    operation_id="list_audit",
    summary="The audit log",
    responses=documented(*SIGNED_IN, "forbidden", "validation_error"),
)
async def list_audit(
    admin: Admin,
    actor_id: Annotated[uuid.UUID | None, Query()] = None,
    user_id: Annotated[uuid.UUID | None, Query()] = None,
    action: Annotated[Prose | None, Query(max_length=100)] = None,
    limit: Annotated[Limit, Query()] = 20,
    offset: Annotated[Offset, Query()] = 0,
) -> Page[EntryShape]:
    """The newest first. Nothing in it can be changed."""
    return await admin.run(_entries, actor_id=actor_id, user_id=user_id, action=action, limit=limit, offset=offset)


def account_shape(person: User, *, viewer: User) -> AccountShape:
    """The shape of an account for somebody in charge."""
    return AccountShape(
        id=person.id,
        name=person.name,
        username=person.username,
        email=person.email if viewer.role == Role.ADMIN else None,
        email_verified=person.email_verified_at is not None,
        role=Role(person.role),
        status=Status(person.status),
        suspended_until=person.suspended_until,
        hidden_at=person.hidden_at,
        likes_paused_until=person.likes_paused_until,
        created_at=person.created_at,
        last_active_at=person.last_active_at,
    )


def _listed(session: Session, user: User, /, **wanted: Any) -> Page[AccountShape]:  # noqa: ANN401 - of `people.found`
    rows, total = people.found(session, user, **wanted)
    items = [account_shape(person, viewer=user) for person in rows]
    return Page(items=items, total=total, limit=wanted["limit"], offset=wanted["offset"])


def _one(session: Session, user: User, *, user_id: uuid.UUID) -> AccountShape:
    return account_shape(people.one(session, user, user_id=user_id), viewer=user)


def _changed(session: Session, user: User, *, user_id: uuid.UUID, role: Role) -> AccountShape:
    return account_shape(people.change_role(session, user, user_id=user_id, role=role), viewer=user)


def _suspended(session: Session, user: User, *, user_id: uuid.UUID, body: NewSuspension) -> AccountShape:
    person = people.suspend(
        session, user, user_id=user_id, days=body.days, reason=body.reason, rule=body.rule, now=clock.now()
    )
    return account_shape(person, viewer=user)


def _restored(session: Session, user: User, *, user_id: uuid.UUID, body: NewRestoration) -> AccountShape:
    person = people.restore(session, user, user_id=user_id, reason=body.reason, now=clock.now())
    return account_shape(person, viewer=user)


def _entries(session: Session, _user: User, /, **wanted: Any) -> Page[EntryShape]:  # noqa: ANN401 - of `audit.entries`
    rows, total = audit.entries(session, **wanted)
    items = [EntryShape.model_validate(entry) for entry in rows]
    return Page(items=items, total=total, limit=wanted["limit"], offset=wanted["offset"])
