"""HEIC by libheif, without its metadata.

pi_heif's own opener reads that first, and one byte that is not UTF-8 in an item's type then crashes the process
(1.4.0): so this speaks to its extension module, as the opener does.
"""

from typing import TYPE_CHECKING, Any, Final

import _pi_heif  # type: ignore[import-not-found]
from PIL import ImageFile

if TYPE_CHECKING:
    from PIL._imaging import PixelAccess

_PROFILE_TYPES: Final = frozenset({"prof", "rICC"})


class HeicFile(ImageFile.ImageFile):
    """The primary still of a HEIC file, as a Pillow picture that is decoded when it is loaded.

    Upright: libheif applies the file's own rotation and mirroring. Errors are those that libheif and Pillow raise.
    """

    format = "HEIF"
    format_description = "HEIF still"
    _still: Any

    def _open(self) -> None:
        assert self.fp is not None  # Pillow has just set it
        stills = _pi_heif.load_file(
            self.fp.read(),
            1,  # thread
            True,  # noqa: FBT003 - to 8 bits per channel
            False,  # noqa: FBT003 - RGB, not BGR
            False,  # noqa: FBT003 - rows may be padded
            True,  # noqa: FBT003 - grey of more than 8 bits to 16
            "",  # any decoder
            False,  # noqa: FBT003 - keep libheif's limits
        )
        self._still = next((still for still in stills if still is not None and still.primary), None)
        if self._still is None:
            msg = "no primary picture"
            raise SyntaxError(msg)
        self._size, self._mode = self._still.size_mode
        profile = self._profile()
        if profile is not None:
            self.info["icc_profile"] = profile

    def load(self) -> "PixelAccess | None":
        """Decode the still, once. Returns Pillow's access to the pixels."""
        if self._still is not None:
            still, self._still = self._still, None
            pixels = still.data
            # The true size, which the header may have told wrong.
            self._size, mode = still.size_mode
            self.load_prepare()
            self.frombytes(pixels, "raw", (mode, still.stride))
        return super().load()

    def _profile(self) -> bytes | None:
        try:
            profile: dict[str, Any] = self._still.color_profile
        except ValueError:
            return None
        content = profile.get("data") if profile and profile.get("type") in _PROFILE_TYPES else None
        return content if isinstance(content, bytes) else None
