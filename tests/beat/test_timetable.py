"""Beat's timetable: every row is known to a worker, expires before its next turn, and goes to its queue."""

from datetime import timedelta

import beat
import worker
from beat.timetable import TIMETABLE, schedule
from shared.jobs import PERIODIC_JOBS

worker.app.loader.import_default_modules()  # as a worker does when it starts


def test_every_periodic_job_has_one_row_and_every_row_a_task() -> None:
    assert sorted(row.job.name for row in TIMETABLE) == sorted(job.name for job in PERIODIC_JOBS)
    assert {row.job.name for row in TIMETABLE} <= set(worker.app.tasks)


def test_every_message_expires_before_the_next_one_and_work_ends_before_its_lease() -> None:
    for row in TIMETABLE:
        assert timedelta() < row.expires < row.every
        assert row.job.soft_limit < row.job.hard_limit < row.job.lease_seconds


def test_celery_is_given_the_timetable() -> None:
    assert beat.app.conf.beat_schedule == schedule()
    for row in TIMETABLE:
        entry = schedule()[row.job.name]
        assert entry["options"] == {"expires": row.expires.total_seconds(), "queue": row.job.queue}
