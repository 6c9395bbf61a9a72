"""What was broken when, and which errors that explains."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

RECOVERY = 3.0  # seconds after a fault in which its errors may still come: requests hold what was lost


@dataclass
class Fault:
    """Something that broke, from when to when, in seconds since the beginning of time."""

    name: str
    explains: frozenset[str]
    began: float
    ended: float = inf


@dataclass
class Trouble:
    """All faults so far."""

    faults: list[Fault] = field(default_factory=list)

    @contextmanager
    def now(self, name: str, explains: frozenset[str]) -> Iterator[None]:
        """While this lasts, it is broken."""
        fault = Fault(name, explains, time.monotonic())
        self.faults.append(fault)
        try:
            yield
        finally:
            fault.ended = time.monotonic()

    def explains(self, what: str, began: float) -> bool:
        """Whether something was broken between `began` and now that makes such errors."""
        return any(what in fault.explains and fault.ended + RECOVERY >= began for fault in self.faults)

    def broke(self, names: frozenset[str], began: float, ended: float) -> bool:
        """Whether one of these broke in that time."""
        return any(fault.name in names and fault.began <= ended and fault.ended >= began for fault in self.faults)

    def counts(self) -> Counter[str]:
        """How often each has happened."""
        return Counter(fault.name for fault in self.faults)
