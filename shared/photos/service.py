"""A person's own photos: adding, listing, ordering, deleting."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import ledger
from shared.accounts.models import User
from shared.accounts.service import lock, reconsider
from shared.errors import Refusal, invalid
from shared.jobs import DELETE_FILES, PROCESS_PHOTO
from shared.photos.models import Photo, PhotoStatus
from shared.photos.rules import MAX_PHOTOS, Rejection

MOST_REJECTED: Final = 10  # kept for their reasons until they are a week old; nobody may pile up more


def upload_key(photo_id: uuid.UUID) -> str:
    """Where the raw upload waits for its worker; it is never served."""
    return f"uploads/{photo_id}"


def folder(photo_id: uuid.UUID) -> str:
    """Where the renditions of a photo are."""
    return f"photos/{photo_id.hex[:2]}/{photo_id}"


def check_room(session: Session, user: User) -> None:
    """Whether one more photo fits, to refuse before an upload is read.

    Raises:
        Refusal: `photo_limit`.
    """
    if not has_room(session, user.id):
        raise Refusal("photo_limit", details={"limit": MAX_PHOTOS})


def has_room(session: Session, user_id: uuid.UUID) -> bool:
    """Whether a person has fewer photos than fit; rejected ones take no place."""
    held = select(func.count()).where(Photo.user_id == user_id, Photo.status != PhotoStatus.REJECTED)
    return (session.scalar(held) or 0) < MAX_PHOTOS


def submit(session: Session, user: User, *, photo_id: uuid.UUID) -> Photo:
    """Take in a photo whose upload is stored at `upload_key`, and promise to process it.

    Racing uploads wait for each other here, so the limit is exact.

    Raises:
        Refusal: `photo_limit`.
    """
    lock(session, user.id)
    check_room(session, user)
    photos = own_photos(session, user)
    for oldest in [photo for photo in photos if _only_told(photo)][:-MOST_REJECTED]:
        _delete(session, oldest)
    position = _close_gaps(session, user)
    photo = Photo(id=photo_id, user_id=user.id, position=position)
    session.add(photo)
    session.flush()
    session.refresh(photo)
    ledger.ask(session, PROCESS_PHOTO, str(photo_id))
    return photo


def own_photos(session: Session, user: User) -> Sequence[Photo]:
    """All photos of a person in their order, the rejected ones too."""
    return session.scalars(select(Photo).where(Photo.user_id == user.id).order_by(Photo.position)).all()


def own_photo(session: Session, user: User, *, photo_id: uuid.UUID) -> Photo:
    """One photo of a person.

    Raises:
        Refusal: `not_found`.
    """
    photo = session.scalar(select(Photo).where(Photo.id == photo_id, Photo.user_id == user.id))
    if photo is None:
        raise Refusal("not_found", "There is no such photo.")
    return photo


def reorder(session: Session, user: User, *, ids: Sequence[uuid.UUID]) -> Sequence[Photo]:
    """Put all photos into this order.

    Raises:
        Refusal: `validation_error` unless each of the person's photos is named exactly once.
    """
    lock(session, user.id)
    photos = {photo.id: photo for photo in own_photos(session, user)}
    if len(ids) != len(photos) or set(ids) != set(photos):
        raise invalid("ids", "Name each of your photos exactly once.")
    for position, photo_id in enumerate(ids):
        photos[photo_id].position = position
    session.flush()
    return [photos[photo_id] for photo_id in ids]


def remove(session: Session, user: User, *, photo_id: uuid.UUID) -> None:
    """Delete a photo and promise to delete its files; those after it move up.

    Raises:
        Refusal: `not_found`.
    """
    lock(session, user.id)
    _delete(session, own_photo(session, user, photo_id=photo_id))
    _close_gaps(session, user)
    reconsider(session, user.id)


def _only_told(photo: Photo) -> bool:
    return photo.status == PhotoStatus.REJECTED and photo.rejection != Rejection.REMOVED


def take_away(session: Session, photo: Photo, *, now: datetime) -> None:
    """Show a photo to nobody any more, by a decision that can be taken back. Lock its owner first."""
    photo.status, photo.rejection, photo.processed_at = PhotoStatus.REJECTED, Rejection.REMOVED, now
    session.flush()
    reconsider(session, photo.user_id)


def give_back(session: Session, photo: Photo) -> bool:
    """Show a photo again that was taken away; whether there was room for it. Lock its owner first."""
    if photo.rejection != Rejection.REMOVED or not has_room(session, photo.user_id):
        return False
    photo.status, photo.rejection = PhotoStatus.READY, None
    session.flush()
    reconsider(session, photo.user_id)
    return True


def _delete(session: Session, photo: Photo) -> None:
    session.delete(photo)
    session.flush()
    ledger.cancel(session, PROCESS_PHOTO, str(photo.id))
    ledger.ask(session, DELETE_FILES, str(photo.id))


def _close_gaps(session: Session, user: User) -> int:
    """Number the photos from 0 in their order; how many there are."""
    photos = own_photos(session, user)
    for position, photo in enumerate(photos):
        photo.position = position
    session.flush()
    return len(photos)
