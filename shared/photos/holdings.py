"""What photos hold about a person: their pictures."""

import uuid
from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.holdings import Deleted, Exported, Files, Holdings
from shared.jobs import DELETE_FILES, PROCESS_PHOTO
from shared.moderation.models import Report, ReportFile
from shared.photos.models import Photo, PhotoStatus
from shared.photos.service import folder, upload_key


def _pictures(session: Session, user_id: uuid.UUID) -> list[tuple[str, str]]:
    """Each photo as large as there is one; of one that is still worked on, the upload."""
    photos = session.scalars(select(Photo).where(Photo.user_id == user_id).order_by(Photo.position))
    return [named for photo in photos for named in _files(photo)]


def _files(photo: Photo) -> Iterator[tuple[str, str]]:
    name = f"photos/{photo.position + 1}"
    if photo.renditions:
        yield f"{name}.jpg", photo.renditions["jpeg"]
    elif photo.status == PhotoStatus.PROCESSING:
        yield f"{name}.upload", upload_key(photo.id)


HOLDINGS = Holdings(
    "photos",
    # Files again after the rows: a worker may be about to store some of a photo that it works on.
    columns=(Deleted(Photo.user_id, cancels=(PROCESS_PHOTO,), asks=(DELETE_FILES,)),),
    files=(
        Files(lambda user_id: select(Photo.id).where(Photo.user_id == user_id), folder, upload_key),
        # What reports show of photos that are gone.
        Files(
            lambda user_id: select(ReportFile.photo_id).join(Report).where(Report.user_id == user_id).distinct(), folder
        ),
    ),
    exports=(
        Exported(
            "photos",
            "Your photos in their order, and what we know of each. The pictures are in the folder photos, by number.",
            lambda user_id: select(
                (Photo.position + 1).label("number"),
                Photo.status,
                Photo.rejection,
                Photo.width,
                Photo.height,
                Photo.color.label("dominant_color"),
                Photo.fingerprint.label("hash_of_what_it_shows"),
                func.encode(Photo.sha256, "hex").label("hash_of_the_upload"),
                Photo.created_at,
                Photo.processed_at,
            ).where(Photo.user_id == user_id),
            (Photo.position,),
        ),
    ),
    pictures=_pictures,
)
