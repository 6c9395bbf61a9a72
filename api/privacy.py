"""Routes of what people may ask for: all that is held about them, and that their account goes away."""

import uuid
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, status
from sqlalchemy.orm import Session

from api.accounts import EVEN_SUSPENDED, Password
from api.creating import CreatingEvenSuspended
from api.dependencies import MeEvenSuspended, PasswordHashing, RateLimits
from api.errors import documented
from api.media import absolute
from api.shapes import Body, Limit, Offset, Page, Shape, page, with_example
from shared import clock
from shared.accounts.models import User
from shared.errors import Refusal
from shared.privacy import exports, leaving
from shared.privacy.models import Export, ExportStatus
from shared.settings import settings
from shared.storage import storage

router = APIRouter(prefix="/v1/users/me", tags=["privacy"])

_ID: Final = "5b0f0c3e-6d0e-4a51-9d1f-0a8a4f2f6f11"


class Farewell(Body):
    """The password, so that nobody deletes an account that was left open."""

    model_config = with_example({"password": "correct horse"})

    password: Password


class Leaving(Shape):
    """An account that is being deleted, and until when logging in brings it back."""

    model_config = with_example({"status": "deleting", "restorable_until": "2026-12-09T18:45:00Z"})

    status: str = "deleting"
    restorable_until: datetime


class ExportShape(Shape):
    """An export of everything that is held about you: a zip archive, once it is `ready`."""

    model_config = with_example(
        {
            "id": _ID,
            "status": "ready",
            "created_at": "2026-11-25T18:45:00Z",
            "expires_at": "2026-11-26T18:45:04Z",
            "url": f"https://api.example.com/media/exports/{_ID}/archive.zip?expires=1795718704&signature=mX2…",
            "size_bytes": 2480113,
        }
    )

    id: uuid.UUID
    status: ExportStatus
    created_at: datetime
    expires_at: datetime | None
    url: str | None
    size_bytes: int | None


@router.delete(
    "",
    operation_id="delete_me",
    summary="Delete your account",
    status_code=status.HTTP_202_ACCEPTED,
    responses=documented(*EVEN_SUSPENDED, "invalid_credentials", "validation_error", "rate_limited"),
)
async def delete_me(me: MeEvenSuspended, body: Farewell, hashing: PasswordHashing, rates: RateLimits) -> Leaving:
    """At once nobody sees you any more, your matches end, and you are logged out everywhere.

    Until `restorable_until` logging in brings the account back as it was, but for its matches. Then everything that is
    held about you is erased.
    """
    await rates.check(settings().rate_limit_login, "password", str(me.claims.user_id))
    stored = await me.run(_password_hash)
    right, _ = await hashing.verify(body.password, stored)
    if not right:
        raise Refusal("invalid_credentials", "The password is not right.")
    return Leaving(restorable_until=await me.run(leaving.leave, verified_hash=stored, now=clock.now()))


@router.post(
    "/exports",
    operation_id="ask_for_export",
    summary="Ask for all that is held about you",
    status_code=status.HTTP_202_ACCEPTED,
    responses=documented(*EVEN_SUSPENDED, "validation_error", "rate_limited"),
)
async def ask_for_export(request: Request, me: CreatingEvenSuspended) -> ExportShape:
    """A worker gathers it into an archive, and you are told and mailed when it is ready: poll its `Location`.

    While one waits, asking again answers with that one.
    """
    now = clock.now()
    return await me.create(
        lambda asked: export_shape(asked, request, now), "/v1/users/me/exports/{0.id}", exports.ask, now=now
    )


@router.get(
    "/exports",
    operation_id="list_exports",
    summary="Your exports",
    responses=documented(*EVEN_SUSPENDED, "validation_error"),
)
async def list_exports(
    request: Request,
    me: MeEvenSuspended,
    limit: Annotated[Limit, Query()] = 20,
    offset: Annotated[Offset, Query()] = 0,
) -> Page[ExportShape]:
    """The newest first. The `url` of one that is ready is good until it expires, for whoever has it."""
    now = clock.now()
    return page(await me.run(exports.own), lambda one: export_shape(one, request, now), limit=limit, offset=offset)


@router.get(
    "/exports/{export_id}",
    operation_id="get_export",
    summary="One of your exports",
    responses=documented(*EVEN_SUSPENDED, "not_found", "validation_error"),
)
async def get_export(request: Request, me: MeEvenSuspended, export_id: uuid.UUID) -> ExportShape:
    """Its status, and the link to the archive while there is one."""
    return export_shape(await me.run(exports.one, export_id=export_id), request, clock.now())


def export_shape(export: Export, request: Request, now: datetime) -> ExportShape:
    """The shape of one's own export; its time is over to the second, whenever it is cleaned up."""
    over = export.expires_at is not None and export.expires_at <= now
    url = None
    if export.key is not None and export.expires_at is not None and not over:
        url = absolute(storage().link(export.key, until=export.expires_at), request)
    return ExportShape(
        id=export.id,
        status=ExportStatus.EXPIRED if over else ExportStatus(export.status),
        created_at=export.created_at,
        expires_at=export.expires_at,
        url=url,
        size_bytes=export.size_bytes,
    )


def _password_hash(_session: Session, user: User) -> str:
    return user.password_hash
