"""What waits in the ledger and what was given up, for those who run it: figures, lists, and forgetting."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.orm import Session

from shared.jobs import LEDGER_JOBS, Job
from shared.ledger import Work


@dataclass(frozen=True, slots=True)
class Figures:
    """What waits of one kind of work."""

    kind: str
    unfinished: int
    oldest_seconds: float | None
    failed: int


def figures(session: Session) -> list[Figures]:
    """Per kind, also those with nothing to do: what waits or is worked on, the oldest's age, what was given up."""
    waits = Work.due_at.is_not(None)
    rows = session.execute(
        select(
            Work.kind,
            func.count().filter(waits),
            func.extract("epoch", func.now() - func.min(Work.created_at).filter(waits)),
            func.count().filter(~waits),
        ).group_by(Work.kind)
    ).all()
    found = {
        kind: Figures(kind, waiting, oldest and max(0.0, float(oldest)), failed)
        for kind, waiting, oldest, failed in rows
    }
    return [found.get(kind, Figures(kind, 0, None, 0)) for kind in sorted({*LEDGER_JOBS, *found})]


def unfinished(session: Session, job: Job) -> int:
    """How much of one kind waits or is worked on."""
    return session.scalar(select(func.count()).where(Work.kind == job.name, Work.due_at.is_not(None))) or 0


def failures(session: Session, *, kind: str | None = None, most: int = 100) -> Sequence[Work]:
    """Rows that were given up, the newest first."""
    wanted = select(Work).where(Work.due_at.is_(None)).order_by(Work.created_at.desc()).limit(most)
    return session.scalars(wanted if kind is None else wanted.where(Work.kind == kind)).all()


def drop(session: Session, job: Job, keys: Iterable[str]) -> int:
    """Delete given-up rows; how many there were."""
    gone = session.execute(delete(Work).where(Work.kind == job.name, Work.key.in_(list(keys)), Work.due_at.is_(None)))
    return gone.rowcount if isinstance(gone, CursorResult) else 0
