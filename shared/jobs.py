"""Every kind of work that runs on workers, as data: name, queue, how long it may take, how often it is tried."""

from dataclasses import dataclass
from typing import Final

from shared.settings import settings

QUEUES: Final = ("default", "photos", "embeddings", "discovery", "mail")

SOFT_LIMIT_SHARE: Final = 0.70  # of the lease: the task is told to stop
HARD_LIMIT_SHARE: Final = 0.85  # of the lease: its process is killed, well before anybody else may claim the row


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of work. `name` is the Celery task's name and, for work of the ledger, the row's kind.

    `lease` is in seconds, before `LEASE_SCALE`: nobody else takes the work that long, so it is also how long work of a
    killed worker waits.
    """

    name: str
    queue: str
    lease: float
    attempts: int = 5
    batch: int = 1  # rows that one task takes together; one hint is then enough for so many

    @property
    def lease_seconds(self) -> float:
        """The lease on this machine."""
        return self.lease * settings().lease_scale

    @property
    def soft_limit(self) -> float:
        """Seconds until the task is asked to stop (SoftTimeLimitExceeded)."""
        return self.lease_seconds * SOFT_LIMIT_SHARE

    @property
    def hard_limit(self) -> float:
        """Seconds until the task's process is killed."""
        return self.lease_seconds * HARD_LIMIT_SHARE


def _periodic(name: str, *, queue: str = "default", lease: float = 60) -> Job:
    return Job(name, queue, lease)


PROCESS_PHOTO = Job("photos.process", "photos", lease=30)
DELETE_FILES = Job("photos.delete_files", "default", lease=30, attempts=20)
EMBED_ANSWER = Job("prompts.embed", "embeddings", lease=20, batch=32)
MAKE_BADGES = Job("badges.make", "embeddings", lease=20, batch=32)
REFRESH_QUEUE = Job("discovery.refresh", "default", lease=20)
RANK_REGION = Job("discovery.rank_region", "discovery", lease=600)
# Some three hours of a mail server that is away, and minutes for one that thinks about a mail before it answers.
SEND_MAIL = Job("mail.send", "mail", lease=300, attempts=30)

# It does five seconds of work at a time and asks to go on, but for going through everybody's queue at its end.
ERASE_ACCOUNT = Job("accounts.erase", "default", lease=300, attempts=20)
MAKE_EXPORT = Job("exports.make", "default", lease=300)

SWEEP_WORK = _periodic("work.sweep", lease=15)
PURGE_SESSIONS = _periodic("accounts.purge_sessions")
SWEEP_FILES = _periodic("photos.sweep_files")
TIDY_PHOTOS = _periodic("photos.tidy")
ASK_FOR_UNFINISHED_VECTORS = _periodic("prompts.ask_for_unfinished")
ASK_FOR_UNMADE_BADGES = _periodic("badges.ask_for_unmade")
REFRESH_POPULATION = _periodic("quiz.refresh_population")
EXPIRE_PASSES = _periodic("passes.expire")
RESET_COUNTERS = _periodic("counters.reset")
ARCHIVE_QUIET_MATCHES = _periodic("matches.archive_quiet")
START_NIGHT = _periodic("discovery.start_night", lease=120)
FINISH_NIGHT = _periodic("discovery.finish_night", lease=120)
REMIND = _periodic("reminders.decide")
PRUNE_MAILS = _periodic("mail.prune")
END_SUSPENSIONS = _periodic("review.end_suspensions")
PRUNE_NOTIFICATIONS = _periodic("notifications.prune")
TIDY_EXPORTS = _periodic("exports.tidy")
ASK_FOR_ERASURES = _periodic("accounts.ask_for_erasures")
PRUNE_IDEMPOTENCY_KEYS = _periodic("idempotency.prune")
HEARTBEATS = {queue: _periodic(f"heartbeat.{queue}", queue=queue, lease=15) for queue in QUEUES}

_LEDGER: Final = (
    *(PROCESS_PHOTO, DELETE_FILES, EMBED_ANSWER, MAKE_BADGES, REFRESH_QUEUE, RANK_REGION, SEND_MAIL),
    *(ERASE_ACCOUNT, MAKE_EXPORT),
)
LEDGER_JOBS: Final = {job.name: job for job in _LEDGER}
PERIODIC_JOBS: Final = (
    SWEEP_WORK,
    PURGE_SESSIONS,
    SWEEP_FILES,
    TIDY_PHOTOS,
    ASK_FOR_UNFINISHED_VECTORS,
    ASK_FOR_UNMADE_BADGES,
    REFRESH_POPULATION,
    EXPIRE_PASSES,
    RESET_COUNTERS,
    ARCHIVE_QUIET_MATCHES,
    START_NIGHT,
    FINISH_NIGHT,
    REMIND,
    PRUNE_MAILS,
    END_SUSPENSIONS,
    PRUNE_NOTIFICATIONS,
    TIDY_EXPORTS,
    ASK_FOR_ERASURES,
    PRUNE_IDEMPOTENCY_KEYS,
    *HEARTBEATS.values(),
)
