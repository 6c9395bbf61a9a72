"""What a worker counts of its tasks, and where Prometheus reads it: in the parent process, which outlives its children.

A child that is replaced or killed takes nothing with it, and leaves nothing behind to be tidied up: what a task came to
travels the way that Celery has for results, and how long it took does too.
"""

from ast import literal_eval
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final
from wsgiref.simple_server import WSGIServer

from celery.worker import state
from celery.worker.request import Request
from prometheus_client import Counter, Gauge, Histogram, Info, start_http_server

from shared import log
from shared.settings import settings
from worker.work import Outcomes

_log = log.logger(__name__)

BOUNDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)  # seconds
DONE, FAILED, KILLED = "done", "failed", "killed"

TOOK: Final = Histogram("task_duration_seconds", "Time that a task took.", ["task"], buckets=BOUNDS)
TASKS: Final = Counter("tasks", "Tasks by how they ended: done, failed, or killed with their process.", ["task", "end"])
ATTEMPTS: Final = Counter("work_attempts", "Pieces of work by what an attempt came to.", ["kind", "outcome"])
RUNNING: Final = Gauge("tasks_running", "Tasks that are being done.")


class Measured(Request):
    """Celery's own, which counts how its task ended."""

    _counted = False

    def __init_subclass__(cls) -> None:
        """Celery makes a class of this one for each task, with an `on_success` that knows of no other."""
        super().__init_subclass__()
        celerys = cls.on_success

        def on_success(self: Measured, failed__retval__runtime: tuple[bool, Any, float], **kwargs: Any) -> None:  # noqa: ANN401
            self._ended(*failed__retval__runtime)
            celerys(self, failed__retval__runtime, **kwargs)

        cls.on_success = on_success  # type: ignore[assignment,method-assign]

    def _ended(self, failed: bool, result: object, seconds: float) -> None:
        TOOK.labels(self.name).observe(seconds)
        self._count(FAILED if failed else DONE)
        for kind, outcome, rows in () if failed else read(result):
            ATTEMPTS.labels(kind, outcome).inc(rows)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """It took too long; unless it is only told to stop, its process is killed."""
        if not soft:
            self._count(KILLED)
        super().on_timeout(soft, timeout)

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:  # noqa: ANN401, FBT002 - Celery's
        """It raised something, and then `_ended` has counted it; or its process is gone."""
        self._count(KILLED)
        super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)

    def _count(self, end: str) -> None:
        if not self._counted:
            self._counted = True
            TASKS.labels(self.name, end).inc()


@lru_cache(maxsize=256)
def read(result: object) -> Outcomes:
    """What a task's result, in the form in which Celery hands it on, says of its attempts."""
    try:
        found = literal_eval(result) if isinstance(result, str) else None
    except (SyntaxError, ValueError):
        found = None
    return tuple(found) if isinstance(found, tuple) else ()


class _Served:
    """Where this process, or the parent that it was forked from, serves them."""

    server: WSGIServer | None = None


def let_go() -> None:
    """After a fork: a child that outlived its parent would keep the port from the next one."""
    if _Served.server is not None:
        _Served.server.socket.close()


def serve() -> None:
    """Serve them on WORKER_METRICS_PORT, beside the work, while this process lives."""
    values = settings()
    if values.worker_metrics_port is None:
        return
    RUNNING.set_function(lambda: len(state.active_requests))
    Info("build", "What runs here.").info({"version": version("delete"), "environment": values.environment})
    try:
        _Served.server, _ = start_http_server(values.worker_metrics_port, values.worker_metrics_host)
    except OSError as error:  # no reason to leave the work undone
        _log.error("metrics are not served", port=values.worker_metrics_port, error=str(error))
