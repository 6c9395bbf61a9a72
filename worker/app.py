"""The workers' Celery application, and what each of its processes does when it starts."""

from typing import Any, Final

from celery import signals

from shared import database, log, queue, storage
from shared.settings import settings

MODULES: Final = ("worker.work", "worker.accounts", "worker.badges", "worker.photos", "worker.prompts", "worker.quiz")

app = queue.make_app("worker", include=MODULES)


@signals.setup_logging.connect
def _set_up_logging(**_: Any) -> None:  # noqa: ANN401 - Celery's signature
    log.configure(process="worker", level=settings().log_level, as_json=settings().json_logs)


@signals.worker_process_init.connect
def _after_fork(**_: Any) -> None:  # noqa: ANN401 - Celery's signature
    """A forked process has its own connections: sharing its parent's would mix up their answers."""
    database.database.cache_clear()
    storage.storage.cache_clear()
    queue.publisher.cache_clear()
