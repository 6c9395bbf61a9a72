"""Where a request stands with the rates that count it: what its answer says in `RateLimit` and `RateLimit-Policy`."""

from contextvars import ContextVar
from typing import Final

Fields = list[tuple[bytes, bytes]]


class Standing:
    """The rate of a request that has the fewest tries left."""

    __slots__ = ("_left", "_name", "_policy", "_seconds")

    def __init__(self) -> None:
        self._left: int | None = None

    def note(self, name: bytes, policy: bytes, *, left: int, seconds: int) -> None:
        """A rate has counted this request; `seconds` until it begins anew."""
        if self._left is None or left < self._left:
            self._left, self._name, self._policy, self._seconds = left, name, policy, seconds

    def fields(self) -> Fields:
        """What to say of it, if anything."""
        if self._left is None:
            return []
        return [
            (b"ratelimit-policy", self._policy),
            (b"ratelimit", b'"%b";r=%d;t=%d' % (self._name, self._left, self._seconds)),
        ]


_CURRENT: Final = ContextVar[Standing | None]("standing", default=None)


def begin() -> Standing:
    """Of a request that begins, in whose task everything that counts it runs."""
    standing = Standing()
    _CURRENT.set(standing)
    return standing


def note(name: bytes, policy: bytes, *, left: int, seconds: int) -> None:
    """A rate has counted the request that is being answered, if there is one."""
    standing = _CURRENT.get()
    if standing is not None:
        standing.note(name, policy, left=left, seconds=seconds)
