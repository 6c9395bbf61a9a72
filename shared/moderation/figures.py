"""What waits for moderators."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.moderation.models import Case


@dataclass(frozen=True, slots=True)
class OpenCases:
    """How many cases are open, and the age of the oldest."""

    number: int
    oldest_seconds: float | None


def open_cases(session: Session) -> OpenCases:
    """The cases that nobody has closed."""
    age = func.extract("epoch", func.now() - func.min(Case.opened_at))
    number, oldest = session.execute(select(func.count(), age).where(Case.closed_at.is_(None))).one()
    return OpenCases(number, oldest and float(oldest))
