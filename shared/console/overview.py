"""The figures of the console's first page: work, workers, people, cases, and what happened on each of the last days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Date, Select, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared import backlog, health
from shared.accounts.models import Status, User
from shared.discovery.models import DiscoveryRun
from shared.matching.models import Like, Match
from shared.messaging.models import Message
from shared.moderation.models import Case
from shared.photos.models import Photo, PhotoStatus

DAYS: Final = 30
NIGHTS: Final = 7
Series = Sequence[tuple[date, int]]
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it."""

    work: Sequence[backlog.Figures]
    heartbeats: Mapping[str, float]
    people: Mapping[str, int]
    hidden: int
    photos: Mapping[str, int]
    open_cases: int
    oldest_case: datetime | None
    per_day: Mapping[str, Series]
    """Of sign-ups, likes, matches and messages."""
    nights: Sequence[DiscoveryRun]


def overview(session: Session, *, now: datetime) -> Overview:
    """The figures as of now; days are those of UTC."""
    people = _counts(session, select(User.status, func.count()).group_by(User.status))
    photos = _counts(session, select(Photo.status, func.count()).group_by(Photo.status))
    cases = session.execute(select(func.count(), func.min(Case.opened_at)).where(Case.closed_at.is_(None))).one()
    counted: dict[str, InstrumentedAttribute[Any]] = {
        "Sign-ups": User.created_at,
        "Likes": Like.created_at,
        "Matches": Match.created_at,
        "Messages": Message.created_at,
    }
    return Overview(
        work=backlog.figures(session),
        heartbeats=health.seconds_since_heartbeats(session),
        people={status.value: people.get(status.value, 0) for status in Status},
        hidden=session.scalar(select(func.count()).where(User.hidden_at.is_not(None))) or 0,
        photos={status.value: photos.get(status.value, 0) for status in PhotoStatus},
        open_cases=cases[0],
        oldest_case=cases[1],
        per_day={name: _per_day(session, moment, now.date()) for name, moment in counted.items()},
        nights=session.scalars(select(DiscoveryRun).order_by(DiscoveryRun.day.desc()).limit(NIGHTS)).all(),
    )


def _per_day(session: Session, moment: InstrumentedAttribute[Any], today: date) -> Series:
    first = today - timedelta(days=DAYS - 1)
    day = cast(func.timezone("UTC", moment), Date)
    since = datetime.combine(first, datetime.min.time(), UTC)
    counted = _counts(session, select(day, func.count()).where(moment >= since).group_by(day))
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return [(one, counted.get(one, 0)) for one in days]


def _counts(session: Session, rows: Select[K, int]) -> dict[K, int]:
    return {key: count for key, count in session.execute(rows)}  # noqa: C416 - rows are no pairs to `dict`
