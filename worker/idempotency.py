"""Tasks of requests under a name."""

from shared import clock, idempotency, log
from shared.database import database
from shared.jobs import PRUNE_IDEMPOTENCY_KEYS
from worker.work import periodic_task

_log = log.logger(__name__)


@periodic_task(PRUNE_IDEMPOTENCY_KEYS)
def prune() -> None:
    """Forget what was answered under names more than a day ago, a bounded number at a time."""
    _log.info("pruned idempotency keys", count=database().call(idempotency.prune, now=clock.now()))
