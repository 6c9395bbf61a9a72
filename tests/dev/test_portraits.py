"""The portraits of the demo: large enough to be taken, small enough to be kept, and never the same to the system."""

import io
from itertools import combinations

import pytest
from PIL import Image

from dev.demo.cast import cast
from dev.demo.portraits import FOLDER, pictures
from shared.photos.appearance import perceptual_hash
from shared.photos.rules import MAX_DISTANCE, MIN_SIDE, is_informative, sniff


def picture_hash(data: bytes) -> int:
    return perceptual_hash(Image.open(io.BytesIO(data)).convert("RGB"))


def test_they_are_light() -> None:
    files = list(FOLDER.glob("*.webp"))
    assert len(files) > 200
    assert sum(file.stat().st_size for file in files) < 3_000_000


@pytest.mark.parametrize("people", [240])
def test_each_is_taken_and_unlike_all_others(people: int) -> None:
    made = [data for role in cast(people) for data in pictures(role)]
    assert len(made) > people
    assert {sniff(data[:256]) for data in made} == {"image/webp"}
    assert min(min(Image.open(io.BytesIO(data)).size) for data in made) >= MIN_SIDE
    hashes = [picture_hash(data) for data in made]
    assert all(is_informative(one) for one in hashes)
    assert min((one ^ other).bit_count() for one, other in combinations(hashes, 2)) > MAX_DISTANCE
