"""One uploaded picture to everything that is shown of it. Only workers import this: it loads the imaging libraries."""

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image

from shared.photos.appearance import dominant_color, perceptual_hash, placeholder
from shared.photos.colors import shrunk, to_srgb
from shared.photos.memory import bounded
from shared.photos.opening import Rejected, decode, is_sideways, open_picture
from shared.photos.rules import DECODING_BYTES, JPEG_QUALITY, MAX_TALLNESS, MIN_SIDE, WEBP_EFFORT, WEBP_QUALITY, WIDTHS

__all__ = ["Processed", "Rejected", "Rendition", "process"]

_LARGEST: Final = max(WIDTHS)

# Half the cost of Lanczos, and sharper than the equally cheap bilinear filter.
_FILTER: Final = Image.Resampling.HAMMING

# What turns a stored picture upright, by its EXIF orientation (CIPA DC-008, 4.6.4).
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Rendition:
    """One file to serve, without metadata."""

    data: bytes
    media_type: str
    extension: str


@dataclass(frozen=True, slots=True)
class Processed:
    """What is kept of a photo. Width and height are those of the largest rendition, upright."""

    width: int
    height: int
    thumbhash: str
    color: str
    fingerprint: int
    renditions: dict[str, Rendition]


def process(data: bytes, *, least_side: int = MIN_SIDE) -> Processed:
    """Make renditions "320", "640", "1080" (WebP, by width in pixels) and "jpeg" (1080), and say how the picture looks.

    A narrower picture is not enlarged: each rendition is at most as wide as it is called. The same bytes give the same
    result.

    Raises:
        Rejected: with the reason; TOO_SMALL when a side has fewer than `least_side` pixels.
        MemoryError: decoding takes more than DECODING_BYTES.
    """
    # Decoders warn of odd headers; either the pixels can be decoded or they cannot.
    with bounded(DECODING_BYTES), warnings.catch_warnings(action="ignore"):
        picture = _upright(data, least_side=least_side)
    width, height = picture.size
    renditions = {"jpeg": _jpeg(picture)}
    for name, smaller in _by_width(picture):
        picture = smaller
        renditions[name] = _webp(picture)
    return Processed(
        width=width,
        height=height,
        thumbhash=placeholder(picture),
        color=dominant_color(picture),
        fingerprint=perceptual_hash(picture),
        renditions=renditions,
    )


def _upright(data: bytes, *, least_side: int) -> Image.Image:
    """The picture in sRGB, upright, as large as the largest rendition. The one function that holds it decoded."""
    source = open_picture(data, least_side=least_side)
    profile = source.info.get("icc_profile")
    orientation = decode(source, width=_LARGEST)
    sideways = is_sideways(orientation)
    target = _fitted(source.size[::-1] if sideways else source.size, width=_LARGEST)
    if sideways:
        target = target[::-1]
    small = shrunk(source, factor=max(1, min(source.width // target[0], source.height // target[1])))
    del source
    # Turned and brought to sRGB only now, when there is least of it.
    small = _resized(small, target)
    if orientation in _TURNS:
        small = small.transpose(_TURNS[orientation])
    return to_srgb(small, profile)


def _by_width(picture: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """The picture at each width, widest first, each made of the one before."""
    for width in sorted(WIDTHS, reverse=True):
        picture = _resized(picture, _fitted(picture.size, width=width))
        yield str(width), picture


def _fitted(size: tuple[int, int], *, width: int) -> tuple[int, int]:
    """The size within `width` and MAX_TALLNESS times it, of the same proportions, never larger."""
    scale = min(1.0, width / size[0], width * MAX_TALLNESS / size[1])
    return max(1, int(size[0] * scale + 0.5)), max(1, int(size[1] * scale + 0.5))


def _resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    if picture.size == size:
        return picture
    if size == (-(-picture.width // 2), -(-picture.height // 2)):
        return picture.reduce(2)  # exact halves, as 640 to 320, need no filter
    return picture.resize(size, _FILTER)


def _webp(picture: Image.Image) -> Rendition:
    data = io.BytesIO()
    picture.save(data, "WEBP", quality=WEBP_QUALITY, method=WEBP_EFFORT)
    return Rendition(data.getvalue(), "image/webp", "webp")


def _jpeg(picture: Image.Image) -> Rendition:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=JPEG_QUALITY)
    return Rendition(data.getvalue(), "image/jpeg", "jpg")
