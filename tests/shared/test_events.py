"""Live events: published to whoever listens, after the commit, in order."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from shared import events, redis
from shared.database import Database
from shared.errors import Refusal


@contextmanager
def subscribed(user_id: uuid.UUID) -> Iterator[Callable[..., list[dict[str, Any]]]]:
    """Listen to a person's events; the value returns the frames that have come since."""
    redis.BREAKER._closed_until = 0.0
    listener: Any = redis.client().pubsub()  # type: ignore[no-untyped-call]
    listener.subscribe(events.channel(user_id))
    assert listener.get_message(timeout=2)["type"] == "subscribe"

    def read(wait: float = 0.1) -> list[dict[str, Any]]:
        frames = []
        while message := listener.get_message(timeout=wait):
            frames.append(json.loads(message["data"]))
        return frames

    try:
        yield read
    finally:
        listener.close()


def test_an_event_reaches_its_person_and_nobody_else(committed: Database) -> None:
    ada, grace = uuid.uuid4(), uuid.uuid4()
    photo = str(uuid.uuid4())
    with subscribed(ada) as to_ada, subscribed(grace) as to_grace:
        committed.call(events.note, user_id=ada, kind="photo.ready", data={"id": photo})
        (frame,) = to_ada()
        assert to_grace() == []
    assert set(frame) == {"type", "id", "at", "data"}
    assert (frame["type"], frame["data"]) == ("photo.ready", {"id": photo})
    assert uuid.UUID(frame["id"]).version == 4
    assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(frame["at"]) < timedelta(seconds=30)


def test_events_come_in_order_each_with_its_own_id(committed: Database) -> None:
    ada = uuid.uuid4()
    with subscribed(ada) as read:
        with committed.transaction() as session:
            for number in range(5):
                events.note(session, user_id=ada, kind="photo.rejected", data={"number": number})
        frames = read()
    assert [frame["data"]["number"] for frame in frames] == list(range(5))
    assert len({frame["id"] for frame in frames}) == 5


def test_what_was_rolled_back_did_not_happen(committed: Database) -> None:
    ada = uuid.uuid4()

    def note_and_fail(session: Session) -> None:
        events.note(session, user_id=ada, kind="photo.ready", data={})
        raise Refusal("not_found")

    with subscribed(ada) as read:
        with pytest.raises(Refusal):
            committed.call(note_and_fail)
        assert read() == []


def test_an_unknown_kind_of_event_is_a_mistake(session: Session) -> None:
    with pytest.raises(KeyError):
        events.note(session, user_id=uuid.uuid4(), kind="photo.raedy", data={})
    assert events.noted(session) == []


def test_a_frame_holds_any_text_on_one_line() -> None:
    event = events.Event(uuid.uuid4(), uuid.uuid4(), "photo.ready", datetime.now(UTC), {"text": 'é\n"\u2028🦄'})
    assert "\n" not in event.to_json()
    assert json.loads(event.to_json())["data"] == event.data
