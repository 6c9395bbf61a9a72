"""Routes that tell whether the system is well."""

import time
from contextlib import suppress
from importlib.metadata import version
from typing import Final, Literal

from anyio import to_thread
from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from api.dependencies import Db
from api.errors import documented
from api.shapes import Shape, with_example
from shared import health
from shared.database import Database
from shared.errors import Refusal
from shared.jobs import QUEUES

router = APIRouter(prefix="/v1/health", tags=["health"])

VERSION: Final = version("delete")
PATIENCE: Final = 2.0  # seconds for the database to answer
_started: Final = time.monotonic()


class Alive(Shape):
    """The process answers."""

    model_config = with_example({"status": "ok"})

    status: Literal["ok"] = "ok"


class Health(Shape):
    """What each part does. `workers` is seconds since a worker of each queue last took a message."""

    model_config = with_example(
        {
            "status": "ok",
            "version": VERSION,
            "uptime_seconds": 86_400.0,
            "db": "ok",
            "redis": "ok",
            "workers": dict.fromkeys(QUEUES, 7.5),
        }
    )

    status: Literal["ok"] = "ok"
    version: str = VERSION
    uptime_seconds: float
    db: Literal["ok", "down"]
    redis: Literal["ok", "down"]
    workers: dict[str, float]


@router.get("/live", operation_id="health_live", summary="The process answers")
async def live() -> Alive:
    """For an orchestrator that restarts what hangs."""
    return Alive()


@router.get(
    "/ready", operation_id="health_ready", summary="Requests can be served", responses=documented("service_unavailable")
)
async def ready(db: Db) -> Health:
    """For a load balancer: 503 while the database or Redis is down, with what each part does in the details."""
    return await _look(db)


@router.get("", operation_id="health", summary="What each part does", responses=documented("service_unavailable"))
async def full(db: Db) -> Health:
    """The same for people, with version, uptime and the workers' heartbeats."""
    return await _look(db)


async def _look(db: Database) -> Health:
    workers: dict[str, float] = {}
    database_ok = False
    with suppress(SQLAlchemyError, TimeoutError):
        workers = await db.probe(health.seconds_since_heartbeats, seconds=PATIENCE)
        database_ok = True
    found = Health(
        uptime_seconds=round(time.monotonic() - _started, 1),
        db="ok" if database_ok else "down",
        redis="ok" if await to_thread.run_sync(health.ping_redis) else "down",
        workers=workers,
    )
    if "down" in {found.db, found.redis}:
        details = found.model_dump(exclude={"status"})
        raise Refusal("service_unavailable", details=details, headers={"Retry-After": "2"})
    return found
