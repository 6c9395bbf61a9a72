"""From bytes to decoded pixels: header first, an explicit list of decoders, shrunk while decoding."""

import io
import struct
import zlib
from typing import Final

from PIL import AvifImagePlugin, ExifTags, Image, ImageFile

from shared.photos.heic import HeicFile
from shared.photos.rules import HEAD_BYTES, MAX_PIXELS, Rejection, is_other_picture, is_sequence, sniff

# Pillow refuses what has more than twice this many pixels (WebP before it allocates them); from once to twice it only
# warns.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2

# A worker process has one core: threads would only add memory.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

_PILLOW_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/avif": "AVIF"}

# What decoders raise for hostile bytes. Not Exception: a time limit of the worker is one too, and is nobody's damaged
# picture; MemoryError passes likewise.
_DECODER_ERRORS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

_UPRIGHT: Final = 1
_MIRRORED_LAST: Final = 8
_FIRST_SIDEWAYS: Final = 5


class Rejected(Exception):  # noqa: N818 - a decision about a photo, not an error
    """A photo is not taken; `reason` says why."""

    def __init__(self, reason: Rejection) -> None:
        """Refuse for that reason."""
        super().__init__(reason.value)
        self.reason = reason


def open_picture(data: bytes, *, least_side: int) -> ImageFile.ImageFile:
    """The picture with its header read and checked, nothing decoded yet. Raises Rejected."""
    head = data[:HEAD_BYTES]
    media_type = sniff(head)
    if media_type is None:
        raise Rejected(Rejection.UNSUPPORTED_FORMAT if is_other_picture(head) else Rejection.NOT_AN_IMAGE)
    if media_type == "image/heic" and is_sequence(head):
        raise Rejected(Rejection.ANIMATED)
    picture = _opened(data, media_type)
    _check_header(picture, media_type, least_side)
    return picture


def decode(picture: ImageFile.ImageFile, *, width: int) -> int:
    """Decode the picture in place, JPEG at the smallest scale that is `width` wide once upright.

    Returns its orientation: EXIF's number, still to be applied. Never leaves half a picture, and lets MemoryError pass.

    Raises:
        Rejected: CORRUPT.
    """
    try:
        if isinstance(picture, HeicFile):
            picture.load()
            return _UPRIGHT  # libheif has applied the file's own rotation, which a phone repeats in EXIF
        if picture.format in {"JPEG", "MPO"}:
            # A draft is as small as both sides allow, so the side that is not the width must not bind.
            picture.draft(None, (1, width) if is_sideways(_orientation(picture)) else (width, 1))
        picture.load()
        # After loading, since a PNG may keep its EXIF behind the pixels.
        return _orientation(picture)
    except _DECODER_ERRORS as error:
        raise Rejected(Rejection.CORRUPT) from error


def is_sideways(orientation: int) -> bool:
    """Whether an EXIF orientation swaps width and height."""
    return orientation >= _FIRST_SIDEWAYS


def _opened(data: bytes, media_type: str) -> ImageFile.ImageFile:
    try:
        if media_type == "image/heic":
            return HeicFile(io.BytesIO(data))
        return Image.open(io.BytesIO(data), formats=[_PILLOW_FORMATS[media_type]])
    except Image.DecompressionBombError as error:
        raise Rejected(Rejection.TOO_MANY_PIXELS) from error
    except _DECODER_ERRORS as error:
        raise Rejected(Rejection.CORRUPT) from error


def _check_header(picture: ImageFile.ImageFile, media_type: str, least_side: int) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise Rejected(Rejection.TOO_MANY_PIXELS)
    if min(picture.size) < least_side:
        raise Rejected(Rejection.TOO_SMALL)
    # Phones put a second picture (depth, a preview) into a JPEG, and several stills into a HEIC: the first, or primary,
    # one counts.
    if media_type not in {"image/jpeg", "image/heic"} and getattr(picture, "n_frames", 1) > 1:
        raise Rejected(Rejection.ANIMATED)


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8 (CIPA DC-008, 4.6.4); 1 where there is none or it makes no sense."""
    try:
        value = picture.getexif().get(ExifTags.Base.Orientation)
    except _DECODER_ERRORS:
        return _UPRIGHT
    return value if isinstance(value, int) and _UPRIGHT <= value <= _MIRRORED_LAST else _UPRIGHT
