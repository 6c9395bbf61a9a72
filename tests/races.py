"""Transactions that overlap, in an order that is sure: the second begins while the first is open."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

T = TypeVar("T")

_WAITED_FOR = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
)


def beside(
    session: Session, pool: ThreadPoolExecutor, function: Callable[..., T], *args: Any, **more: Any
) -> Future[T]:
    """Start `function` on a thread of `pool`; back once it has ended, or waits for the transaction of `session`."""
    started = pool.submit(function, *args, **more)
    deadline = time.monotonic() + 10
    while not started.done() and not session.scalar(_WAITED_FOR):
        assert time.monotonic() < deadline, "it neither ended nor waited"
        time.sleep(0.005)
    return started
