"""Hints: small messages on the right queue, that never hold anybody up."""

import base64
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import RecoverableConnectionError
from sqlalchemy.orm import Session

from dev import parts
from shared import health, queue, redis
from shared.database import Database
from shared.errors import Refusal
from shared.jobs import DELETE_FILES, LEDGER_JOBS, PERIODIC_JOBS, PROCESS_PHOTO, QUEUES
from shared.queue import HINT_EXPIRES, Hint
from shared.settings import settings

Configure = Callable[..., None]


@pytest.fixture(autouse=True)
def _own_publisher() -> Iterator[None]:
    """A publisher as a process has it, and empty queues."""
    ours = redis.client()
    ours.flushdb()
    redis.BREAKER._closed_until = 0.0
    queue.publisher.cache_clear()
    yield
    queue.publisher.cache_clear()
    ours.flushdb()


def messages(name: str) -> list[dict[str, Any]]:
    """The messages of a queue as Celery's Redis transport stores them, the oldest first."""
    raw: Any = redis.client().lrange(name, 0, -1)
    return [json.loads(message) for message in reversed(raw)]


def body(message: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(message["body"]))


def test_a_hint_is_a_task_message_on_its_jobs_queue() -> None:
    queue.publish([Hint(PROCESS_PHOTO, "a"), Hint(DELETE_FILES, "b"), Hint(PROCESS_PHOTO, "c")])
    photos, default = messages("photos"), messages("default")
    assert [body(message)[0] for message in photos] == [["a"], ["c"]]
    assert [body(message)[0] for message in default] == [["b"]]
    headers = photos[0]["headers"]
    assert (headers["task"], headers["ignore_result"], headers["eta"]) == ("photos.process", True, None)
    assert headers["expires"] is not None
    assert HINT_EXPIRES == 3600
    assert photos[0]["content-type"] == "application/json"
    assert len({message["headers"]["id"] for message in photos + default}) == 3


def test_every_kind_of_work_has_a_queue_that_workers_serve() -> None:
    for job in LEDGER_JOBS.values():
        queue.publish([Hint(job, "key")])
        assert body(messages(job.queue)[-1])[0] == ["key"]
    assert {job.queue for job in (*LEDGER_JOBS.values(), *PERIODIC_JOBS)} <= set(QUEUES)


def test_a_hint_noted_twice_is_sent_once_and_only_when_committed(committed: Database) -> None:
    def note(session: Session, *keys: str) -> None:
        for key in keys:
            queue.note(session, Hint(PROCESS_PHOTO, key))

    def note_and_fail(session: Session) -> None:
        note(session, "lost")
        raise Refusal("not_found")

    committed.call(note, "a", "b", "a")
    with pytest.raises(Refusal):
        committed.call(note_and_fail)
    assert [body(message)[0] for message in messages("photos")] == [["a"], ["b"]]


@pytest.mark.parametrize("nowhere", [{"REDIS_URL": "redis://127.0.0.1:1/0"}, {"BROKER_URL": "amqp://127.0.0.1:1//"}])
def test_without_a_broker_publishing_fails_fast(configured: Configure, nowhere: dict[str, str]) -> None:
    configured(**nowhere)
    queue.publisher.cache_clear()
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(redis.FAILURES):
            queue.publish([Hint(PROCESS_PHOTO, "a")])
        assert time.monotonic() - began < 1


@pytest.mark.parametrize(("name", "scheme"), [("REDIS_URL", "redis"), ("BROKER_URL", "amqp")])
def test_a_broker_that_hangs_does_not_hold_anybody_up_for_long(configured: Configure, name: str, scheme: str) -> None:
    """A server that takes connections and says nothing, like one that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        configured(**{name: f"{scheme}://127.0.0.1:{mute.getsockname()[1]}/0"})
        queue.publisher.cache_clear()
        began = time.monotonic()
        with pytest.raises(redis.FAILURES):
            queue.publish([Hint(PROCESS_PHOTO, "a")])
        assert time.monotonic() - began < 3


def test_a_broker_that_ends_the_connection_is_one_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """RabbitMQ's errors are none of the operating system's."""

    def end(*_: object) -> None:
        raise RecoverableConnectionError("channel disconnected")

    monkeypatch.setattr(queue, "_publish", end)
    assert redis.BREAKER.attempt("hints", lambda: queue.publish([Hint(PROCESS_PHOTO, "a")])) is False


def test_what_only_one_kind_of_broker_understands_is_told_to_no_other(configured: Configure) -> None:
    by_redis = queue.make_app("test")
    assert by_redis.conf.broker_url == settings().redis_url
    assert by_redis.conf.broker_transport_options["visibility_timeout"] == 300
    assert (by_redis.conf.worker_disable_prefetch, by_redis.conf.broker_heartbeat) == (True, 0)
    configured(BROKER_URL="amqp://rabbit//")
    by_amqp = queue.make_app("test")
    assert by_amqp.conf.broker_url == "amqp://rabbit//"
    assert by_amqp.conf.broker_transport_options == {}
    assert (by_amqp.conf.worker_disable_prefetch, by_amqp.conf.broker_heartbeat) == (False, 10)
    assert queue.publisher().conf.broker_heartbeat == 0


def test_publishing_works_again_when_redis_is_back(configured: Configure, tmp_path: Path) -> None:
    part = parts.redis(tmp_path / "redis", port=parts.free_port(), durable=False)
    configured(REDIS_URL=f"{part.url.rpartition('/')[0]}/0")
    queue.publisher.cache_clear()
    for key in ("a", "b"):
        process = subprocess.Popen(part.argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _until_it_answers()
            queue.publish([Hint(PROCESS_PHOTO, key)])
            assert [body(message)[0] for message in messages("photos")] == [[key]]
        finally:
            process.kill()
            process.wait()
        with pytest.raises(redis.FAILURES):
            queue.publish([Hint(PROCESS_PHOTO, "lost")])


def _until_it_answers() -> None:
    deadline = time.monotonic() + 10
    while not health.ping_redis():
        assert time.monotonic() < deadline
        time.sleep(0.02)
