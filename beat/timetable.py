"""What is due when: one row per periodic job, each idempotent and bounded, its message expiring before the next."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from shared.jobs import (
    ARCHIVE_QUIET_MATCHES,
    ASK_FOR_ERASURES,
    ASK_FOR_UNFINISHED_VECTORS,
    ASK_FOR_UNMADE_BADGES,
    END_SUSPENSIONS,
    EXPIRE_PASSES,
    FINISH_NIGHT,
    HEARTBEATS,
    PRUNE_IDEMPOTENCY_KEYS,
    PRUNE_MAILS,
    PRUNE_NOTIFICATIONS,
    PURGE_SESSIONS,
    REFRESH_POPULATION,
    REMIND,
    RESET_COUNTERS,
    START_NIGHT,
    SWEEP_FILES,
    SWEEP_WORK,
    TIDY_EXPORTS,
    TIDY_PHOTOS,
    Job,
)


@dataclass(frozen=True, slots=True)
class Row:
    """Start `job` every `every`; a message not taken within `expires` is dropped."""

    job: Job
    every: timedelta
    expires: timedelta


def _row(job: Job, **every: float) -> Row:
    period = timedelta(**every)
    return Row(job, period, period * 0.9)


TIMETABLE: Final = (
    _row(SWEEP_WORK, seconds=5),
    *(_row(job, seconds=15) for job in HEARTBEATS.values()),
    _row(SWEEP_FILES, minutes=10),
    _row(ASK_FOR_UNFINISHED_VECTORS, minutes=10),
    _row(ASK_FOR_UNMADE_BADGES, hours=1),
    _row(TIDY_PHOTOS, hours=1),
    _row(PURGE_SESSIONS, hours=1),
    _row(REFRESH_POPULATION, hours=1),
    _row(ARCHIVE_QUIET_MATCHES, minutes=10),
    _row(EXPIRE_PASSES, hours=1),
    _row(RESET_COUNTERS, hours=1),
    _row(START_NIGHT, minutes=10),
    _row(FINISH_NIGHT, minutes=1),
    _row(REMIND, seconds=30),
    _row(PRUNE_MAILS, hours=1),
    _row(END_SUSPENSIONS, seconds=30),
    _row(PRUNE_NOTIFICATIONS, minutes=10),
    _row(TIDY_EXPORTS, minutes=10),
    _row(ASK_FOR_ERASURES, hours=1),
    _row(PRUNE_IDEMPOTENCY_KEYS, minutes=10),
)


def schedule() -> dict[str, dict[str, Any]]:
    """The timetable in Celery's form."""
    return {
        row.job.name: {
            "task": row.job.name,
            "schedule": row.every,
            "options": {"expires": row.expires.total_seconds(), "queue": row.job.queue},
        }
        for row in TIMETABLE
    }
