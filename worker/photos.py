"""Tasks of photos: turning an upload into renditions, and deleting files that no row names."""

import hashlib
import time
import uuid
from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from typing import Final

from shared import clock, ledger, log
from shared.database import database
from shared.jobs import DELETE_FILES, PROCESS_PHOTO, SWEEP_FILES, TIDY_PHOTOS
from shared.ledger import Claim, LostFence
from shared.photos import pipeline, processing
from shared.photos.pipeline import Outcome, Source
from shared.photos.processing import Processed, Rejected
from shared.photos.rules import MIN_SIDE, Rejection
from shared.photos.service import folder, upload_key
from shared.storage import older_than, storage
from worker.work import ledger_task, periodic_task

YOUNG: Final = timedelta(hours=1)  # a file may precede its row by as long as an upload can take
SHARDS: Final = 256
SWEEP_SECONDS: Final = 10.0
SWEEP_EVERY: Final = timedelta(minutes=10)
_log = log.logger(__name__)


@ledger_task(PROCESS_PHOTO, give_up=pipeline.give_up)
def process(claimed: Claim) -> None:
    """Make a photo ready, or reject it with a reason. The same result however often it runs."""
    photo_id = uuid.UUID(claimed.key)
    source = database().call(pipeline.source, photo_id=photo_id)
    if source is None:
        database().call(ledger.finish, claimed)
        return
    data = storage().get(source.key)
    sha256 = hashlib.sha256(data).digest()
    try:
        made = processing.process(data, least_side=MIN_SIDE if source.is_upload else 1)
    except Rejected as rejected:
        if not source.is_upload:
            raise  # our own rendition was good once: a fault, to be seen by an operator
        _reject(claimed, photo_id, rejected.reason)
        return
    del data
    _accept(claimed, source, made, sha256)


def _reject(claimed: Claim, photo_id: uuid.UUID, reason: Rejection) -> None:
    with database().transaction() as session:
        pipeline.reject(session, photo_id=photo_id, reason=reason, now=clock.now())
        ledger.finish(session, claimed)
    storage().delete([upload_key(photo_id)])


def _accept(claimed: Claim, source: Source, made: Processed, sha256: bytes) -> None:
    photo_id = source.photo_id
    before = [source.key] if source.is_upload else _files_of(photo_id)
    keys = _store(photo_id, made)
    outcome = Outcome(made.width, made.height, made.thumbhash, made.color, made.fingerprint, sha256, keys)
    try:
        with database().transaction() as session:
            named = pipeline.accept(session, photo_id=photo_id, outcome=outcome, now=clock.now())
            ledger.finish(session, claimed)
    except LostFence:
        # Whoever has the work now may be about to name the very same files. Only a photo that is gone needs none.
        if database().call(pipeline.source, photo_id=photo_id) is None:
            storage().delete(list(keys.values()))
        raise
    storage().delete([key for key in {*before, *keys.values()} if key not in named])


def _store(photo_id: uuid.UUID, made: Processed) -> dict[str, str]:
    """Store the renditions under names derived from their content; variant to key."""
    keys = {}
    for variant, rendition in made.renditions.items():
        digest = hashlib.blake2b(rendition.data, digest_size=8).hexdigest()
        keys[variant] = f"{folder(photo_id)}/{digest}-{variant}.{rendition.extension}"
        storage().put(keys[variant], rendition.data, rendition.media_type)
    return keys


@ledger_task(DELETE_FILES)
def delete_files(claimed: Claim) -> None:
    """Delete every file of a photo that its row, if there still is one, does not name."""
    photo_id = uuid.UUID(claimed.key)
    _delete_unnamed([photo_id], _files_of(photo_id))
    database().call(ledger.finish, claimed)


@periodic_task(TIDY_PHOTOS)
def tidy() -> None:
    """Forget photos that were rejected long ago; find those that wait with nobody to process them."""
    deleted, forgotten = database().call(pipeline.tidy, now=clock.now())
    _log.info("tidied photos", deleted=deleted, forgotten=forgotten)


@periodic_task(SWEEP_FILES)
def sweep_files() -> None:
    """Delete files that no row names: all waiting uploads, and one of 256 shards of the renditions each time.

    The shard follows from the clock, so everything is looked at in under two days, with nothing to remember. It ends
    early rather than keep the queue's other work waiting.
    """
    deadline = time.monotonic() + SWEEP_SECONDS
    storage().delete_unfinished("uploads", YOUNG)
    shard = int(clock.now().timestamp() // SWEEP_EVERY.total_seconds()) % SHARDS
    for prefix in ("uploads", f"photos/{shard:02x}"):
        old = (key for key, modified in storage().list(prefix) if older_than(modified, YOUNG))
        ours = ((photo_id, key) for key in old if (photo_id := _photo_of(key)) is not None)
        while time.monotonic() < deadline and (batch := list(islice(ours, 500))):
            _delete_unnamed([photo_id for photo_id, _ in batch], [key for _, key in batch])


def _delete_unnamed(photo_ids: Iterable[uuid.UUID], keys: Iterable[str]) -> None:
    named = database().call(pipeline.files_in_use, photo_ids)
    storage().delete([key for key in keys if key not in named])


def _files_of(photo_id: uuid.UUID) -> list[str]:
    return [upload_key(photo_id), *(key for key, _ in storage().list(folder(photo_id)))]


def _photo_of(key: str) -> uuid.UUID | None:
    """The photo that a file belongs to; None for a file that is not named as ours are, which we leave alone."""
    parts = key.split("/")
    try:
        return uuid.UUID(parts[1] if parts[0] == "uploads" else parts[2])
    except (IndexError, ValueError):
        return None
