"""Tasks of notifications."""

import time
from typing import Final

from shared import clock, log
from shared.database import database
from shared.jobs import PRUNE_NOTIFICATIONS
from shared.notifications import service
from worker.work import periodic_task

SECONDS: Final = 10.0  # it ends early rather than keep the queue's other work waiting
_log = log.logger(__name__)


@periodic_task(PRUNE_NOTIFICATIONS)
def prune() -> None:
    """Forget old notifications, some in each transaction."""
    deadline, number = time.monotonic() + SECONDS, 0
    while (gone := database().call(service.prune, now=clock.now())) and time.monotonic() < deadline:
        number += gone
    _log.info("forgot notifications", count=number)
