"""Exports: asked for by a person, made by a worker, and there for a day."""

import math
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Text, cast, delete, select, tuple_, update
from sqlalchemy.orm import Session

from shared import clock, ledger
from shared.accounts.models import User
from shared.accounts.service import lock
from shared.errors import Refusal
from shared.holdings import Exported
from shared.jobs import MAKE_EXPORT
from shared.mail import service as mail
from shared.mail.models import Mail
from shared.models import chosen
from shared.notifications.service import tell
from shared.privacy.models import Export, ExportStatus
from shared.settings import settings

DAY: Final = timedelta(days=1)
KEEP: Final = timedelta(days=30)  # that there was one
ROWS: Final = 500  # of a page; what is held in memory does not grow with what somebody has


def folder(export_id: uuid.UUID) -> str:
    """Where the archives of one export are: one, unless a worker was cut off."""
    return f"exports/{export_id}"


def ask(session: Session, user: User, *, now: datetime) -> Export:
    """Have everything that is held about somebody gathered; the same again while that waits.

    Raises:
        Refusal: `rate_limited` after several within a day.
    """
    lock(session, user.id)
    mine = select(Export).where(Export.user_id == user.id)
    pending = session.scalar(mine.where(Export.status == ExportStatus.PENDING))
    if pending is not None:
        return pending
    lately = session.scalars(
        mine.where(Export.created_at > now - DAY, Export.status != ExportStatus.FAILED).order_by(Export.created_at)
    ).all()
    if len(lately) >= settings().exports_per_day:
        wait = math.ceil((lately[-settings().exports_per_day].created_at + DAY - now).total_seconds())
        raise Refusal(
            "rate_limited",
            f"You can ask for {settings().exports_per_day} exports within 24 hours, and you have. Your last one is in "
            "the list.",
            details={"retry_after_seconds": wait},
            headers={"Retry-After": str(wait)},
        )
    export = Export(id=clock.new_id(), user_id=user.id, status=ExportStatus.PENDING, created_at=now)
    session.add(export)
    session.flush()
    ledger.ask(session, MAKE_EXPORT, str(export.id))
    return export


def own(session: Session, user: User) -> Sequence[Export]:
    """The person's exports, the newest first."""
    mine = select(Export).where(Export.user_id == user.id)
    return session.scalars(mine.order_by(Export.created_at.desc(), Export.id)).all()


def one(session: Session, user: User, *, export_id: uuid.UUID) -> Export:
    """One of them.

    Raises:
        Refusal: `not_found`.
    """
    export = session.scalar(select(Export).where(Export.id == export_id, Export.user_id == user.id))
    if export is None:
        raise Refusal("not_found", "There is no such export.")
    return export


def whose(session: Session, *, export_id: uuid.UUID) -> uuid.UUID | None:
    """Whose export is to be made; nobody's when it was, or they have left."""
    return session.scalar(select(Export.user_id).where(Export.id == export_id, Export.status == ExportStatus.PENDING))


def page(
    session: Session, exported: Exported, *, user_id: uuid.UUID, after: tuple[Any, ...] | None
) -> tuple[list[dict[str, Any]], tuple[Any, ...] | None]:
    """(some rows of a file, where they end), after where others ended; None at the end."""
    keys = [key.label(f"key_{number}") for number, key in enumerate(exported.key)]
    query = exported.query(user_id).add_columns(*keys).order_by(*exported.key).limit(ROWS)
    rows = session.execute(query if after is None else query.where(tuple_(*exported.key) > after)).mappings().all()
    names = [key.name for key in keys]
    shown = [{name: value for name, value in row.items() if name not in names} for row in rows]
    return shown, tuple(rows[-1][name] for name in names) if len(rows) == ROWS else None


def made(session: Session, *, export_id: uuid.UUID, key: str, size_bytes: int, now: datetime) -> None:
    """The archive is stored: tell whose it is, here and by mail."""
    export = session.get_one(Export, export_id)
    lock(session, export.user_id)
    export.status, export.key, export.size_bytes = ExportStatus.READY, key, size_bytes
    export.expires_at = now + timedelta(hours=settings().export_hours)
    session.flush()
    tell(session, user_id=export.user_id, kind="export.ready", data={"export_id": str(export.id)})
    mail.post(session, kind="export_ready", user_id=export.user_id, now=now, data={"export_id": str(export.id)})


def give_up(session: Session, key: str, _now: datetime) -> None:
    """After the last failed attempt: it is told, and another can be asked for."""
    waiting = update(Export).where(Export.id == uuid.UUID(key), Export.status == ExportStatus.PENDING)
    session.execute(waiting.values(status=ExportStatus.FAILED))


def mailed(session: Session, letter: Mail, user: User, *, now: datetime) -> tuple[str, datetime] | None:
    """(key, until when it is good) of the archive that a mail tells of; None when it is gone."""
    export_id = uuid.UUID(letter.data["export_id"])
    found = session.scalar(select(Export).where(Export.id == export_id, Export.user_id == user.id))
    if found is None or found.key is None or found.expires_at is None or found.expires_at <= now:
        return None
    return found.key, found.expires_at


def end(session: Session, *, user_id: uuid.UUID, now: datetime) -> None:
    """Let the exports of somebody who leaves be over now: their links end with the next tidying."""
    ready = update(Export).where(
        Export.user_id == user_id, Export.status == ExportStatus.READY, Export.expires_at > now
    )
    session.execute(ready.values(expires_at=now).execution_options(synchronize_session=False))


def expire(session: Session, *, now: datetime, most: int = 500) -> Sequence[uuid.UUID]:
    """Mark exports whose time is over; their archives are to be deleted afterwards."""
    over = chosen(select(Export.id).where(Export.status == ExportStatus.READY, Export.expires_at <= now).limit(most))
    expired = update(Export).where(Export.id == over.c.id).values(status=ExportStatus.EXPIRED, key=None)
    return session.scalars(expired.returning(Export.id).execution_options(synchronize_session=False)).all()


def forget(session: Session, *, now: datetime, most: int = 5000) -> int:
    """Forget exports of long ago; how many."""
    old = chosen(
        select(Export.id)
        .where(Export.created_at < now - KEEP, Export.status.in_([ExportStatus.EXPIRED, ExportStatus.FAILED]))
        .limit(most)
    )
    return len(session.scalars(delete(Export).where(Export.id == old.c.id).returning(Export.id)).all())


def ask_for_unpromised(session: Session, *, now: datetime, most: int = 500) -> int:
    """Have exports made that nobody promised to make, which only a fault can leave behind; how many."""
    lost = select(cast(Export.id, Text)).where(
        Export.status == ExportStatus.PENDING,
        Export.created_at < now - timedelta(minutes=5),
        ledger.unpromised(MAKE_EXPORT, Export.id.expression),
    )
    keys = session.scalars(lost.limit(most)).all()
    ledger.ask(session, MAKE_EXPORT, *keys)
    return len(keys)


def keys_in_use(session: Session, export_ids: Collection[uuid.UUID]) -> set[str]:
    """The archives of these exports that can be downloaded."""
    named = session.scalars(select(Export.key).where(Export.id.in_(export_ids), Export.key.is_not(None)))
    return {key for key in named if key is not None}
