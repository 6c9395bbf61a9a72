"""Transactions that overlap: in an order that is sure, the second begun while the first is open, or in any order."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import Refusal

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


def at_once(pool: ThreadPoolExecutor, *functions: Callable[[], Any]) -> list[Any]:
    """What each returned, begun at the same instant on threads of `pool`; of one that was refused, the code.

    Any other exception is raised: nobody's request may end in a deadlock or in a lock that it did not get.
    """
    start = threading.Barrier(len(functions))

    def run(function: Callable[[], Any]) -> Any:
        start.wait(10)
        try:
            return function()
        except Refusal as refusal:
            return refusal.code

    begun = [pool.submit(run, function) for function in functions]
    return [one.result() for one in begun]
