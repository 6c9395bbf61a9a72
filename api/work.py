"""Routes by which moderators see what work waits and what failed."""

from fastapi import APIRouter
from sqlalchemy.orm import Session

from api.accounts import SIGNED_IN
from api.dependencies import Moderator
from api.errors import documented
from api.shapes import Shape, with_example
from shared import backlog
from shared.accounts.models import User

router = APIRouter(prefix="/v1/admin/work", tags=["admin"])


class WorkFigures(Shape):
    """Of one kind of work: how many rows wait or are being done, the age of the oldest, how many were given up."""

    model_config = with_example({"kind": "photos.process", "unfinished": 3, "oldest_seconds": 1.5, "failed": 0})

    kind: str
    unfinished: int
    oldest_seconds: float | None
    failed: int


class WorkList(Shape):
    """The figures of every kind."""

    items: list[WorkFigures]


@router.get("", operation_id="list_work", summary="What work waits", responses=documented(*SIGNED_IN, "forbidden"))
async def list_work(moderator: Moderator) -> WorkList:
    """Per kind of work. `celery -A worker work list` shows the errors too."""
    return WorkList(items=[WorkFigures.model_validate(line) for line in await moderator.run(_figures)])


def _figures(session: Session, _user: User) -> list[backlog.Figures]:
    return backlog.figures(session)
