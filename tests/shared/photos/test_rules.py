"""What a photo may be, decided without decoding it."""

import subprocess
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.photos.rules import (
    MAX_DISTANCE,
    MESSAGES,
    Fingerprint,
    Rejection,
    is_informative,
    is_other_picture,
    is_sequence,
    near_equal,
    sniff,
)
from tests import pictures

HASHES = st.integers(min_value=0, max_value=2**64 - 1)
COLORS = st.binary(min_size=3, max_size=3).map(lambda color: f"#{color.hex()}")
FINGERPRINTS = st.builds(Fingerprint, hash=HASHES, color=COLORS)
STRUCTURED = 0x6A2C460686CFD61C


def _brands(main: bytes, *compatible: bytes) -> bytes:
    content = b"ftyp" + main + bytes(4) + b"".join(compatible)
    return (len(content) + 4).to_bytes(4) + content + b"\0\0\0\x08free"


@pytest.mark.parametrize("reason", Rejection)
def test_each_reason_has_one_sentence_for_a_person(reason: Rejection) -> None:
    message = MESSAGES[reason]
    assert message.endswith(".")
    assert message.count(".") == 1
    assert reason.value not in message


def test_reasons_are_exactly_the_published_ones() -> None:
    assert {reason.value for reason in Rejection} == {
        "removed",  # by moderators
        "not_an_image",
        "unsupported_format",
        "too_small",
        "too_many_pixels",
        "corrupt",
        "animated",
        "duplicate",
        "could_not_process",
    }


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\xff\xd8\xff\xe1" + bytes(28), "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n" + bytes(24), "image/png"),
        (b"RIFF\x10\0\0\0WEBPVP8L" + bytes(16), "image/webp"),
        *((_brands(brand, b"zzzz"), "image/heic") for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis")),
        *((_brands(brand), "image/heic") for brand in (b"mif1", b"msf1")),
        *((_brands(brand, b"mif1"), "image/avif") for brand in (b"avif", b"avis")),
        (_brands(b"mif1", b"miaf", b"avif"), "image/avif"),
        (_brands(b"mif1", b"heic", b"miaf"), "image/heic"),
        (_brands(b"heic", b"mif1", b"avif"), "image/heic"),
        (_brands(b"MiHE", b"mif1", b"heix"), "image/heic"),
        (_brands(b"isom", b"mp41"), None),
        (b"RIFF\x10\0\0\0WAVEfmt " + bytes(16), None),
        (b"GIF89a" + bytes(26), None),
        (b"", None),
    ],
)
def test_sniff_knows_exactly_the_accepted_kinds(head: bytes, media_type: str | None) -> None:
    assert sniff(head) == media_type


def test_sniff_looks_no_further_than_the_brands() -> None:
    assert sniff(_brands(b"isom") + b"heicavif" * 4) is None


@given(st.binary(max_size=300))
def test_sniffing_never_fails(head: bytes) -> None:
    assert sniff(head) in {None, "image/jpeg", "image/png", "image/webp", "image/heic", "image/avif"}
    assert is_sequence(head) in {True, False}
    assert is_other_picture(head) in {True, False}


@given(st.binary(max_size=60), st.sampled_from([b"heic", b"avif", b"mif1", b"isom"]))
def test_sniffing_brands_never_fails(rest: bytes, brand: bytes) -> None:
    head = b"\0\0\0\x20ftyp" + brand + rest
    assert sniff(head) in {None, "image/heic", "image/avif"}


def test_a_sequence_is_told_by_its_main_brand() -> None:
    assert is_sequence(_brands(b"hevc", b"heic"))
    assert not is_sequence(_brands(b"heic", b"hevc", b"msf1"))
    assert not is_sequence(pictures.heic())


def test_words_are_no_bitmap() -> None:
    assert not is_other_picture(b"BM is how this letter begins, and it is no picture")
    assert not is_other_picture(b"<?xml version='1.0'?><letter/>")


@given(FINGERPRINTS, FINGERPRINTS)
def test_near_equal_is_symmetric(a: Fingerprint, b: Fingerprint) -> None:
    assert near_equal(a, b) == near_equal(b, a)


@given(FINGERPRINTS, st.sets(st.integers(0, 63), max_size=12))
def test_near_equal_is_about_the_number_of_bits_that_differ(a: Fingerprint, flipped: set[int]) -> None:
    b = Fingerprint(a.hash ^ sum(1 << bit for bit in flipped), a.color)
    assume(is_informative(a.hash) and is_informative(b.hash))
    assert near_equal(a, b) == (len(flipped) <= MAX_DISTANCE)


@given(st.sets(st.integers(0, 63), max_size=7), st.booleans(), FINGERPRINTS)
def test_a_hash_with_very_few_or_very_many_bits_equals_nothing(
    bits: set[int], inverted: bool, other: Fingerprint
) -> None:
    value = sum(1 << bit for bit in bits) ^ (2**64 - 1 if inverted else 0)
    degenerate = Fingerprint(value, other.color)
    assert not near_equal(degenerate, degenerate)
    assert not near_equal(degenerate, other)


@given(st.integers(0, 255), COLORS)
def test_a_picture_that_varies_sideways_only_equals_nothing(row: int, color: str) -> None:
    stripes = Fingerprint(int.from_bytes(bytes([row]) * 8), color)
    assert not near_equal(stripes, stripes)


def test_colours_must_be_near_too() -> None:
    red, reddish, blue = (Fingerprint(STRUCTURED, color) for color in ("#c02020", "#b03028", "#2020c0"))
    assert near_equal(red, reddish)
    assert not near_equal(red, blue)


def test_the_rules_load_no_imaging_library() -> None:
    code = "import sys, shared.photos.rules; print({'PIL', '_pi_heif', 'thumbhash', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"
