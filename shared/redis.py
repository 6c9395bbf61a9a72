"""Redis as a messenger that may be missing: short timeouts, and a pause after each failure."""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared import log, metrics, tracing
from shared.settings import settings

PAUSE: Final = 2.0  # seconds without a try after a failure; without it every request of an outage waits (measured: 6 s)
CONNECT_TIMEOUT: Final = 0.5
SOCKET_TIMEOUT: Final = 1.0
FAILURES: Final = (RedisError, OSError)

_log = log.logger(__name__)


class Breaker:
    """Lets a call through unless the last one failed less than PAUSE seconds ago."""

    def __init__(self) -> None:
        self._closed_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether nothing is let through now."""
        return time.monotonic() < self._closed_until

    def attempt(self, what: str, send: Callable[[], None]) -> bool:
        """Call `send`; False when it failed or was not tried."""
        if self.is_open:
            return False
        try:
            with tracing.step(f"redis {what}"):
                send()
        except FAILURES as error:
            metrics.REDIS_FAILURES.labels(what).inc()
            self._closed_until = time.monotonic() + PAUSE
            _log.warning("redis does not answer", what=what, error=str(error))
            return False
        return True


BREAKER: Final = Breaker()


@lru_cache
def client() -> Redis:
    """This process's connection pool for events and health checks."""
    return Redis.from_url(
        settings().redis_url,
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=CONNECT_TIMEOUT,
        health_check_interval=10,
        retry=Retry(NoBackoff(), 1),
    )
