"""Tasks of matching: what is due whether anybody asks or not."""

from shared import clock, log
from shared.database import database
from shared.jobs import ARCHIVE_QUIET_MATCHES, EXPIRE_PASSES, RESET_COUNTERS
from shared.matching import likes, matches, passes
from worker.work import periodic_task

_log = log.logger(__name__)


@periodic_task(EXPIRE_PASSES)
def expire_passes() -> None:
    """Drop the weeks whose passes have all expired, and make the next ones."""
    _log.info("expired passes", weeks=database().call(passes.expire, now=clock.now()))


@periodic_task(RESET_COUNTERS)
def reset_counters() -> None:
    """Forget the likes counted on days that are long over, a bounded number at a time."""
    _log.info("forgot daily counts", count=database().call(likes.forget_counts, now=clock.now()))


@periodic_task(ARCHIVE_QUIET_MATCHES)
def archive_quiet() -> None:
    """Archive matches in which nobody has written for long, a bounded number at a time."""
    _log.info("archived quiet matches", count=database().call(matches.archive_quiet, now=clock.now()))
