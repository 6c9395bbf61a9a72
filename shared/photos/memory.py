"""A bound on the memory that one piece of work may take."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def bounded(extra: int) -> Iterator[None]:
    """Let the process take at most `extra` more bytes of address space meanwhile, else MemoryError. Linux only.

    Address space rather than memory is what the kernel can refuse at once. The bound is the whole process's: for
    workers that do one thing at a time.
    """
    if sys.platform != "linux":
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [limit for limit in (_address_space() + extra, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()
