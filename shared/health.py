"""Whether the parts answer: the database, Redis, and for every queue a worker that really takes messages."""

from typing import Final

from sqlalchemy import Text, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared import redis
from shared.models import Base, Moment

STALE_AFTER: Final = 60.0  # seconds without a heartbeat; four were missed


class Heartbeat(Base):
    """When a worker of a queue last took beat's message and could write to the database."""

    __tablename__ = "heartbeats"

    queue: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[Moment] = mapped_column(server_default=func.now())


def beat(session: Session, *, queue: str) -> None:
    """A worker of this queue is alive."""
    row = insert(Heartbeat).values(queue=queue)
    session.execute(row.on_conflict_do_update(index_elements=[Heartbeat.queue], set_={"at": func.clock_timestamp()}))


def seconds_since_heartbeats(session: Session) -> dict[str, float]:
    """Per queue that ever had a worker: seconds since its last heartbeat."""
    age = func.extract("epoch", func.clock_timestamp() - Heartbeat.at)
    return {queue: round(float(seconds), 1) for queue, seconds in session.execute(select(Heartbeat.queue, age))}


def ping_redis() -> bool:
    """Whether Redis answers, within about a second."""
    try:
        return bool(redis.client().ping())
    except redis.FAILURES:
        return False
