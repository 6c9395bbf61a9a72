"""Routes of the devices on which one is logged in."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response, status

from api.accounts import SIGNED_IN
from api.dependencies import Me
from api.errors import documented
from api.shapes import Limit, Offset, Page, Shape, page, with_example
from shared import clock
from shared.accounts import sign_in

router = APIRouter(prefix="/v1/auth/sessions", tags=["sign-in"])


class SessionShape(Shape):
    """One device on which somebody is logged in."""

    model_config = with_example(
        {
            "id": "777eb5b2-b9c9-46c8-94dd-c7661abd9d35",
            "device": "Delete/1.4 (Pixel 9)",
            "created_at": "2026-11-20T09:30:00Z",
            "last_used_at": "2026-11-24T18:45:00Z",
            "expires_at": "2026-12-01T18:45:00Z",
            "current": True,
        }
    )

    id: uuid.UUID
    device: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool


@router.get(
    "",
    operation_id="list_sessions",
    summary="Where you are logged in",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def list_sessions(
    me: Me, limit: Annotated[Limit, Query()] = 20, offset: Annotated[Offset, Query()] = 0
) -> Page[SessionShape]:
    """Your living logins, the one used last first."""
    return page(
        await me.run(sign_in.sessions, now=clock.now()),
        lambda login: SessionShape(
            id=login.id,
            device=login.device,
            created_at=login.created_at,
            last_used_at=login.rotated_at,
            expires_at=login.idle_until,
            current=login.id == me.claims.session_id,
        ),
        limit=limit,
        offset=offset,
    )


@router.delete(
    "/{session_id}",
    operation_id="end_session",
    summary="Log a device out",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(*SIGNED_IN, "not_found", "validation_error"),
)
async def end_session(me: Me, session_id: uuid.UUID) -> Response:
    """Ends one login of yours; its tokens stop working at once."""
    await me.run(sign_in.end_session, session_id=session_id, now=clock.now())
    return Response(status_code=status.HTTP_204_NO_CONTENT)
