"""Tasks of review: what ends by itself."""

from shared import clock, log
from shared.database import database
from shared.jobs import END_SUSPENSIONS
from shared.review import suspensions
from worker.work import periodic_task

_log = log.logger(__name__)


@periodic_task(END_SUSPENSIONS)
def end_suspensions() -> None:
    """Bring back those whose suspension has ended, a bounded number at a time."""
    _log.info("ended suspensions", count=database().call(suspensions.end_due, now=clock.now()))
