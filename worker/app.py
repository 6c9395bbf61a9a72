"""The workers' Celery application, and what each of its processes does when it starts."""

import os
from typing import Any, Final

from celery import signals

from shared import database, log, queue, reports, storage, tracing
from shared.embedding import prepared
from shared.jobs import MAKE_BADGES
from shared.settings import settings

MODULES: Final = (
    "worker.work",
    "worker.accounts",
    "worker.badges",
    "worker.discovery",
    "worker.erasing",
    "worker.exporting",
    "worker.idempotency",
    "worker.mail",
    "worker.matching",
    "worker.notifications",
    "worker.photos",
    "worker.prompts",
    "worker.quiz",
    "worker.reminders",
    "worker.review",
)

# One process of a worker per core: the threads of a matrix product would only get in each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = queue.make_app("worker", include=MODULES)


@signals.setup_logging.connect
def _set_up_logging(**_: Any) -> None:  # noqa: ANN401 - Celery's signature
    log.configure(process="worker", level=settings().log_level, as_json=settings().json_logs)
    reports.configure(process="worker")


@signals.celeryd_init.connect
def _measure(**_: Any) -> None:  # noqa: ANN401 - Celery's signature
    """Count what becomes of tasks, where somebody asks for that."""
    if settings().worker_metrics_port is not None:
        from worker import measures  # noqa: PLC0415 - it needs this module

        app.Task.Request = "worker.measures:Measured"
        measures.serve()


@signals.celeryd_after_setup.connect
def _before_start(**_: Any) -> None:  # noqa: ANN401 - Celery's signature
    """Have the model prepared before any task waits for it; without one, no work is begun that could only fail."""
    if MAKE_BADGES.queue not in app.amqp.queues.consume_from:
        return
    try:
        prepared.ensure()
    except prepared.Unusable as error:
        raise SystemExit(str(error)) from None


@signals.worker_process_init.connect
def _after_fork(**_: Any) -> None:  # noqa: ANN401 - Celery's signature
    """A forked process has its own connections: sharing its parent's would mix up their answers.

    One that reads answers loads the model now, so that nobody's answer waits for that.
    """
    database.database.cache_clear()
    storage.storage.cache_clear()
    queue.publisher.cache_clear()
    if settings().worker_metrics_port is not None:
        from worker import measures  # noqa: PLC0415 - it needs this module

        measures.let_go()
    reports.configure(process="worker")
    tracing.configure(process="worker")
    if MAKE_BADGES.queue in app.amqp.queues.consume_from:
        from worker.badges import reading  # noqa: PLC0415 - it needs this module

        reading()


@signals.worker_process_shutdown.connect
def _before_end(**_: Any) -> None:  # noqa: ANN401 - Celery's signature
    """What a replaced process has not sent yet would go with it."""
    tracing.flush()
    reports.flush()
