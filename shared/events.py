"""Live events: hints to a person's open clients. What they tell is always readable over REST as well.

An event goes two ways at once: by Redis pub/sub to whoever listens now, and into a short stream of the person's own, in
which a client that was away for some minutes finds what it has missed.
"""

import json
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

from sqlalchemy.orm import Session

from shared import clock, metrics, redis

TYPES: Final = frozenset(
    {
        "photo.ready",
        "photo.rejected",
        "badges.changed",
        "like.received",
        "match.created",
        "match.changed",
        "message.created",
        "message.read",
        "notice.created",
        "discovery.refreshed",
        "export.ready",
    }
)
ENDED: Final = "session.ended"
"""Not for clients: tells our own processes to look again whose connections may stay open."""
KEPT: Final = 200  # events of a person, about
KEPT_SECONDS: Final = 300  # after the last of them
_NOTED: Final = "events"
_UNSENT: Final[deque["Event"]] = deque(maxlen=2000)
_LOCK: Final = Lock()


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, for one person."""

    id: uuid.UUID
    user_id: uuid.UUID
    type: str
    at: datetime
    data: dict[str, Any]

    def to_json(self) -> str:
        """The frame that clients receive: type, id, at, data."""
        said = {"type": self.type, "id": str(self.id), "at": self.at.isoformat(), "data": self.data}
        return json.dumps(said, ensure_ascii=False)


def channel(user_id: uuid.UUID) -> str:
    """The Redis channel on which a person's events are published."""
    return f"events:{user_id}"


def stream(user_id: uuid.UUID) -> str:
    """The Redis stream in which a person's last events are kept."""
    return f"missed:{user_id}"


def event(*, user_id: uuid.UUID, kind: str, data: dict[str, Any]) -> Event:
    """An event that happens now.

    Raises:
        KeyError: there is no such kind.
    """
    if kind not in TYPES | {ENDED}:
        raise KeyError(kind)
    return Event(clock.new_id(), user_id, kind, clock.now(), data)


def note(session: Session, *, user_id: uuid.UUID, kind: str, data: dict[str, Any]) -> None:
    """Remember an event on the session; whoever commits it publishes the event afterwards."""
    session.info.setdefault(_NOTED, []).append(event(user_id=user_id, kind=kind, data=data))


def keep(session: Session, news: Iterable[Event]) -> None:
    """`note` events that are made already."""
    session.info.setdefault(_NOTED, []).extend(news)


def noted(session: Session) -> list[Event]:
    """The events remembered so far, in order."""
    return list(session.info.get(_NOTED, ()))


def send(news: Iterable[Event]) -> None:
    """Publish, after what could not be before; while Redis does not answer, keep it for a while, the newest of it."""
    with _LOCK:
        _UNSENT.extend(news)
    redis.BREAKER.attempt("events", _publish_unsent)


def unsent() -> int:
    """How many wait until Redis answers again."""
    return len(_UNSENT)


def _publish_unsent() -> None:
    with _LOCK:
        news = list(_UNSENT)
        _UNSENT.clear()
    too_old = clock.now() - timedelta(seconds=KEPT_SECONDS)
    try:
        publish([event for event in news if event.at > too_old])
    except redis.FAILURES:
        with _LOCK:
            news += _UNSENT
            _UNSENT.clear()
            _UNSENT.extend(news)  # the oldest give way
        raise


def publish(news: Iterable[Event]) -> None:
    """Publish to whoever listens now, and keep for whoever comes back soon.

    All or nothing, so that an event has the same place among others in a stream and in a channel.

    Raises:
        redis.exceptions.RedisError: within about a second.
    """
    pipeline = redis.client().pipeline(transaction=True)
    sent = 0
    for event in news:
        sent += 1
        frame = event.to_json()
        if event.type != ENDED:
            kept = stream(event.user_id)
            pipeline.xadd(kept, {"id": str(event.id), "frame": frame}, maxlen=KEPT, approximate=True)
            pipeline.expire(kept, KEPT_SECONDS)
        pipeline.publish(channel(event.user_id), frame)
    pipeline.execute()
    metrics.EVENTS_SENT.inc(sent)
