"""The life of a photo on a worker: what to process, what came of it, and the care for files that nobody names."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, Text, func, or_, select
from sqlalchemy import cast as as_type
from sqlalchemy.orm import Session

from shared import events, ledger, log
from shared.accounts.models import Ban, BanKind
from shared.accounts.service import lock, reconsider
from shared.jobs import DELETE_FILES, PROCESS_PHOTO
from shared.moderation.models import Signal
from shared.moderation.service import keep_signal, open_case, reported_files
from shared.photos.models import Photo, PhotoStatus
from shared.photos.rules import Fingerprint, Rejection, near_equal
from shared.photos.service import has_room, upload_key

PIPELINE: Final = 1  # raised when photos should be made anew: `reindex photos --stale` finds those of a lower one
KEEP_REJECTED: Final = timedelta(days=7)  # so long a person can read why, and an operator can try again
KEEP_REMOVED: Final = timedelta(days=183)  # so long people can object to a decision (EU DSA, article 20)
NEAREST: Final = 20  # photos of others that a new one is compared with, by the index
FORGOTTEN: Final = timedelta(minutes=5)  # a photo that waits this long with no ledger row was forgotten by code
PROCESSED_ANEW: Final = frozenset({None, Rejection.COULD_NOT_PROCESS})
_log = log.logger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """What to make renditions from: the upload, or for a photo that is ready its largest rendition."""

    key: str
    photo_id: uuid.UUID
    is_upload: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What processing found: facts and storage keys."""

    width: int
    height: int
    thumbhash: str
    color: str
    fingerprint: int
    sha256: bytes
    renditions: dict[str, str]


def source(session: Session, *, photo_id: uuid.UUID) -> Source | None:
    """Where to begin; None when the photo is gone or has been rejected for what it is."""
    photo = session.get(Photo, photo_id)
    if photo is None or photo.rejection not in PROCESSED_ANEW:
        return None
    if photo.status == PhotoStatus.READY and photo.renditions:
        return Source(photo.renditions["jpeg"], photo_id, is_upload=False)
    return Source(upload_key(photo_id), photo_id, is_upload=True)


def accept(session: Session, *, photo_id: uuid.UUID, outcome: Outcome, now: datetime) -> set[str]:
    """Make the photo ready, or reject it as a duplicate; returns the storage keys that its row names now.

    The photos of one person wait for each other here, so that of two equal ones exactly one is ready.
    """
    photo = _locked(session, photo_id)
    if photo is None:
        return set()
    _judge(session, photo, outcome, now)
    return _files(photo)


def _judge(session: Session, photo: Photo, outcome: Outcome, now: datetime) -> None:
    if photo.rejection not in PROCESSED_ANEW:
        return  # taken down, or judged otherwise, meanwhile
    if photo.status == PhotoStatus.READY and photo.renditions:
        # Made again from its own largest rendition: that one stays, or it would lose a little each time.
        kept = {name: photo.renditions[name] for name in ("1080", "jpeg")}
        _store(photo, outcome, outcome.renditions | kept, now)
        return
    if photo.status == PhotoStatus.REJECTED and not has_room(session, photo.user_id):
        return  # given up, tried again by an operator, and meanwhile there are six others
    if _is_duplicate(session, photo, outcome):
        _reject(session, photo, Rejection.DUPLICATE, now)
        return
    photo.sha256 = outcome.sha256
    _store(photo, outcome, outcome.renditions, now)
    session.flush()
    _look_for_stolen(session, photo, now)
    events.note(session, user_id=photo.user_id, kind="photo.ready", data={"photo_id": str(photo.id)})
    reconsider(session, photo.user_id)


def reject(session: Session, *, photo_id: uuid.UUID, reason: Rejection, now: datetime) -> None:
    """Reject the photo and tell its owner why; a photo that is ready stays so."""
    photo = _locked(session, photo_id)
    if photo is not None and photo.status != PhotoStatus.READY and photo.rejection in PROCESSED_ANEW:
        _reject(session, photo, reason, now)


def give_up(session: Session, key: str, now: datetime) -> None:
    """After the last failed attempt: the person is told, the upload is kept for an operator's retry."""
    reject(session, photo_id=uuid.UUID(key), reason=Rejection.COULD_NOT_PROCESS, now=now)


def files_in_use(session: Session, photo_ids: Iterable[uuid.UUID]) -> set[str]:
    """The storage keys that are needed of these photos.

    Renditions, uploads that are or may yet be processed, and what a report shows: that outlives its photo.
    """
    ids = list(photo_ids)
    photos = session.scalars(select(Photo).where(Photo.id.in_(ids)))
    return {key for photo in photos for key in _files(photo)}.union(reported_files(session, ids))


def tidy(session: Session, *, now: datetime, most: int = 500) -> tuple[int, int]:
    """(rejected photos deleted after a week, forgotten ones asked for): the first is routine, the second a defect.

    A photo that waits although nobody promised to process it is code that forgot to ask: repaired, and logged as an
    error.
    """
    old = session.scalars(
        select(Photo)
        .where(
            Photo.status == PhotoStatus.REJECTED,
            Photo.processed_at < now - KEEP_REJECTED,
            or_(Photo.rejection != Rejection.REMOVED, Photo.processed_at < now - KEEP_REMOVED),
        )
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    for photo in old:
        session.delete(photo)
    forgotten = session.scalars(
        select(as_type(Photo.id, Text))
        .where(
            Photo.status == PhotoStatus.PROCESSING,
            Photo.created_at < now - FORGOTTEN,
            ledger.unpromised(PROCESS_PHOTO, Photo.id),
        )
        .limit(most)
    ).all()
    session.flush()
    if forgotten:
        _log.error("photos waited with nobody to process them", photos=forgotten)
        ledger.ask(session, PROCESS_PHOTO, *forgotten)
    if old:
        gone = [str(photo.id) for photo in old]
        ledger.cancel(session, PROCESS_PHOTO, *gone)
        ledger.ask(session, DELETE_FILES, *gone)
    return len(old), len(forgotten)


def to_process(*, user_id: uuid.UUID | None, stale: bool) -> Select[uuid.UUID]:
    """Ids of the photos to process anew: those of one person or of everybody.

    With `stale` only those of an older pipeline, or never finished.
    """
    wanted = select(Photo.id).where(
        or_(Photo.status != PhotoStatus.REJECTED, Photo.rejection == Rejection.COULD_NOT_PROCESS)
    )
    if user_id is not None:
        wanted = wanted.where(Photo.user_id == user_id)
    if stale:
        wanted = wanted.where(func.coalesce(Photo.pipeline, 0) < PIPELINE)
    return wanted


def _files(photo: Photo) -> set[str]:
    keys = set((photo.renditions or {}).values())
    if photo.status == PhotoStatus.PROCESSING or photo.rejection == Rejection.COULD_NOT_PROCESS:
        keys.add(upload_key(photo.id))
    return keys


def _locked(session: Session, photo_id: uuid.UUID) -> Photo | None:
    """The photo, with its person locked first as everywhere, so that nobody's changes deadlock."""
    lock(session, select(Photo.user_id).where(Photo.id == photo_id).scalar_subquery())
    return session.get(Photo, photo_id, populate_existing=True)


def _store(photo: Photo, outcome: Outcome, renditions: dict[str, str], now: datetime) -> None:
    photo.status, photo.rejection = PhotoStatus.READY, None
    photo.width, photo.height = outcome.width, outcome.height
    photo.thumbhash, photo.color = outcome.thumbhash, outcome.color
    photo.fingerprint = f"{outcome.fingerprint:064b}"
    photo.renditions, photo.pipeline, photo.processed_at = renditions, PIPELINE, now


def _reject(session: Session, photo: Photo, reason: Rejection, now: datetime) -> None:
    photo.status, photo.rejection, photo.processed_at = PhotoStatus.REJECTED, reason, now
    session.flush()
    data = {"photo_id": str(photo.id), "code": reason}
    events.note(session, user_id=photo.user_id, kind="photo.rejected", data=data)


def _is_duplicate(session: Session, photo: Photo, outcome: Outcome) -> bool:
    mine = Fingerprint(outcome.fingerprint, outcome.color)
    others = session.scalars(
        select(Photo).where(Photo.user_id == photo.user_id, Photo.id != photo.id, Photo.status == PhotoStatus.READY)
    )
    return any(other.sha256 == outcome.sha256 or near_equal(mine, _fingerprint(other)) for other in others)


def _look_for_stolen(session: Session, photo: Photo, now: datetime) -> None:
    """Put before moderators whoever shows a photo of somebody else, or of somebody who was banned."""
    foreign = (Photo.user_id != photo.user_id, Photo.status == PhotoStatus.READY)
    same_bytes = select(Photo.id).where(*foreign, Photo.sha256 == photo.sha256).limit(NEAREST)
    by_distance = Photo.fingerprint.hamming_distance(photo.fingerprint)
    nearest = select(Photo.id).where(*foreign).order_by(by_distance).limit(NEAREST)
    found = [
        _keep(
            session,
            photo,
            kind="stolen_photo",
            about=str(other.id),
            evidence={
                "other_photo_id": str(other.id),
                "other_user_id": str(other.user_id),
                "same_bytes": other.sha256 == photo.sha256,
            },
            now=now,
        )
        for other in session.scalars(select(Photo).where(or_(Photo.id.in_(same_bytes), Photo.id.in_(nearest))))
        if other.sha256 == photo.sha256 or near_equal(_fingerprint(photo), _fingerprint(other))
    ]
    found += [
        _keep(
            session, photo, kind="banned_photo", about=str(ban.case_id), evidence={"case_id": str(ban.case_id)}, now=now
        )
        for ban in session.scalars(
            select(Ban)
            .where(Ban.kind == BanKind.PHOTO)
            .order_by(Ban.fingerprint.hamming_distance(photo.fingerprint))
            .limit(NEAREST)
        )
        if ban.hash == photo.sha256 or near_equal(_fingerprint(photo), _fingerprint(ban))
    ]
    new = [signal for signal in found if signal is not None]
    if new:
        open_case(session, user_id=photo.user_id, now=now, signals=new)


def _keep(
    session: Session, photo: Photo, *, kind: str, about: str, evidence: dict[str, Any], now: datetime
) -> Signal | None:
    return keep_signal(
        session,
        kind=kind,
        subject=f"{photo.id}:{about}",
        user_id=photo.user_id,
        evidence={"photo_id": str(photo.id), **evidence},
        now=now,
    )


def _fingerprint(photo: Photo | Ban) -> Fingerprint:
    return Fingerprint(int(photo.fingerprint or "0", 2), photo.color or "#000000")
