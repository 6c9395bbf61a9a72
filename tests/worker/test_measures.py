"""What a worker counts of its tasks, by how the pool says that they ended."""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from celery.worker.request import create_request_cls  # type: ignore[attr-defined]
from kombu import Message
from prometheus_client import REGISTRY

from shared.jobs import PROCESS_PHOTO
from worker import app
from worker.measures import Measured, read

NAME = PROCESS_PHOTO.name
FIGURES = {"tasks_total", "work_attempts_total", "task_duration_seconds_count"}


class Pool:
    """A pool of which nothing is asked but to end a process."""

    def apply_async(self, *_: Any, **__: Any) -> None: ...

    def terminate_job(self, *_: Any) -> None: ...


@pytest.fixture
def received() -> Measured:
    """A request for a task, in the class that Celery makes for it."""
    app.loader.import_default_modules()
    sent = app.amqp.as_task_v2(str(uuid.uuid4()), NAME, args=("a key",))
    message = Message(
        body=json.dumps(sent.body), headers=sent.headers, content_type="application/json", content_encoding="utf-8"
    )
    kind = create_request_cls(Measured, app.tasks[NAME], Pool(), "here", None, app=app)
    request: Measured = kind(message, app=app, task=app.tasks[NAME], hostname="here")
    return request


def counted(happen: Callable[[], object]) -> dict[tuple[str, ...], float]:
    """By how much which figures have grown."""
    before = _figures()
    happen()
    return dict(_figures() - before)


def _figures() -> Counter[tuple[str, ...]]:
    return Counter(
        {
            (sample.name, *sample.labels.values()): int(sample.value)
            for metric in REGISTRY.collect()
            for sample in metric.samples
            if sample.name in FIGURES
        }
    )


def test_a_task_that_is_done_tells_what_its_attempts_came_to(received: Measured) -> None:
    said = repr(((NAME, "done", 2), (NAME, "retried", 1)))
    assert counted(lambda: received.on_success((False, said, 0.5))) == {
        ("tasks_total", NAME, "done"): 1,
        ("task_duration_seconds_count", NAME): 1,
        ("work_attempts_total", NAME, "done"): 2,
        ("work_attempts_total", NAME, "retried"): 1,
    }


def test_a_task_that_raises_has_failed_once(received: Measured) -> None:
    try:
        int("nothing")
    except ValueError:
        info = ExceptionInfo()
    assert counted(lambda: received.on_success((True, info, 0.5))) == {
        ("tasks_total", NAME, "failed"): 1,
        ("task_duration_seconds_count", NAME): 1,
    }


def test_a_task_is_killed_by_its_time_and_not_by_being_told_to_stop(received: Measured) -> None:
    assert counted(lambda: received.on_timeout(soft=True, timeout=10)) == {}
    assert counted(lambda: received.on_timeout(soft=False, timeout=12)) == {("tasks_total", NAME, "killed"): 1}
    assert counted(lambda: received.on_timeout(soft=False, timeout=12)) == {}


@pytest.mark.parametrize("said", [None, 3, "None", "(", "nothing of ours", "[1]"])
def test_other_results_tell_of_no_attempts(said: object) -> None:
    assert read(said) == ()
