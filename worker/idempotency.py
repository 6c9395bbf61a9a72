"""Tasks of requests under a name."""

from typing import Final

from shared import clock, idempotency, log
from shared.database import database
from shared.jobs import PRUNE_IDEMPOTENCY_KEYS
from worker.work import periodic_task

_log = log.logger(__name__)
MOST_PARTS: Final = 20  # some 700 a second


@periodic_task(PRUNE_IDEMPOTENCY_KEYS)
def prune() -> None:
    """Forget what was answered under names more than a day ago, in parts until none is left."""
    count = 0
    for _ in range(MOST_PARTS):
        gone = database().call(idempotency.prune, now=clock.now())
        count += gone
        if gone < idempotency.MOST_PRUNED:
            break
    _log.info("pruned idempotency keys", count=count)
