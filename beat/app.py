"""Beat's Celery application; Flower looks at the queues through it too."""

from typing import Any

from celery import signals

from beat.timetable import schedule
from shared import log, queue, reports
from shared.settings import settings

app = queue.make_app(
    "beat",
    # The plain scheduler keeps nothing on disk. Every row is harmless when doubled or late, so a second beat needs no
    # lock; a locking scheduler's standby took over only after more than 400 s.
    beat_scheduler="celery.beat:Scheduler",
    beat_schedule=schedule(),
)


@signals.setup_logging.connect
def _set_up_logging(**_: Any) -> None:  # noqa: ANN401 - Celery's signature
    log.configure(process="beat", level=settings().log_level, as_json=settings().json_logs)
    reports.configure(process="beat")
