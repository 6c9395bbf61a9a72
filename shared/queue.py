"""The task queue: how it is configured, and how hints reach it. The only module of `shared` that knows Celery."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from amqp.exceptions import AMQPError
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy.orm import Session

from shared import metrics, redis
from shared.jobs import QUEUES, Job
from shared.settings import settings

HINT_EXPIRES: Final = 3600  # seconds; by then the sweep has long sent another
_NOTED: Final = "hints"


@dataclass(frozen=True, slots=True)
class Hint:
    """A message that says: look at this row of the ledger now. The row is the truth."""

    job: Job
    key: str


def note(session: Session, hint: Hint) -> None:
    """Remember a hint on the session; whoever commits it sends the hint afterwards."""
    session.info.setdefault(_NOTED, {})[hint] = None


def noted(session: Session) -> list[Hint]:
    """The hints remembered so far, each once, in order."""
    return list(session.info.get(_NOTED, ()))


def publish(hints: Iterable[Hint]) -> None:
    """Put the hints on their queues.

    Raises:
        ConnectionError, redis.exceptions.RedisError: within about a second and a half.
    """
    try:
        _publish(publisher(), hints)
    except (OperationalError, AMQPError) as error:
        raise ConnectionError(str(error)) from error


def _publish(app: Celery, hints: Iterable[Hint]) -> None:
    with app.producer_pool.acquire(block=True, timeout=redis.SOCKET_TIMEOUT) as producer:
        for hint in hints:
            app.send_task(
                hint.job.name,
                args=(hint.key,),
                queue=hint.job.queue,
                producer=producer,
                retry=False,
                ignore_result=True,
                expires=HINT_EXPIRES,
            )
            metrics.HINTS_SENT.inc()


@lru_cache
def publisher() -> Celery:
    """The application that sends hints: it fails fast where a worker's would wait."""
    app = Celery("publisher", broker=settings().queue_url, set_as_current=False)
    by_redis = {
        "socket_timeout": redis.SOCKET_TIMEOUT,
        "socket_connect_timeout": redis.CONNECT_TIMEOUT,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "max_retries": 0,
    }
    by_amqp = {"read_timeout": redis.SOCKET_TIMEOUT, "write_timeout": redis.SOCKET_TIMEOUT, "max_retries": 0}
    app.conf.update(
        broker_transport_options=by_amqp if settings().broker_url else by_redis,
        broker_connection_timeout=redis.CONNECT_TIMEOUT,
        broker_connection_retry=False,
        broker_heartbeat=0,  # AMQP only: nobody here would send them, and the broker hang up between two hints
        broker_pool_limit=settings().db_pool_size + settings().db_max_overflow,
        task_default_queue=QUEUES[0],
        task_create_missing_queues=True,
    )
    return app


def make_app(name: str, **more: Any) -> Celery:  # noqa: ANN401 - Celery's own settings
    """A Celery application for workers or beat. Each setting has its reason; most were learnt by breaking things."""
    app = Celery(name, broker=settings().queue_url)
    by_redis = {
        "socket_timeout": 5,  # without it a stalled Redis blocks for ever
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "visibility_timeout": 300,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
    }
    app.conf.update(
        # Early acknowledgement: the ledger brings a lost message back, and with late acknowledgement 5.7.0's consumer
        # dies on about half of all lost Redis connections. Without prefetch it survived all of them.
        task_acks_late=False,
        worker_disable_prefetch=settings().broker_url is None,  # Redis only: by AMQP a worker holds one more message
        worker_prefetch_multiplier=1,
        # The state is in Postgres; storing results would cost a quarter of the throughput.
        result_backend=None,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        broker_transport_options={} if settings().broker_url else by_redis,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # the default gives up after 100
        broker_heartbeat=10 if settings().broker_url else 0,  # AMQP only: a peer that is silent for so long is lost
        # On Redis, cancelling kills tasks and leaves their messages behind.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=True,  # off, workers hung for good after a restart of Redis
        worker_soft_shutdown_timeout=10,  # what is cut off comes back by its lease
        worker_proc_alive_timeout=60,  # a process that loads the model is not up within the 4 s that are the default
        worker_max_tasks_per_child=settings().worker_max_tasks_per_child,
        worker_max_memory_per_child=settings().worker_max_memory_per_child_mb * 1024,
        # Off, because they halve the throughput of short tasks; Flower switches them on while somebody watches.
        worker_send_task_events=False,
        task_send_sent_event=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        task_default_queue=QUEUES[0],
        task_queues=None,
        task_create_missing_queues=True,
        task_serializer="json",
        accept_content=["json"],
        timezone="UTC",
        enable_utc=True,
        beat_max_loop_interval=5,
        **more,
    )
    return app
