"""The deeds of the console: what its buttons do, one by one."""

from typing import Final

from sqlalchemy.orm import Session
from starlette.requests import Request

from api.console.deeds import Deed, Given
from shared import audit
from shared.accounts.models import Role, User
from shared.console import work


async def _retry(given: Given) -> str:
    number = await given.run(_retry_work, kind=given.text("kind"), key=given.text("key"))
    return f"Queued {number}."


async def _drop(given: Given) -> str:
    number = await given.run(_drop_work, kind=given.text("kind"), key=given.text("key"))
    return f"Dropped {number}."


def _retry_work(session: Session, admin: User, *, kind: str, key: str) -> int:
    number = work.retry(session, kind=kind, keys=[key])
    audit.record(session, actor_id=admin.id, action="work.retried", kind=kind, key=key)
    return number


def _drop_work(session: Session, admin: User, *, kind: str, key: str) -> int:
    number = work.drop(session, kind=kind, keys=[key])
    audit.record(session, actor_id=admin.id, action="work.dropped", kind=kind, key=key)
    return number


def _to_work(request: Request) -> str:
    return str(request.url_for("admin:list", key="work"))


ALL: Final = (
    Deed("/work/retry", "retry_work", _retry, back=_to_work, least=Role.ADMIN),
    Deed("/work/drop", "drop_work", _drop, back=_to_work, least=Role.ADMIN),
)
