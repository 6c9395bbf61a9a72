"""The task that reminds people by mail of what they have not read."""

import time
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Final

from shared import clock, events, log, redis
from shared.database import database
from shared.jobs import REMIND
from shared.reminders import service
from worker.work import periodic_task

PEOPLE: Final = 200  # decided on in one transaction
_log = log.logger(__name__)


@periodic_task(REMIND)
def remind() -> None:
    """Decide on everybody's unread notifications that have waited long enough, a bounded number at a time."""
    deadline, posted = time.monotonic() + REMIND.soft_limit / 2, 0
    while time.monotonic() < deadline:
        now = clock.now()
        user_ids = database().call(service.due, now=now, most=PEOPLE)
        here = listening(user_ids)
        decided, mails = database().call(service.decide, user_ids=user_ids, listening=here, now=now)
        posted += mails
        if len(user_ids) < PEOPLE or not decided:  # those whom somebody else has are left to them
            break
    _log.info("decided on reminders", mails=posted)


def listening(user_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Who of them has an open client. While Redis does not answer, nobody is known to have one."""
    found: dict[str, int] = {}
    if user_ids:
        ask = partial(_count, [events.channel(user_id) for user_id in user_ids], found)
        redis.BREAKER.attempt("listeners", ask)
    return {user_id for user_id in user_ids if found.get(events.channel(user_id))}


def _count(channels: list[str], found: dict[str, int]) -> None:
    for channel, listeners in redis.client().pubsub_numsub(*channels):
        found[channel if isinstance(channel, str) else channel.decode()] = int(listeners)
