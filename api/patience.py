"""Ends what waits too long, for next to nothing: one timer looks after all who wait, and none is made for each."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Patience:
    """Of one event loop. A wait ends up to `step` seconds late."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._waiting: dict[asyncio.Task[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, what: Callable[[], Awaitable[T]], *, until: float) -> T:
        """What is waited for, unless it takes until this moment of the loop's clock.

        Raises:
            TimeoutError: it does.
        """
        task = asyncio.current_task()
        assert task is not None
        self._waiting[task] = until
        if self._timer is None:
            self._look()
        try:
            return await what()
        except asyncio.CancelledError:
            if task in self._waiting or task.uncancel() > 0:  # somebody else has cancelled it
                raise
            raise TimeoutError from None
        finally:
            self._waiting.pop(task, None)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task in [task for task, until in self._waiting.items() if until <= now]:
            del self._waiting[task]
            task.cancel()
        self._timer = loop.call_later(self._step, self._look) if self._waiting else None
