"""What this machine's processor can do."""

import platform
import sys
from functools import lru_cache
from pathlib import Path
from typing import Final

# By machine: the flag in /proc/cpuinfo of an instruction that multiplies many small integers at once.
_FLAGS: Final = {"x86_64": "avx2", "aarch64": "asimddp"}


@lru_cache
def multiplies_integers() -> bool:
    """Whether products of 8-bit integers are faster here than those of floats."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    flag = _FLAGS.get(platform.machine())
    return flag is not None and flag in _flags()


def _flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return {word for line in lines if line.startswith(("flags", "Features")) for word in line.split()}
