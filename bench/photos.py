"""P7, P8 and P9: CPU and memory of one whole photo task, on different 12-megapixel photos.

The task is what a worker runs for a hint: claim, read the upload, process it, store four files, commit, clean up.
"""

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps
from sqlalchemy import delete

from bench.report import Figure
from dev.temporary import stores
from shared.database import database
from shared.photos.models import Photo
from shared.photos.processing import process
from shared.photos.rules import JPEG_QUALITY, WEBP_EFFORT, WEBP_QUALITY, WIDTHS
from shared.photos.service import submit, upload_key
from shared.storage import storage
from tests.people import make_user
from tests.pictures import camera_photo

ROUNDS: Final = 7
# (seed, EXIF orientation): portraits and landscapes, as phones are held.
PHOTOS: Final = ((1, 6), (2, 1), (3, 8), (4, 6), (5, 3))
_SIZE: Final = (4000, 3000)
_MEGABYTE: Final = 1024 * 1024

# Run in a fresh process: what it takes at its peak above what it took once everything was imported.
_MEMORY_PROBE: Final = """
import sys
from pathlib import Path
from PIL import Image
from shared.photos.models import Photo
from shared.photos.processing import process

def status(name):
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))

Image.init()
idle = status("VmRSS")
process(Path(sys.argv[1]).read_bytes())
print(status("VmHWM") - idle)
"""


def measure() -> list[Figure]:
    """P7 (CPU against the floor), P8 (CPU and bytes against naive Pillow) and P9 (peak memory)."""
    photos = [camera_photo(*_SIZE, seed=seed, orientation=orientation) for seed, orientation in PHOTOS]
    with stores() as values:
        os.environ.update(values)
        floor, product, pixels, naive = (statistics.mean(column) for column in zip(*map(_medians, photos), strict=True))
        database().bind.engine.dispose()
    made = statistics.mean(sum(map(len, _made(photo))) for photo in photos)
    naively_made = statistics.mean(sum(map(len, _naive(photo))) for photo in photos)
    memory = statistics.median(_peak_memory(photo) for photo in photos) / _MEGABYTE
    per_photo = 1000.0  # seconds to milliseconds
    return [
        Figure(
            id="P7",
            what="photo: CPU of the whole task, floor = half-scale decode + the same encodes",
            unit="ms",
            product=product * per_photo,
            floor=floor * per_photo,
            ratio=floor / product,
            must=0.70,
            reach=0.80,
            better="higher",
        ),
        Figure(
            id="P7a",
            what="... of its part that is about pixels, the same floor",
            unit="ms",
            product=pixels * per_photo,
            floor=floor * per_photo,
            ratio=floor / pixels,
            must=0.70,
            reach=0.80,
            better="higher",
        ),
        Figure(
            id="P8",
            what="photo: CPU against naive Pillow",
            unit="ms",
            product=product * per_photo,
            floor=naive * per_photo,
            ratio=product / naive,
            must=0.50,
            reach=0.40,
            better="lower",
        ),
        Figure(
            id="P8b",
            what="photo: bytes of all renditions against naive Pillow",
            unit="kB",
            product=made / 1000,
            floor=naively_made / 1000,
            ratio=made / naively_made,
            must=1.05,
            reach=1.05,
            better="lower",
        ),
        Figure(
            id="P9",
            what="photo: peak memory above an idle process",
            unit="MB",
            product=memory,
            must=60,
            reach=40,
            better="lower",
        ),
    ]


def _medians(photo: bytes) -> tuple[float, float, float, float]:
    """Median CPU seconds of floor, task, its pixels and naive Pillow for one photo, taking turns."""
    ready = list(_ready(photo))
    contenders: tuple[Callable[[], Callable[[], object]], ...] = (
        lambda: lambda: _floor(photo, ready),
        lambda: _task(photo),
        lambda: lambda: process(photo),
        lambda: lambda: _naive(photo),
    )
    rounds = [[_cpu(contender()) for contender in contenders] for _ in range(ROUNDS)]
    floor, product, pixels, naive = (statistics.median(column) for column in zip(*rounds, strict=True))
    return floor, product, pixels, naive


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _task(photo: bytes) -> Callable[[], object]:
    """The task for one more upload of these bytes, by somebody who has no photo yet."""
    from worker.photos import process as task  # noqa: PLC0415 - only now do the settings point at these stores

    photo_id = uuid.uuid4()
    storage().put(upload_key(photo_id), photo, "application/octet-stream")
    with database().transaction() as session:
        session.execute(delete(Photo))  # or it would be noticed as stolen from the last round's person
        submit(session, make_user(session), photo_id=photo_id)
    return lambda: task(str(photo_id))


def _half(photo: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(photo))
    picture.draft(None, (picture.width // 2, picture.height // 2))
    picture.load()
    return picture


def _ready(photo: bytes) -> Iterator[Image.Image]:
    """The pictures that the floor encodes, made before its time is taken; widest first."""
    picture = ImageOps.exif_transpose(_half(photo))
    for width in sorted(WIDTHS, reverse=True):
        picture = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.HAMMING)
        picture.info = {}
        yield picture


def _floor(photo: bytes, ready: list[Image.Image]) -> None:
    """Nothing but the half-scale decode and the encodes."""
    _half(photo)
    for picture in ready:
        picture.save(io.BytesIO(), "WEBP", quality=WEBP_QUALITY, method=WEBP_EFFORT)
    ready[0].save(io.BytesIO(), "JPEG", quality=JPEG_QUALITY)


def _naive(photo: bytes) -> list[bytes]:
    """What one writes first: full decode, best filter, each size from the full picture, Pillow's default effort."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(photo))).convert("RGB")
    made = []
    for width in sorted(WIDTHS):
        smaller = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
        smaller.info = {}
        made.append(_saved(smaller, "WEBP", quality=WEBP_QUALITY))
    made.append(_saved(smaller, "JPEG", quality=JPEG_QUALITY))
    return made


def _made(photo: bytes) -> list[bytes]:
    return [rendition.data for rendition in process(photo).renditions.values()]


def _saved(picture: Image.Image, media: str, *, quality: int) -> bytes:
    data = io.BytesIO()
    picture.save(data, media, quality=quality)
    return data.getvalue()


def _peak_memory(photo: bytes) -> int:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(photo)
        probe = subprocess.run(
            [sys.executable, "-c", _MEMORY_PROBE, file.name], check=True, capture_output=True, text=True
        )
    return int(probe.stdout)
