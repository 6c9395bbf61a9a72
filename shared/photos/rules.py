"""What a photo may be and what is made of it: numbers, reasons and pure decisions, no imaging."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

# --- What is accepted ---

MAX_PHOTOS: Final = 6
MAX_BYTES: Final = 15 * 1024 * 1024
MAX_PIXELS: Final = 50_000_000
MIN_SIDE: Final = 400  # Shorter sides would look poor even on a small phone.

# --- What is made ---

WIDTHS: Final = (320, 640, 1080)

# A strip of chat screenshots can be 400 x 100,000 and WebP ends at 16,383. Three is beyond every phone's own format
# (21:9); what is taller becomes narrower than its width instead.
MAX_TALLNESS: Final = 3

# Effort 2 takes two fifths of the CPU of Pillow's default 4 and makes 3 to 6 % more bytes; 3 costs nearly as much as 4,
# and 1 saves a third more for another 2 % of bytes.
WEBP_QUALITY: Final = 80
WEBP_EFFORT: Final = 2
JPEG_QUALITY: Final = 82

# A hostile file gets this much address space beyond what the process has, then MemoryError. The largest picture allowed
# takes 200 MB decoded, and twice to three times that on the way (HEIC, AVIF, progressive JPEG).
DECODING_BYTES: Final = 1024 * 1024 * 1024

# --- When two pictures are the same to a person ---

# A difference hash compares each of 8 x 8 cells with its right neighbour. Tried on 320 generated pictures: the same
# picture re-encoded, halved, blurred or brightened is at most 4 bits away, cropped by 2 % on each side mostly 4 to 9;
# of 25,000 different pairs (half with the same composition) the nearest was 7.
MAX_DISTANCE: Final = 6
# A flat picture has no bit set, a gradient all or none, and every picture that only varies sideways has eight equal
# rows: all such pictures look alike to the hash. Ordinary ones had 15 to 43 bits and at least 5 different rows.
MIN_BITS: Final = 8
MAX_BITS: Final = 64 - MIN_BITS
MIN_DIFFERENT_ROWS: Final = 4
# Distance of dominant colours in RGB. Re-encoding and rescaling moved it by less in every trial, brightening by 15 % in
# nine of ten; a third to two thirds of different pictures are further apart.
MAX_COLOR_DISTANCE: Final = 64


class Rejection(StrEnum):
    """Why a photo was not taken, as stored and as sent to clients."""

    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    TOO_SMALL = "too_small"
    TOO_MANY_PIXELS = "too_many_pixels"
    CORRUPT = "corrupt"
    ANIMATED = "animated"
    DUPLICATE = "duplicate"
    COULD_NOT_PROCESS = "could_not_process"
    REMOVED = "removed"


MESSAGES: Final[dict[Rejection, str]] = {
    Rejection.NOT_AN_IMAGE: "That file isn't a picture, so please choose a photo from your gallery.",
    Rejection.UNSUPPORTED_FORMAT: "We can't read this kind of picture, so send it as JPEG, PNG, WebP, HEIC or AVIF.",
    Rejection.TOO_SMALL: f"Too small to look good: please pick one of at least {MIN_SIDE} pixels on each side.",
    Rejection.TOO_MANY_PIXELS: "This picture is larger than we can handle, so please scale it down to 50 megapixels.",
    Rejection.CORRUPT: "This file arrived damaged, so please try again or save a fresh copy of the photo first.",
    Rejection.ANIMATED: "Moving pictures don't work here, so please choose a still photo.",
    Rejection.DUPLICATE: "You already have this photo on your profile, so please show another side of you.",
    Rejection.COULD_NOT_PROCESS: "Something went wrong on our side and we're sorry; please try this photo once more.",
    Rejection.REMOVED: "Our team took this photo down, and your notices say why and how to object.",
}


# --- What the first bytes say ---

# The type and compatible brands of HEIF (ISO/IEC 23008-12), MIAF and AVIF files lie in their first box.
HEAD_BYTES: Final = 256
_AVIF: Final = frozenset({b"avif", b"avis"})
_HEIC: Final = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis"})
_HEIF: Final = frozenset({b"mif1", b"msf1"})
_SEQUENCES: Final = frozenset({b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"})

_OTHER_PICTURES: Final = (
    b"GIF87a",
    b"GIF89a",
    b"II*\0",  # TIFF and most camera raws
    b"MM\0*",
    b"II+\0",  # BigTIFF
    b"MM\0+",
    b"8BPS",  # Photoshop
    b"%PDF-",
    b"\0\0\1\0",  # Windows icon
    b"icns",
    b"\0\0\0\x0cjP  ",  # JPEG 2000
    b"\xff\x4f\xff\x51",
    b"\0\0\0\x0cJXL ",  # JPEG XL
    b"\xff\x0a",
    b"qoif",
    b"gimp xcf",
    b"FUJIFILMCCD-RAW",
    b"\x76\x2f\x31\x01",  # OpenEXR
)


def sniff(head: bytes) -> str | None:
    """The media type of an accepted kind of picture by its first bytes (32 or more, HEAD_BYTES are best), else None."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return _sniff_brands(head)


def is_sequence(head: bytes) -> bool:
    """Whether a HEIC file is first of all a sequence of pictures; stills beside a primary one are not."""
    return not _SEQUENCES.isdisjoint(_brands(head)[:1])


def is_other_picture(head: bytes) -> bool:
    """Whether the first bytes are those of a picture of a kind that is not accepted."""
    if head.startswith(_OTHER_PICTURES) or head[4:12] == b"ftypcrx ":
        return True
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return True
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return text.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text


def _sniff_brands(head: bytes) -> str | None:
    brands = _brands(head)
    # The main brand decides; a general one (mif1), or one that is none of ours, leaves it to the compatible brands.
    for candidates in (brands[:1], brands):
        if not _AVIF.isdisjoint(candidates):
            return "image/avif"
        if not _HEIC.isdisjoint(candidates):
            return "image/heic"
    return None if _HEIF.isdisjoint(brands) else "image/heic"


def _brands(head: bytes) -> list[bytes]:
    """The main brand of an ISO media file and then its compatible ones, as far as `head` shows them."""
    if head[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(head[:4]), len(head))
    compatible = [head[start:stop] for start, stop in pairwise(range(16, end + 1, 4))]
    return [head[8:12], *compatible]


# --- Near-equal pictures ---


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """How a picture looks: its 64-bit difference hash (unsigned, row by row) and its dominant colour, "#rrggbb"."""

    hash: int
    color: str


def near_equal(a: Fingerprint, b: Fingerprint) -> bool:
    """Whether two fingerprints are most likely of one picture. Symmetric; never true of a picture without structure."""
    return (
        is_informative(a.hash)
        and is_informative(b.hash)
        and (a.hash ^ b.hash).bit_count() <= MAX_DISTANCE
        and _color_distance_squared(a.color, b.color) <= MAX_COLOR_DISTANCE**2
    )


def is_informative(picture_hash: int) -> bool:
    """Whether the hash has seen enough structure to tell one picture from another."""
    rows = set(picture_hash.to_bytes(8))
    return MIN_BITS <= picture_hash.bit_count() <= MAX_BITS and len(rows) >= MIN_DIFFERENT_ROWS


def _color_distance_squared(a: str, b: str) -> int:
    return sum((x - y) ** 2 for x, y in zip(bytes.fromhex(a[1:]), bytes.fromhex(b[1:]), strict=True))
