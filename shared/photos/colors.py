"""Whatever mode a picture was decoded in: made smaller in it, band by band, then brought to sRGB."""

import io
from typing import Final

from PIL import Image, ImageCms

# Modes that can be resized and brought to sRGB as they are, other than those with transparency.
_PLAIN: Final = ("L", "RGB", "CMYK")

# Rows that are converted at a time, so that a large picture never exists twice.
_BAND: Final = 256

# Profiles that change nothing, by their descriptions: the most common ones, and a transform costs as much as an encode.
_SRGB_NAMES: Final = ("sRGB IEC61966", "sRGB built-in")
_SRGB: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def shrunk(picture: Image.Image, *, factor: int) -> Image.Image:
    """The picture in L, RGB or CMYK, over white, each side divided by `factor` (rounded up)."""
    if factor == 1 and picture.mode in _PLAIN and not picture.has_transparency_data:
        return picture
    width, height = picture.size
    step = factor * max(1, _BAND // factor)
    small: Image.Image | None = None
    for top in range(0, height, step):
        band = _plain(picture.crop((0, top, width, min(top + step, height)))).reduce(factor)
        small = small or Image.new(band.mode, (band.width, -(-height // factor)))
        small.paste(band, (0, top // factor))
    if small is None:
        raise ValueError(picture.size)
    return small


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture (L, RGB or CMYK) as sRGB, by its ICC profile where that is sound. Without any metadata."""
    converted = _by_profile(picture, profile) if profile else None
    if converted is None:
        converted = picture if picture.mode == "RGB" else picture.convert("RGB")
    converted.info = {}
    return converted


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits of grey, whatever their order
        return picture.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    if picture.has_transparency_data:
        return _over_white(picture.convert("RGBA"))
    if picture.mode in _PLAIN:
        return picture
    return picture.convert("L" if picture.mode == "1" else "RGB")


def _over_white(picture: Image.Image) -> Image.Image:
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture)
    return ground


def _by_profile(picture: Image.Image, data: bytes) -> Image.Image | None:
    """By the profile's own account of its colours; None when it is broken, for another mode, or changes nothing."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        if picture.mode == "RGB" and ImageCms.getProfileDescription(profile).startswith(_SRGB_NAMES):
            return None
        return ImageCms.profileToProfile(picture, profile, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
