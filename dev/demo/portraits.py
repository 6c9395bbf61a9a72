"""The pictures of the demo's people: drawn ones, and beyond their number those mirrored and cropped."""

import io
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from dev.demo.cast import Role

FOLDER: Final = Path(__file__).parent.parent / "portraits" / "pictures"
_KEPT: Final = 0.82  # of each side, when a picture is cropped: 442 of 540 pixels
_CORNERS: Final = ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0), (0.0, 1.0), (1.0, 1.0))


def pictures(role: Role) -> list[bytes]:
    """One or two pictures of somebody, unlike those of all others to whoever looks for stolen ones."""
    first = sorted(FOLDER.glob(f"{role.gender}-*-0.webp"))
    again, which = divmod(role.portrait, len(first))
    stem = first[which].name.removesuffix("0.webp")
    files = sorted(FOLDER.glob(f"{stem}*.webp"))
    return [_varied(file.read_bytes(), again) for file in files[: 1 if again else None]]


def _varied(data: bytes, again: int) -> bytes:
    """The picture as it is, or the `again`th variant of it."""
    if not again:
        return data
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    if again % 2:
        picture = ImageOps.mirror(picture)
    if again > 1:
        right, down = _CORNERS[(again // 2 - 1) % len(_CORNERS)]
        width, height = (round(side * _KEPT) for side in picture.size)
        left, top = round(right * (picture.width - width)), round(down * (picture.height - height))
        picture = picture.crop((left, top, left + width, top + height))
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=75)
    return out.getvalue()
