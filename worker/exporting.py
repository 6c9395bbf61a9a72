"""The task that makes an export, and what is due about exports."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from shared import clock, ledger, log
from shared.database import database
from shared.holdings import Exported
from shared.jobs import MAKE_EXPORT, TIDY_EXPORTS
from shared.ledger import Claim
from shared.privacy import exports
from shared.privacy.archive import Picture, Table, archive
from shared.privacy.registry import REGISTRY
from shared.storage import older_than, storage
from worker.work import ledger_task, periodic_task

YOUNG: Final = timedelta(hours=1)  # an archive may precede its row by as long as it takes to make
_log = log.logger(__name__)


@ledger_task(MAKE_EXPORT, give_up=exports.give_up)
def make(claimed: Claim) -> None:
    """Gather everything about a person into an archive, which is stored while it is made."""
    export_id = uuid.UUID(claimed.key)
    user_id = database().call(exports.whose, export_id=export_id)
    if user_id is None:
        database().call(ledger.finish, claimed)
        return
    now = clock.now()
    key = f"{exports.folder(export_id)}/{clock.new_id()}.zip"  # of this attempt
    pieces = archive(_tables(user_id), _pictures(user_id), now=now)
    size = storage().put_download(key, pieces, "application/zip", name=f"delete-{now:%Y-%m-%d}.zip")
    try:
        with database().transaction() as session:
            exports.made(session, export_id=export_id, key=key, size_bytes=size, now=clock.now())
            ledger.finish(session, claimed)
    except (ledger.LostFence, NoResultFound, StaleDataError):
        storage().delete([key])  # and only then: after a lost answer of the database it may well be promised
        raise
    _log.info("export made", bytes=size)


@periodic_task(TIDY_EXPORTS)
def tidy() -> None:
    """Delete archives whose time is over, and those that no row names; have those made that nobody promised to make."""
    now = clock.now()
    lost = database().call(exports.ask_for_unpromised, now=now)
    if lost:
        _log.error("exports were not promised, and are now", count=lost)
    for export_id in database().call(exports.expire, now=now):
        storage().delete([key for key, _ in storage().list(exports.folder(export_id))])
    database().call(exports.forget, now=now)
    _sweep()


def _sweep() -> None:
    """Delete what workers have left behind that were cut off."""
    storage().delete_unfinished("exports", YOUNG)
    old = (key for key, modified in storage().list("exports") if older_than(modified, YOUNG))
    ours = ((owner, key) for key in old if (owner := _export_of(key)) is not None)
    while batch := list(islice(ours, 500)):
        named = database().call(exports.keys_in_use, {one for one, _ in batch})
        storage().delete([key for _, key in batch if key not in named])


def _tables(user_id: uuid.UUID) -> Iterator[Table]:
    for one in REGISTRY:
        for exported in one.exports:
            yield Table(exported.name, exported.about, _rows(exported, user_id))


def _rows(exported: Exported, user_id: uuid.UUID) -> Iterator[dict[str, Any]]:
    """Page by page, each in a transaction of its own: while the storage takes its time, none is open."""
    after = None
    while True:
        rows, after = database().call(exports.page, exported, user_id=user_id, after=after)
        yield from rows
        if after is None:
            return


def _pictures(user_id: uuid.UUID) -> Iterator[Picture]:
    def named(session: Session) -> list[tuple[str, str]]:
        return [file for one in REGISTRY if one.pictures is not None for file in one.pictures(session, user_id)]

    for name, key in database().call(named):
        try:
            yield Picture(name, storage().chunks(key))
        except FileNotFoundError:  # it has just become something else, or was deleted
            _log.info("a picture was gone", key=key)


def _export_of(key: str) -> uuid.UUID | None:
    """The export that a file belongs to; None for a file that is not named as ours are, which we leave alone."""
    try:
        return uuid.UUID(key.split("/")[1])
    except (IndexError, ValueError):
        return None
