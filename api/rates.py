"""Rate limits, counted in Redis for all processes together; without Redis each process counts for itself."""

import hashlib
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, cast

from fastapi import Request
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import MovingWindowRateLimiter

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
        self, rate: str, name: str, *key: str, counted: bool = True, without_redis: CountElsewhere | None = None
    ) -> None:
        """Count one try, or find out whether there could be one that is `counted` later.

        `without_redis` counts in a place that all processes share while Redis is away, and returns the tries so far,
        this one included.

        Raises:
            Refusal: `rate_limited`, with `Retry-After`.
        """
        item, digest = parse(rate), hashlib.sha256("\n".join(key).encode()).hexdigest()
        if time.monotonic() >= self._closed_until:
            try:
                await self._check(self._shared, item, name, digest, counted=counted)
            except redis.FAILURES as error:
                self._closed_until = time.monotonic() + redis.PAUSE
                _log.warning("redis does not answer", what="rates", error=str(error))
            else:
                return
        if without_redis is not None:
            if await without_redis(digest) > item.amount:
                raise _refusal(item, item.get_expiry())
            return
        await self._check(self._local, item, name, digest, counted=counted)

    async def close(self) -> None:
        """Give back the connections."""
        await cast("RedispyBridge", self._storage.bridge).storage.aclose()

    @staticmethod
    async def _check(
        limiter: MovingWindowRateLimiter, item: RateLimitItem, name: str, digest: str, *, counted: bool
    ) -> None:
        ask = limiter.hit if counted else limiter.test
        if not await ask(item, name, digest):
            window = await limiter.get_window_stats(item, name, digest)
            raise _refusal(item, window.reset_time - time.time())


def _refusal(item: RateLimitItem, seconds: float) -> Refusal:
    wait = max(1, int(seconds + 0.999))
    policy = f'"default";q={item.amount};w={item.get_expiry()}'
    return Refusal(
        "rate_limited",
        f"Too many tries. Please wait {wait} second{'s' if wait > 1 else ''}.",
        details={"retry_after_seconds": wait},
        headers={"Retry-After": str(wait), "RateLimit-Policy": policy, "RateLimit": f'"default";r=0;t={wait}'},
    )


def address(request: Request) -> str:
    """Whom to count: the client's IPv4 address, or its IPv6 /64, which one household has to itself."""
    host = request.client.host if request.client else "unknown"
    try:
        parsed = ip_address(host)
    except ValueError:
        return host
    if not isinstance(parsed, IPv6Address):
        return host
    if parsed.ipv4_mapped is not None:  # how a socket that takes both tells IPv4: not all of them are one household
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, 64), strict=False))
