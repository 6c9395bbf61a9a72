"""Worker processes with one thread each, as two of Celery's are: stages are shared between them, and timed."""

import heapq
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Self, TypeVar

from tqdm import tqdm

A = TypeVar("A")
R = TypeVar("R")

WORKERS: Final = 2
_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


class Workers:
    """Processes that read the settings of now, and keep between stages what they have loaded.

    The functions that they are given are of modules, and do not need the processes' settings to be imported.
    """

    def __init__(self, values: Mapping[str, str], *, count: int = WORKERS) -> None:
        os.environ.update(values)
        before = {name: os.environ.get(name) for name in _ONE_THREAD}
        os.environ.update(_ONE_THREAD)
        self._processes = [ProcessPoolExecutor(1, mp_context=get_context("spawn")) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count)
        self.pids = [process.submit(os.getpid).result() for process in self._processes]
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.shutdown()
        self._threads.shutdown()

    def first(self, function: Callable[..., R], *arguments: object) -> R:
        """What the function returns in the first process."""
        return self._processes[0].submit(function, *arguments).result()

    def each(self, function: Callable[[A], R], arguments: Sequence[A]) -> tuple[float, list[R]]:
        """(seconds, results): every process does it at the same time, each with an argument of its own."""
        began = time.perf_counter()
        doing = [process.submit(function, one) for process, one in zip(self._processes, arguments, strict=True)]
        results = [done.result() for done in doing]
        return time.perf_counter() - began, results

    def share(self, function: Callable[[A], R], items: Iterable[A], *, what: str | None = None) -> float:
        """Seconds until all are done, whoever is free taking the next; with `what` its progress is shown."""
        waiting: SimpleQueue[A] = SimpleQueue()
        for item in items:
            waiting.put(item)

        with tqdm(total=waiting.qsize(), desc=what, unit=" regions", disable=what is None) as bar:

            def work(process: ProcessPoolExecutor) -> None:
                while True:
                    try:
                        item = waiting.get_nowait()
                    except Empty:
                        return
                    process.submit(function, item).result()
                    bar.update()

            began = time.perf_counter()
            list(self._threads.map(work, self._processes))
            return time.perf_counter() - began


def shares(costs: Mapping[A, float], *, count: int = WORKERS) -> list[list[A]]:
    """As even as can be: the costliest first, each to whoever has least."""
    laden: list[tuple[float, int]] = [(0.0, number) for number in range(count)]
    given: list[list[A]] = [[] for _ in range(count)]
    for item in sorted(costs, key=costs.__getitem__, reverse=True):
        cost, number = heapq.heappop(laden)
        given[number].append(item)
        heapq.heappush(laden, (cost + costs[item], number))
    return given
