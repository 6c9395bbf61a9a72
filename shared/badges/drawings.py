"""The badges' icons: one SVG each, drawn on a grid of 24 by 24 in the colour of the text around it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.badges.catalogue import BADGES

_FOLDER: Final = Path(__file__).with_name("icons")


@dataclass(frozen=True, slots=True)
class Drawing:
    """An icon, and a short hash of it that changes when it does."""

    svg: bytes
    digest: str


def _drawing(slug: str) -> Drawing:
    svg = (_FOLDER / f"{slug}.svg").read_bytes()
    return Drawing(svg, hashlib.blake2b(svg, digest_size=8).hexdigest())


# All are read at start: they are small, and a missing one should not wait for somebody to ask for it.
DRAWINGS: Final = {badge.slug: _drawing(badge.slug) for badge in BADGES}
