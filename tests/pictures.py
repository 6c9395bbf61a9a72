"""Makers of pictures, good and bad, for every test and benchmark that needs one."""

import io
import struct
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageCms, ImageDraw

from shared.photos.rules import MAX_BYTES, Rejection

DATA = Path(__file__).parent / "data"

# The colour of each corner of an upright scene, so that a test can tell which side is up and whether it was mirrored.
CORNERS = {
    "top left": (230, 20, 20),
    "top right": (20, 200, 20),
    "bottom left": (20, 20, 230),
    "bottom right": (245, 245, 245),
}

# EXIF tags (CIPA DC-008) by their numbers, since Pillow's own names are what is under test elsewhere.
MAKE, MODEL, ORIENTATION, MOMENT, GPS = 0x010F, 0x0110, 0x0112, 0x0132, 0x8825
CAMERA = "Snoopless 9000"

# What a camera stored sideways: how an upright scene is turned for each EXIF orientation.
_STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
_SIDEWAYS = 5

# Detail of a scene: one layer of noise per (pixels per grain, amplitude). Finer detail is weaker, as in nature.
_GRAINS = ((64, 60), (16, 36), (6, 20), (2, 12))


@lru_cache(maxsize=24)
def camera_photo(
    width: int = 4000, height: int = 3000, seed: int = 0, orientation: int = 6, *, gps: bool = True
) -> bytes:
    """A JPEG as a phone writes it: `width` x `height` pixels as stored, 2 to 3 MB at 12 megapixels, one for each seed.

    Upright (after applying `orientation`) its corners have the colours of CORNERS.
    """
    upright = (height, width) if orientation >= _SIDEWAYS else (width, height)
    picture = scene(*upright, seed=seed)
    if orientation in _STORED_AS:
        picture = picture.transpose(_STORED_AS[orientation])
    return encoded(picture, "JPEG", quality=88, exif=exif(orientation, gps=gps), comment=CAMERA.encode())


def scene(width: int, height: int, *, seed: int = 0) -> Image.Image:
    """An upright RGB picture with soft light, shapes, texture and the four corner marks."""
    random = np.random.default_rng(seed)
    light = random.integers(60, 200, (3, 4, 3), dtype=np.uint8)
    picture = Image.fromarray(light).resize((width, height), Image.Resampling.BICUBIC)
    _draw_shapes(picture, random)
    for size, amplitude in _GRAINS:
        picture = ImageChops.add(picture, _grain(picture.size, size, amplitude, random), 1, -128)
    _draw_corners(picture)
    return picture


def _draw_shapes(picture: Image.Image, random: np.random.Generator) -> None:
    draw = ImageDraw.Draw(picture)
    for number in range(14):
        x, y = (int(random.integers(side)) for side in picture.size)
        radius = int(random.integers(picture.width // 20, picture.width // 5))
        red, green, blue = random.integers(20, 235, 3).tolist()
        if number % 2:
            draw.ellipse((x - radius, y - radius * 4 // 3, x + radius, y + radius * 4 // 3), fill=(red, green, blue))
        else:
            ends = random.integers(-radius, radius, (4, 2)) + np.array((x, y))
            draw.polygon([(float(px), float(py)) for px, py in ends], fill=(red, green, blue))


def _grain(size: tuple[int, int], grain: int, amplitude: int, random: np.random.Generator) -> Image.Image:
    rows, columns = max(2, size[1] // grain), max(2, size[0] // grain)
    noise = random.integers(128 - amplitude, 128 + amplitude, (rows, columns), dtype=np.uint8)
    layer = Image.fromarray(noise).resize(size, Image.Resampling.BILINEAR)
    return Image.merge("RGB", (layer, layer, layer))


def _draw_corners(picture: Image.Image) -> None:
    draw = ImageDraw.Draw(picture)
    side = min(picture.size) // 8
    for name, color in CORNERS.items():
        x = 0 if "left" in name else picture.width - side
        y = 0 if "top" in name else picture.height - side
        draw.rectangle((x, y, x + side - 1, y + side - 1), fill=color)


def is_upright(picture: Image.Image, *, tolerance: int = 40) -> bool:
    """Whether every corner of the picture has the colour that CORNERS gives it."""
    edge = min(picture.size) // 16
    for name, color in CORNERS.items():
        x = edge if "left" in name else picture.width - edge
        y = edge if "top" in name else picture.height - edge
        seen = picture.convert("RGB").getpixel((x, y))
        assert isinstance(seen, tuple)
        if max(abs(a - b) for a, b in zip(seen, color, strict=True)) > tolerance:
            return False
    return True


def encoded(picture: Image.Image, media: str, **options: Any) -> bytes:
    """The picture as a file of a Pillow format."""
    buffer = io.BytesIO()
    picture.save(buffer, media, **options)
    return buffer.getvalue()


def exif(orientation: int, *, gps: bool = True) -> bytes:
    """An EXIF block that says who took the picture, when, and (with `gps`) where."""
    block = Image.Exif()
    block[MAKE], block[MODEL], block[MOMENT] = "Delete Cameras", CAMERA, "2026:11:20 10:00:00"
    block[ORIENTATION] = orientation
    if gps:
        block[GPS] = {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)}
    return block.tobytes()


def small_photo(seed: int = 0, **options: Any) -> bytes:
    """A camera photo of half a megapixel, for tests that need many."""
    return camera_photo(**{"width": 800, "height": 600, "orientation": 1, "seed": seed, **options})


# --- Pictures that must be accepted, each of a kind that has broken somebody's decoder ---


def cmyk_jpeg(*, profile: bytes | None = None) -> bytes:
    """A JPEG for printing (Adobe's inverted CMYK), with a profile of the given bytes or none."""
    return encoded(scene(600, 800).convert("CMYK"), "JPEG", quality=90, icc_profile=profile)


def grey_16_bit_png() -> bytes:
    """A 16-bit grey PNG: black at the left to white at the right."""
    row = np.linspace(0, 65535, 640, dtype=np.uint16)
    return encoded(Image.fromarray(np.tile(row, (480, 1))), "PNG")


def color_16_bit_png() -> bytes:
    """A 16-bit RGB PNG of one colour, (255, 128, 0) in eight bits; Pillow cannot write one, so by hand."""
    row = b"\0" + struct.pack(">3H", 0xFFFF, 0x8080, 0) * 500
    return png(500, 450, depth=16, kind=2, rows=row * 450)


def palette_png() -> bytes:
    """A palette PNG whose left half is transparent and whose right half is red."""
    picture = Image.new("P", (600, 500), 0)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.paste(1, (300, 0, 600, 500))
    return encoded(picture, "PNG", transparency=0)


def transparent(mode: str, media: str = "PNG") -> bytes:
    """An LA or RGBA picture: opaque black above, fully transparent black below."""
    picture = Image.new(mode, (500, 600), 0)
    opaque: tuple[int, ...] = (0, 255) if mode == "LA" else (0, 0, 0, 255)
    picture.paste(opaque, (0, 0, 500, 300))
    return encoded(picture, media)


def bilevel_png() -> bytes:
    """A 1-bit PNG: white above, black below."""
    picture = Image.new("1", (500, 600), 1)
    picture.paste(0, (0, 300, 500, 600))
    return encoded(picture, "PNG")


def broken_exif() -> bytes:
    """A sound JPEG whose EXIF block promises far more than it holds."""
    block = b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff\xff" + b"\x01\x12\x00\x03\xff\xff\xff\xff\xff\xff"
    return encoded(scene(600, 500), "JPEG", exif=block)


def progressive_photo() -> bytes:
    """A progressive JPEG."""
    return encoded(scene(900, 700), "JPEG", progressive=True)


def mpo() -> bytes:
    """A JPEG with a second picture in it, as phones write for depth or a preview."""
    return encoded(scene(800, 600), "MPO", save_all=True, append_images=[scene(400, 300, seed=9)], exif=exif(1))


def avif() -> bytes:
    """An AVIF still."""
    return encoded(scene(640, 480), "AVIF", speed=10)


@lru_cache(maxsize=1)
def heic() -> bytes:
    """A real HEIC of two stills with thumbnails; the first, a scene of 400 x 520, is turned by a rotation property.

    Its EXIF block repeats the rotation, as phones write it: who applies both gets it wrong.
    """
    return (DATA / "sample.heic").read_bytes()


def webp() -> bytes:
    """A lossy WebP."""
    return encoded(scene(640, 480), "WEBP", method=0)


def wide_gamut(profile: bytes | None = None) -> bytes:
    """A JPEG of one colour with a profile (sRGB's own when none is given)."""
    profile = profile or ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encoded(Image.new("RGB", (500, 500), (200, 60, 60)), "JPEG", quality=95, icc_profile=profile)


def over_15_mb() -> bytes:
    """A sound JPEG that is larger than anybody may send."""
    return small_photo() + b"\0" * MAX_BYTES


# --- Pictures that must be refused ---

REASONS = {
    "text": Rejection.NOT_AN_IMAGE,
    "empty": Rejection.NOT_AN_IMAGE,
    "zip": Rejection.NOT_AN_IMAGE,
    "video": Rejection.NOT_AN_IMAGE,
    "gif": Rejection.UNSUPPORTED_FORMAT,
    "animated_gif": Rejection.UNSUPPORTED_FORMAT,
    "bmp": Rejection.UNSUPPORTED_FORMAT,
    "tiff": Rejection.UNSUPPORTED_FORMAT,
    "svg": Rejection.UNSUPPORTED_FORMAT,
    "psd": Rejection.UNSUPPORTED_FORMAT,
    "pdf": Rejection.UNSUPPORTED_FORMAT,
    "small_jpeg": Rejection.TOO_SMALL,
    "narrow_png": Rejection.TOO_SMALL,
    "huge_png": Rejection.TOO_MANY_PIXELS,
    "large_png": Rejection.TOO_MANY_PIXELS,
    "huge_webp": Rejection.TOO_MANY_PIXELS,
    "animated_webp": Rejection.ANIMATED,
    "animated_png": Rejection.ANIMATED,
    "animated_avif": Rejection.ANIMATED,
    "animated_heic": Rejection.ANIMATED,
    "truncated_jpeg": Rejection.CORRUPT,
    "truncated_progressive": Rejection.CORRUPT,
    "truncated_png": Rejection.CORRUPT,
    "truncated_webp": Rejection.CORRUPT,
    "truncated_avif": Rejection.CORRUPT,
    "truncated_heic": Rejection.CORRUPT,
    "damaged_png": Rejection.CORRUPT,
    "magic_only": Rejection.CORRUPT,
}


@lru_cache(maxsize=1)
def bad_pictures() -> dict[str, bytes]:
    """Every file that must be refused, by name; REASONS says why each is."""
    return _foreign() | _outsized() | _animated() | _damaged()


def _foreign() -> dict[str, bytes]:
    picture = scene(500, 500)
    return {
        "text": b"I am certainly a photo, my name ends in .jpg\n" * 40,
        "empty": b"",
        "zip": b"PK\x03\x04" + bytes(100),
        "video": b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + bytes(200),
        "gif": encoded(picture, "GIF"),
        "animated_gif": encoded(picture, "GIF", save_all=True, append_images=[scene(500, 500, seed=1)]),
        "bmp": encoded(picture, "BMP"),
        "tiff": encoded(picture, "TIFF"),
        "svg": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"/>',
        "psd": b"8BPS\0\x01" + bytes(100),
        "pdf": encoded(picture, "PDF"),
    }


def _outsized() -> dict[str, bytes]:
    return {
        "small_jpeg": encoded(scene(200, 200), "JPEG"),
        "narrow_png": encoded(scene(399, 2000), "PNG", compress_level=1),
        "huge_png": png(30_000, 30_000),
        "large_png": png(7_072, 7_071),  # 50,006,112 pixels: less than twice the limit, where Pillow only warns
        "huge_webp": huge_webp(),
    }


def _animated() -> dict[str, bytes]:
    frames = [scene(500, 500, seed=seed) for seed in range(3)]
    several = {"save_all": True, "append_images": frames[1:], "duration": 100}
    return {
        "animated_webp": encoded(frames[0], "WEBP", method=0, **several),
        "animated_png": encoded(frames[0], "PNG", compress_level=1, **several),
        "animated_avif": encoded(frames[0], "AVIF", speed=10, **several),
        "animated_heic": heic()[:8] + b"hevc" + heic()[12:],
    }


def crashing_heic() -> bytes:
    """A HEIC whose metadata item has a type that is not UTF-8: one byte that crashes pi_heif's own opener."""
    return heic().replace(b"Exif", b"Exi\xf5", 1)


def _damaged() -> dict[str, bytes]:
    sound = {
        "truncated_jpeg": small_photo(),
        "truncated_progressive": progressive_photo(),
        "truncated_png": encoded(scene(500, 500), "PNG", compress_level=1),
        "truncated_webp": webp(),
        "truncated_avif": avif(),
        "truncated_heic": heic(),
    }
    halves = {name: data[: len(data) // 2] for name, data in sound.items()}
    damaged = bytearray(sound["truncated_png"])
    damaged[5_000:5_100] = bytes(100)
    return halves | {"damaged_png": bytes(damaged), "magic_only": b"\xff\xd8\xff\xe0" + bytes(40)}


def png(width: int, height: int, *, depth: int = 8, kind: int = 2, rows: bytes = b"\0") -> bytes:
    """A PNG with that header whatever its rows hold."""
    header = struct.pack(">2I5B", width, height, depth, kind, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def huge_webp() -> bytes:
    """A WebP whose extended header claims 16,000 x 16,000 pixels: opening it would allocate a gigabyte."""
    canvas = b"\0\0\0\0" + (15_999).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", len(canvas)) + canvas + webp()[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def flat(color: tuple[int, int, int], *, noise: int = 0, seed: int = 0) -> Image.Image:
    """A picture of one colour, with sensor noise of that amplitude."""
    pixels: NDArray[np.int16] = np.full((600, 600, 3), color, dtype=np.int16)
    if noise:
        pixels += np.random.default_rng(seed).integers(-noise, noise + 1, pixels.shape, dtype=np.int16)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
