"""One upload in, everything that is shown of it out: by behaviour."""

import base64
import io
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageEnhance

from shared.photos.memory import bounded
from shared.photos.processing import Processed, Rejected, process
from shared.photos.rules import MAX_TALLNESS, Fingerprint, Rejection, near_equal
from tests import pictures
from tests.pictures import camera_photo, encoded, is_upright, scene, small_photo

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MEBIBYTE = 1024 * 1024


def _shown(made: Processed, name: str = "jpeg") -> Image.Image:
    return Image.open(io.BytesIO(made.renditions[name].data))


def _pixel(made: Processed, x: float, y: float) -> tuple[int, ...]:
    """The colour at a place given in parts of the width and height."""
    shown = _shown(made).convert("RGB")
    color = shown.getpixel((int((shown.width - 1) * x), int((shown.height - 1) * y)))
    assert isinstance(color, tuple)
    return color


def _near(color: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(color, expected, strict=True)) <= 6


def _fingerprint(data: bytes) -> Fingerprint:
    made = process(data)
    return Fingerprint(made.fingerprint, made.color)


# --- What is made ---


def test_a_phone_photo_becomes_every_rendition() -> None:
    made = process(camera_photo())
    assert (made.width, made.height) == (1080, 1440)
    kinds = {name: (r.media_type, r.extension, _shown(made, name).format) for name, r in made.renditions.items()}
    webp, jpeg = ("image/webp", "webp", "WEBP"), ("image/jpeg", "jpg", "JPEG")
    assert kinds == {"320": webp, "640": webp, "1080": webp, "jpeg": jpeg}
    sizes = {name: _shown(made, name).size for name in made.renditions}
    assert sizes == {"320": (320, 427), "640": (640, 853), "1080": (1080, 1440), "jpeg": (1080, 1440)}
    assert all(is_upright(_shown(made, name)) for name in made.renditions)


def test_the_appearance_fits_in_a_row() -> None:
    made = process(small_photo())
    assert 0 <= made.fingerprint < 2**64
    assert len(bytes.fromhex(made.color.removeprefix("#"))) == 3
    assert 15 <= len(base64.b64decode(made.thumbhash, validate=True)) <= 25


def test_the_same_bytes_make_the_same_result() -> None:
    assert process(small_photo()) == process(small_photo())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("media", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_every_orientation_is_applied(orientation: int, media: str) -> None:
    stored = Image.open(io.BytesIO(camera_photo(1100, 900, orientation=orientation)))
    options = {"speed": 10} if media == "AVIF" else {}
    made = process(encoded(stored, media, exif=pictures.exif(orientation), **options))
    assert is_upright(_shown(made))
    assert (made.width, made.height) == ((900, 1100) if orientation >= 5 else (1080, 884))


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(("width", "height"), [(2300, 1500), (2160, 1080), (1500, 2300), (3200, 1100)])
def test_shrinking_while_decoding_never_goes_below_the_wanted_width(width: int, height: int, orientation: int) -> None:
    upright = height if orientation == 6 else width
    made = process(camera_photo(width, height, orientation=orientation))
    assert made.width == min(1080, upright)


def test_a_narrow_picture_is_not_enlarged() -> None:
    made = process(encoded(scene(500, 700), "PNG", compress_level=1))
    assert {name: _shown(made, name).size for name in made.renditions} == {
        "320": (320, 448),
        "640": (500, 700),
        "1080": (500, 700),
        "jpeg": (500, 700),
    }


def test_a_long_strip_is_kept_within_what_can_be_shown() -> None:
    tall = process(encoded(Image.new("L", (400, 20_000), 99), "PNG"))
    assert tall.height <= 1080 * MAX_TALLNESS
    wide = process(encoded(Image.new("L", (20_000, 400), 99), "PNG"))
    assert (wide.width, wide.height) == (1080, 22)


@pytest.mark.parametrize(
    "data", [small_photo(), camera_photo(1600, 1200), pictures.heic()], ids=["small", "large", "heic"]
)
def test_no_metadata_survives(data: bytes) -> None:
    assert pictures.CAMERA.encode() in data
    for name, rendition in (made := process(data)).renditions.items():
        shown = _shown(made, name)
        shown.load()
        assert not shown.getexif()
        assert not {"exif", "icc_profile", "xmp", "comment", "photoshop"} & set(shown.info)
        assert pictures.CAMERA.encode() not in rendition.data
        assert not any(mark in rendition.data for mark in (b"Exif", b"ICC_PROFILE", b"ICCP", b"http://"))


def test_nothing_behind_the_picture_survives() -> None:
    made = process(small_photo() + b"<script>alert(1)</script>PK\x03\x04")
    assert not any(b"<script>" in rendition.data for rendition in made.renditions.values())


# --- Modes and colours ---


@pytest.mark.parametrize(
    "make",
    [
        pictures.cmyk_jpeg,
        lambda: pictures.cmyk_jpeg(profile=b"not a profile"),
        pictures.broken_exif,
        pictures.progressive_photo,
        pictures.mpo,
        pictures.avif,
        pictures.heic,
        pictures.webp,
        pictures.over_15_mb,
    ],
)
def test_every_kind_is_read_upright(make: Callable[[], bytes]) -> None:
    assert is_upright(_shown(process(make())))


def test_a_heic_is_turned_once_and_its_primary_still_is_taken() -> None:
    made = process(pictures.heic())
    assert (made.width, made.height) == (400, 520)


def test_an_mpo_is_its_first_picture() -> None:
    assert process(pictures.mpo()).width == 800


def test_16_bit_grey_keeps_its_range() -> None:
    made = process(pictures.grey_16_bit_png())
    for x, level in ((0.0, 0), (0.5, 127), (1.0, 255)):
        assert _near(_pixel(made, x, 0.5), (level,) * 3)


def test_16_bit_colour_keeps_its_colour() -> None:
    made = process(pictures.color_16_bit_png())
    assert _near(_pixel(made, 0.5, 0.5), (255, 128, 0))
    assert made.color == "#ff8000"


def test_a_transparent_palette_lies_over_white() -> None:
    made = process(pictures.palette_png())
    assert _near(_pixel(made, 0.2, 0.5), (255, 255, 255))
    assert _near(_pixel(made, 0.8, 0.5), (255, 0, 0))


@pytest.mark.parametrize(("mode", "media"), [("LA", "PNG"), ("RGBA", "PNG"), ("RGBA", "WEBP"), ("RGBA", "AVIF")])
def test_transparency_lies_over_white(mode: str, media: str) -> None:
    made = process(pictures.transparent(mode, media))
    assert _near(_pixel(made, 0.5, 0.2), (0, 0, 0))
    assert _near(_pixel(made, 0.5, 0.8), (255, 255, 255))


def test_large_transparency_is_flattened_band_by_band_without_a_seam() -> None:
    ground = Image.new("RGBA", (2500, 2300), (0, 0, 0, 128))
    made = process(encoded(ground, "PNG", compress_level=1))
    assert all(125 <= level <= 129 for level in set(_shown(made).convert("L").tobytes()))


def test_one_bit_is_black_and_white() -> None:
    made = process(pictures.bilevel_png())
    assert _near(_pixel(made, 0.5, 0.2), (255, 255, 255))
    assert _near(_pixel(made, 0.5, 0.8), (0, 0, 0))


def _profile(*, swapped: bool) -> bytes:
    """The profile of sRGB, or of a screen whose red lamp is blue and whose blue lamp is red."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if not swapped:
        return profile
    renamed = profile.replace("sRGB".encode("utf-16-be"), "odd!".encode("utf-16-be"))
    return renamed.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")


def test_colours_are_brought_to_srgb() -> None:
    assert _near(_pixel(process(pictures.wide_gamut(_profile(swapped=False))), 0.5, 0.5), (200, 60, 60))
    assert _near(_pixel(process(pictures.wide_gamut(_profile(swapped=True))), 0.5, 0.5), (60, 60, 200))


@pytest.mark.parametrize("profile", [b"nonsense", _profile(swapped=True)[:200], bytes(500)])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    assert _near(_pixel(process(pictures.wide_gamut(profile)), 0.5, 0.5), (200, 60, 60))


def test_a_profile_of_another_mode_is_ignored() -> None:
    grey = encoded(Image.new("L", (500, 500), 90), "PNG", icc_profile=_profile(swapped=True))
    assert _near(_pixel(process(grey), 0.5, 0.5), (90, 90, 90))


# --- What is refused ---


@pytest.mark.parametrize(("name", "reason"), pictures.REASONS.items())
def test_a_bad_picture_is_refused_with_its_reason(name: str, reason: Rejection) -> None:
    data = pictures.bad_pictures()[name]
    with warnings.catch_warnings(action="error"), pytest.raises(Rejected) as refused:
        process(data)
    assert refused.value.reason == reason


def test_every_bad_picture_has_its_reason() -> None:
    assert pictures.bad_pictures().keys() == pictures.REASONS.keys()


@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.95, 0.9999])
@pytest.mark.parametrize("make", [small_photo, pictures.progressive_photo, pictures.webp, pictures.avif])
def test_half_a_picture_is_never_accepted(make: Callable[[], bytes], part: float) -> None:
    data = make()
    with pytest.raises(Rejected) as refused:
        process(data[: int(len(data) * part)])
    assert refused.value.reason == Rejection.CORRUPT


def test_the_largest_allowed_is_allowed() -> None:
    assert process(encoded(Image.new("1", (10_000, 5_000), 1), "PNG")).width == 1080


def test_a_heic_that_crashes_others_is_read() -> None:
    assert is_upright(_shown(process(pictures.crashing_heic())))


def test_memory_has_a_bound_that_is_lifted_again(tmp_path: Path) -> None:
    """In a process of its own: this one may hold freed memory from other tests, which a bound does not take away."""
    (tmp_path / "picture.png").write_bytes(encoded(Image.new("RGB", (9_000, 5_000)), "PNG", compress_level=1))
    code = f"""
import resource
import subprocess
import sys
from pathlib import Path
from shared.photos import processing
before = resource.getrlimit(resource.RLIMIT_AS)
processing.DECODING_BYTES = {MEBIBYTE}
try:
    processing.process(Path("{tmp_path}/picture.png").read_bytes())
except MemoryError:
    print(resource.getrlimit(resource.RLIMIT_AS) == before)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("True\n", 0), ended.stderr


def test_the_bound_counts_from_what_the_process_has() -> None:
    with bounded(200 * MEBIBYTE):
        held = bytes(100 * MEBIBYTE)
        with pytest.raises(MemoryError):
            bytes(300 * MEBIBYTE)
    assert len(held) == 100 * MEBIBYTE


SOUND = {
    "jpeg": encoded(scene(400, 400), "JPEG", exif=pictures.exif(6), icc_profile=_profile(swapped=True)),
    "progressive": encoded(scene(400, 400), "JPEG", progressive=True),
    "png": encoded(Image.new("P", (400, 400)), "PNG", exif=pictures.exif(6), icc_profile=_profile(swapped=True)),
    "webp": encoded(scene(400, 400), "WEBP", method=0, exif=pictures.exif(6)),
    "heic": pictures.heic(),
}
MARKS = [
    b"",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\0\0\0\0WEBPVP8 ",
    b"\0\0\0\x18ftypheic",
    b"\0\0\0\x18ftypavif",
]


def _process_or_refuse(data: bytes) -> None:
    with warnings.catch_warnings(action="error"), suppress(Rejected, MemoryError):
        process(data)


@SLOW
@given(st.sampled_from(MARKS), st.binary(max_size=400))
def test_any_bytes_are_processed_or_refused(mark: bytes, rest: bytes) -> None:
    _process_or_refuse(mark + rest)


@SLOW
@given(
    st.sampled_from(sorted(SOUND)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    st.sampled_from([100, 1000, 10**9]),
    st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_damaged_pictures_are_processed_or_refused(
    name: str, changes: list[tuple[float, int]], within: int, kept: float
) -> None:
    data = bytearray(SOUND[name])
    for where, value in changes:
        data[int(where * min(len(data), within))] = value
    _process_or_refuse(bytes(data[: int(len(data) * kept)]))


# --- How a picture looks ---


@pytest.mark.parametrize("seed", range(5))
def test_the_same_picture_is_near_however_it_was_saved(seed: int) -> None:
    picture = scene(800, 1000, seed=seed)
    original = _fingerprint(encoded(picture, "JPEG"))
    others = {
        "worse": encoded(picture, "JPEG", quality=35),
        "smaller": encoded(picture.resize((480, 600)), "WEBP", quality=60),
        "cropped": encoded(picture.crop((8, 10, 792, 990)), "JPEG"),
        "brighter": encoded(ImageEnhance.Brightness(picture).enhance(1.08), "PNG", compress_level=1),
        "turned": encoded(picture.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=pictures.exif(6)),
    }
    assert [name for name, data in others.items() if not near_equal(original, _fingerprint(data))] == []


def test_different_pictures_are_far() -> None:
    fingerprints = [_fingerprint(small_photo(seed)) for seed in range(12)]
    assert not any(near_equal(a, b) for a, b in combinations(fingerprints, 2))


@pytest.mark.parametrize("noise", [0, 4, 20])
def test_a_flat_picture_equals_nothing(noise: int) -> None:
    flat = _fingerprint(encoded(pictures.flat((120, 90, 60), noise=noise), "JPEG"))
    assert not near_equal(flat, flat)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_gradient_equals_nothing(turn: int) -> None:
    gradient = Image.linear_gradient("L").resize((500, 500)).rotate(turn)
    fingerprint = _fingerprint(encoded(gradient, "PNG"))
    assert not near_equal(fingerprint, fingerprint)


def test_the_dominant_colour_is_that_of_most_of_the_picture() -> None:
    picture = Image.new("RGB", (600, 600), (200, 30, 40))
    picture.paste((20, 160, 220), (0, 0, 600, 225))
    assert process(encoded(picture, "PNG")).color == "#c81e28"
