"""Rate limits, counted in Redis for all processes together; without Redis each process counts for itself."""

import hashlib
import math
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, cast

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.requests import HTTPConnection

from api import standing
from shared import log, redis
from shared.errors import Refusal

_log = log.logger(__name__)

CountElsewhere = Callable[[str], Awaitable[int]]


class Rates:
    """Counts tries by name and key, and refuses those above a rate."""

    def __init__(self, redis_url: str) -> None:
        shared = RedisStorage(
            f"async+{redis_url}",
            implementation="redispy",
            socket_timeout=redis.SOCKET_TIMEOUT,
            socket_connect_timeout=redis.CONNECT_TIMEOUT,
        )
        self._storage: Final = shared
        self._shared = MovingWindowRateLimiter(shared)
        self._local = MovingWindowRateLimiter(MemoryStorage())
        self._closed_until = 0.0

    async def check(
        self,
        rate: str,
        name: str,
        *key: str,
        counted: bool = True,
        told: bool = True,
        without_redis: CountElsewhere | None = None,
    ) -> None:
        """Count one try, or find out whether there could be one that is `counted` later.

        `without_redis` counts in a place that all processes share while Redis is away, and returns the tries so far,
        this one included. Unless `told`, the answer says nothing of how many are left: not where that would tell what
        others have done.

        Raises:
            Refusal: `rate_limited`, with `Retry-After`.
        """
        item, digest = parse(rate), hashed(*key)
        if self._answers():
            try:
                await _check(self._shared, item, name, digest, counted=counted, told=told)
            except redis.FAILURES as error:
                self._pause(error)
            else:
                return
        if without_redis is not None:
            tries = await without_redis(digest)
            if tries > item.amount:
                raise refusal(name, policy(name, item), item.get_expiry())
            return
        await _check(self._local, item, name, digest, counted=counted, told=told)

    async def add(self, key: str, tries: int, *, seconds: int) -> int | None:
        """Add to a count that all processes share and that ends after so long; the sum, or None without Redis."""
        if self._answers():
            try:
                return await self._storage.incr(key, seconds, tries)
            except redis.FAILURES as error:
                self._pause(error)
        return None

    async def close(self) -> None:
        """Give back the connections."""
        await cast("RedispyBridge", self._storage.bridge).storage.aclose()

    def _answers(self) -> bool:
        return time.monotonic() >= self._closed_until

    def _pause(self, error: Exception) -> None:
        self._closed_until = time.monotonic() + redis.PAUSE
        _log.warning("redis does not answer", what="rates", error=str(error))


async def _check(
    limiter: MovingWindowRateLimiter, item: RateLimitItem, name: str, digest: str, *, counted: bool, told: bool
) -> None:
    allowed = await (limiter.hit if counted else limiter.test)(item, name, digest)
    if allowed and not told:
        return
    window = await limiter.get_window_stats(item, name, digest)
    seconds = max(1, math.ceil(window.reset_time - time.time()))
    if not allowed:
        raise refusal(name, policy(name, item), seconds)
    standing.note(name.encode(), policy(name, item), left=window.remaining, seconds=seconds)


def policy(name: str, item: RateLimitItem) -> bytes:
    """A rate as `RateLimit-Policy` tells it."""
    return f'"{name}";q={item.amount};w={item.get_expiry()}'.encode()


def refusal(name: str, policy: bytes, wait: int) -> Refusal:
    """The refusal of a try too many; the next one is good after `wait` seconds."""
    return Refusal(
        "rate_limited",
        f"Too many tries. Please wait {wait} second{'s' if wait > 1 else ''}.",
        details={"retry_after_seconds": wait},
        headers={
            "Retry-After": str(wait),
            "RateLimit-Policy": policy.decode(),
            "RateLimit": f'"{name}";r=0;t={wait}',
        },
    )


def hashed(*key: str) -> str:
    """What a count is kept under: nobody's address or login is to be read in Redis."""
    return hashlib.sha256("\n".join(key).encode()).hexdigest()


def address(connection: HTTPConnection) -> str:
    """Whom to count: the client's IPv4 address, or its IPv6 /64, which one household has to itself."""
    host = connection.client.host if connection.client else "unknown"
    try:
        parsed = ip_address(host)
    except ValueError:
        return host
    if not isinstance(parsed, IPv6Address):
        return host
    if parsed.ipv4_mapped is not None:  # how a socket that takes both tells IPv4: not all of them are one household
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, 64), strict=False))
