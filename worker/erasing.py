"""The task that erases an account, and the care for what was forgotten."""

import time
import uuid
from collections.abc import Iterator
from typing import Final

from shared import clock, events, log, redis
from shared.database import database
from shared.holdings import Files, Kept, Listed
from shared.jobs import ASK_FOR_ERASURES, ERASE_ACCOUNT
from shared.ledger import Claim, put_off
from shared.privacy import erasure, leaving
from shared.privacy.registry import REGISTRY
from shared.storage import storage
from worker.work import ledger_task, periodic_task

SECONDS: Final = 5.0  # of work at a time; then others have their turn, and a process that dies has lost little
_log = log.logger(__name__)


@ledger_task(ERASE_ACCOUNT)
def erase(claimed: Claim) -> None:
    """Erase some of an account, or the last of it. However often it is cut off, the next one goes on."""
    if not database().call(erasure.begin, claimed, now=clock.now()):
        return
    deadline = time.monotonic() + SECONDS
    number = 0
    for part in _parts(claimed):
        number += part
        if part and time.monotonic() > deadline:  # not before something was done: that would go on for ever
            database().call(put_off, claimed)
            _log.info("erasing goes on later", number=number)
            return
    _leave_lists(claimed)
    redis.BREAKER.attempt("erasing", lambda: _forget_events(claimed))
    database().call(erasure.finish, claimed)
    _log.info("account erased", number=number)


@periodic_task(ASK_FOR_ERASURES)
def ask_for_erasures() -> None:
    """Have accounts erased that nobody promised to erase."""
    lost = database().call(leaving.ask_for_unpromised)
    if lost:
        _log.error("accounts waited with nobody to erase them", count=lost)


def _parts(claimed: Claim) -> Iterator[int]:
    """Erase part by part; of each, how many rows or files it was."""
    for one in REGISTRY:
        for files in one.files:
            yield from _delete_files(files, uuid.UUID(claimed.key))
    for one in REGISTRY:
        for held in one.columns:
            if not isinstance(held, Kept | Listed):
                while number := database().call(erasure.take_out, claimed, held):
                    yield number


def _delete_files(files: Files, user_id: uuid.UUID) -> Iterator[int]:
    after = None
    while things := database().call(erasure.things, files, user_id=user_id, after=after):
        found = [key for one in things for key, _ in storage().list(files.folder(one))]
        storage().delete([*found, *map(files.key, things)] if files.key is not None else found)
        yield len(found)
        after = things[-1]


def _leave_lists(claimed: Claim) -> None:
    """Not in parts that others have their turn between: where it had come to would be lost."""
    for listed in (held for one in REGISTRY for held in one.columns if isinstance(held, Listed)):
        after, number = database().call(erasure.walk, claimed, listed, after=None)
        while after is not None:
            after, more = database().call(erasure.walk, claimed, listed, after=after)
            number += more
        _log.info("taken out of lists", lists=str(listed.column), number=number)


def _forget_events(claimed: Claim) -> None:
    redis.client().delete(events.stream(uuid.UUID(claimed.key)))
