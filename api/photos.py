"""Routes of one's own photos: taking uploads in, and showing what became of them."""

import hashlib
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Final

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Query, Request, Response, status
from pydantic import Field

from api.accounts import SIGNED_IN
from api.creating import Creating
from api.dependencies import Me
from api.errors import documented
from api.media import absolute
from api.shapes import Body, Limit, Offset, Page, Shape, page, with_example
from api.uploads import file_chunks
from shared import clock
from shared.errors import Refusal
from shared.idempotency import Replay
from shared.photos import service
from shared.photos.models import Photo
from shared.photos.rules import HEAD_BYTES, MAX_BYTES, MESSAGES, Rejection, sniff
from shared.storage import storage

router = APIRouter(prefix="/v1/profile/photos", tags=["photos"])


class RejectionShape(Shape):
    """Why a photo was rejected: for programs, and for the person."""

    code: Rejection
    message: str


PHOTO_EXAMPLE: Final[dict[str, Any]] = {
    "id": "443c518b-fa20-49de-a6cc-84c4d7704fc4",
    "status": "ready",
    "position": 0,
    "width": 1080,
    "height": 810,
    "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
    "color": "#7f6a4f",
    "urls": {
        variant: f"https://api.example.com/media/photos/44/443c518b…-{variant}?expires=1795550400&signature=…"
        for variant in ("320", "640", "1080", "jpeg")
    },
    "rejection": None,
}


class PublicPhoto(Shape):
    """A photo as others see it: without times, which would tell when somebody was last here.

    `urls` are signed and expire; ask again for fresh ones.
    """

    model_config = with_example(PHOTO_EXAMPLE)

    id: uuid.UUID
    status: str
    position: int
    width: int | None
    height: int | None
    thumbhash: str | None
    color: str | None
    urls: dict[str, str] | None
    rejection: RejectionShape | None


class PhotoShape(PublicPhoto):
    """One's own photo."""

    model_config = with_example(PHOTO_EXAMPLE | {"created_at": "2026-11-24T18:49:15Z"})

    created_at: datetime


class PhotoOrder(Body):
    """All photos, in their new order."""

    model_config = with_example(
        {"ids": ["7b0f3c7e-4d5f-4a63-a9a2-6d2b1f6f3c11", "0a4d8c1e-9f5b-4c52-8f0e-2f6f1b7c9d22"]}
    )

    ids: list[uuid.UUID] = Field(max_length=100)


def public_photo(photo: Photo, request: Request, *, position: int) -> PublicPhoto:
    """The shape of another's photo; its position among those shown."""
    urls = None
    if photo.renditions is not None and photo.rejection is None:
        urls = {variant: absolute(storage().url(key), request) for variant, key in photo.renditions.items()}
    return PublicPhoto(
        id=photo.id,
        status=photo.status,
        position=position,
        width=photo.width,
        height=photo.height,
        thumbhash=photo.thumbhash if urls else None,
        color=photo.color if urls else None,
        urls=urls,
        rejection=_rejection(photo),
    )


def photo_shape(photo: Photo, request: Request) -> PhotoShape:
    """The shape of one's own photo."""
    shown = public_photo(photo, request, position=photo.position).model_dump()
    return PhotoShape(**shown, created_at=photo.created_at)


def _rejection(photo: Photo) -> RejectionShape | None:
    if photo.rejection is None:
        return None
    code = Rejection(photo.rejection)
    return RejectionShape(code=code, message=MESSAGES[code])


_UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "The picture"}},
                }
            }
        },
    }
}


@router.post(
    "",
    operation_id="upload_photo",
    summary="Add a photo",
    status_code=status.HTTP_202_ACCEPTED,
    openapi_extra=_UPLOAD_BODY,
    responses=documented(*SIGNED_IN, "photo_limit", "too_large", "unsupported_media", "validation_error"),
)
async def upload_photo(request: Request, me: Creating) -> PhotoShape:
    """JPEG, PNG, WebP, HEIC or AVIF, up to 15 MB. A worker makes it ready or says why not: poll its `Location`."""
    if not await me.is_known():
        await me.run(service.check_room)
    photo_id = clock.new_id()
    content = await _store(request, service.upload_key(photo_id))
    try:
        return await me.create_from(
            content,
            lambda photo: photo_shape(photo, request),
            "/v1/profile/photos/{0.id}",
            service.submit,
            photo_id=photo_id,
        )
    except (Refusal, Replay):  # and only then: after a lost answer of the database the photo may well be there
        await to_thread.run_sync(storage().delete, [service.upload_key(photo_id)])
        raise


@router.get("", operation_id="list_photos", summary="Your photos", responses=documented(*SIGNED_IN, "validation_error"))
async def list_photos(
    request: Request, me: Me, limit: Annotated[Limit, Query()] = 100, offset: Annotated[Offset, Query()] = 0
) -> Page[PhotoShape]:
    """In their order; the first is the main one."""
    photos = await me.run(service.own_photos)
    return page(photos, lambda photo: photo_shape(photo, request), limit=limit, offset=offset)


@router.put(
    "/order",
    operation_id="order_photos",
    summary="Put your photos in order",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def order_photos(request: Request, me: Me, body: PhotoOrder) -> Page[PhotoShape]:
    """Name every photo once; the first becomes the main one."""
    photos = await me.run(service.reorder, ids=body.ids)
    shown = [photo_shape(photo, request) for photo in photos]
    return Page(items=shown, total=len(shown), limit=100, offset=0)


@router.get(
    "/{photo_id}",
    operation_id="get_photo",
    summary="One of your photos",
    responses=documented(*SIGNED_IN, "not_found", "validation_error"),
)
async def get_photo(request: Request, me: Me, photo_id: uuid.UUID) -> PhotoShape:
    """`processing`, `ready` with its `urls`, or `rejected` with the reason."""
    return photo_shape(await me.run(service.own_photo, photo_id=photo_id), request)


@router.delete(
    "/{photo_id}",
    operation_id="delete_photo",
    summary="Delete a photo",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(*SIGNED_IN, "not_found", "validation_error"),
)
async def delete_photo(me: Me, photo_id: uuid.UUID) -> Response:
    """Gone at once, its files a moment later."""
    await me.run(service.remove, photo_id=photo_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


async def _store(request: Request, key: str) -> bytes:
    """Stream the upload into storage, refusing it as early as can be known; the hash of the file."""
    refusal: list[Refusal | HTTPException] = []
    content = hashlib.sha256()

    async def watched(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for chunk in chunks:
                content.update(chunk)
                yield chunk
        except (Refusal, HTTPException) as refused:
            refusal.append(refused)
            raise

    chunks = file_chunks(request, most=MAX_BYTES, head_bytes=HEAD_BYTES, check_head=_require_picture)
    try:
        await storage().put_stream(key, watched(chunks), "application/octet-stream")
    except Exception:
        if refusal:
            raise refusal[0] from None
        raise
    return content.digest()


def _require_picture(head: bytes) -> None:
    if sniff(head) is None:
        raise Refusal("unsupported_media", "Photos are JPEG, PNG, WebP, HEIC or AVIF files.")
