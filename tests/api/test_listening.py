"""What a process does for its open connections: whom it subscribes for, what it makes up for, and when it ends one."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from api.listener import MOST_WAITING, Frame, Listener, read
from api.listening import MOST_EACH, Hub
from shared import events, redis
from shared.accounts.models import Status, User
from shared.accounts.tokens import Claims
from shared.database import Database
from shared.settings import settings
from tests.likes import signed_in
from tests.people import make_user

NOW = datetime.now(UTC)


def claims(user_id: uuid.UUID | None = None, session_id: uuid.UUID | None = None) -> Claims:
    return Claims(user_id or uuid.uuid4(), session_id or uuid.uuid4(), "x", NOW + timedelta(hours=1))


def frame(number: int, *, size: int = 0) -> Frame:
    said = {"type": "match.changed", "id": str(number), "at": (NOW + timedelta(seconds=number)).isoformat()}
    return read(json.dumps({**said, "data": "x" * size}))


def frames(*numbers: int) -> list[Frame]:
    return [frame(number) for number in numbers]


def given(listener: Listener) -> list[str]:
    """What waits to be sent: ids, and of a `ready` whether it is complete."""
    return [one.id or str(json.loads(one.text)["data"]["complete"]) for one in listener._waiting]


def in_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_what_arrives_while_one_catches_up_comes_after_what_was_missed() -> None:
    async def run() -> None:
        listener = Listener(claims(), since="0", asks=True)
        listener.offer(frame(3))
        assert given(listener) == []
        listener.catch_up(frames(0, 1, 2, 3), unsure_until=None)
        assert given(listener) == ["1", "2", "3", "True"]
        listener.offer(frame(3))
        listener.offer(frame(4))
        assert given(listener)[-2:] == ["True", "4"]

    in_a_loop(run)


@pytest.mark.parametrize("since", [None, "unknown"])
def test_who_has_nothing_to_go_on_gets_only_what_is_new(since: str | None) -> None:
    async def run() -> None:
        listener = Listener(claims(), since=since, asks=True)
        listener.offer(frame(3))
        listener.catch_up(frames(1, 2), unsure_until=None)
        assert given(listener) == ["False", "3"]
        listener.fall_behind()
        listener.offer(frame(6))
        listener.catch_up(frames(1, 2, 3, 4, 5, 6), unsure_until=None)
        assert given(listener) == ["False", "3", "4", "5", "6", "True"]

    in_a_loop(run)


def test_after_a_break_all_is_given_that_came_since_the_stream_was_empty() -> None:
    async def run() -> None:
        for begun in ([], frames(1)):
            listener = Listener(claims(), since=None, asks=False)
            listener.catch_up(begun, unsure_until=None)
            listener.fall_behind()
            listener.catch_up(frames(5, 6), unsure_until=NOW)
            assert given(listener) == ["5", "6"], "what it had has expired, so all of these are newer"

    in_a_loop(run)


def test_what_was_not_looked_up_holds_nothing_back_and_is_looked_up_later() -> None:
    async def run() -> None:
        listener = Listener(claims(), since="1", asks=True)
        listener.offer(frame(4))
        listener.catch_up(None, unsure_until=None)
        assert given(listener) == ["False", "4"]

    in_a_loop(run)


def test_what_may_not_have_been_kept_is_said_to_be_incomplete() -> None:
    async def run() -> None:
        for seconds, complete in ((0.5, "True"), (1.5, "False")):
            listener = Listener(claims(), since="1", asks=True)
            listener.catch_up(frames(1, 2), unsure_until=NOW + timedelta(seconds=seconds))
            assert given(listener) == ["2", complete]

    in_a_loop(run)


def test_more_than_fits_is_cut_to_the_newest_and_said_to_be_incomplete() -> None:
    async def run() -> None:
        listener = Listener(claims(), since="0", asks=True)
        listener.catch_up([frame(number, size=24_000) for number in range(200)], unsure_until=None)
        assert not listener.ended.is_set()
        assert 15 < len(given(listener)) < 25
        assert given(listener)[-2:] == ["199", "False"]

    in_a_loop(run)


def test_what_waits_is_bounded_also_while_one_catches_up() -> None:
    async def run() -> None:
        behind, slow = Listener(claims(), since=None, asks=False), Listener(claims(), since=None, asks=False)
        slow.catch_up([], unsure_until=None)
        for number in range(MOST_WAITING + 1):
            behind.offer(frame(number))
            slow.offer(frame(number))
        assert [behind.code, slow.code, given(behind), given(slow)] == [4408, 4408, [], []]

    in_a_loop(run)


def with_hub(db: Database, test: Callable[[Hub], Awaitable[None]]) -> None:
    redis.BREAKER._closed_until = 0.0

    async def run() -> None:
        hub = Hub(settings().redis_url, db)
        await hub.open()
        try:
            await asyncio.wait_for(test(hub), 30)
        finally:
            await hub.close()

    asyncio.run(run())


async def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def listeners(user_id: uuid.UUID) -> int:
    return int(redis.client().pubsub_numsub(events.channel(user_id))[0][1])


def test_redis_knows_who_is_here_as_long_as_they_are(committed: Database) -> None:
    mine = claims()

    async def run(hub: Hub) -> None:
        await until(lambda: hub._pubsub is not None)
        for _ in range(3):
            async with hub.listening(mine, since=None, asks=False), hub.listening(mine, since=None, asks=False):
                assert listeners(mine.user_id) == 1
            await until(lambda: listeners(mine.user_id) == 0)

    with_hub(committed, run)


def test_who_comes_while_redis_is_being_reached_is_subscribed_too(committed: Database) -> None:
    mine, told = claims(), events.event

    async def run(hub: Hub) -> None:
        joined = asyncio.Event()
        hear = hub._hear

        async def hear_later(pubsub: Any) -> str | None:
            await joined.wait()
            return await hear(pubsub)

        hub._hear = hear_later  # type: ignore[method-assign]
        async with hub.listening(mine, since=None, asks=False) as listener:
            joined.set()
            await until(lambda: listeners(mine.user_id) == 1)
            await asyncio.to_thread(
                events.publish, [told(user_id=mine.user_id, kind="match.changed", data={"number": 1})]
            )
            got = await listener.next()
            assert got is not None
            assert json.loads(got.text)["data"] == {"number": 1}

    with_hub(committed, run)


def test_a_frame_that_is_none_is_passed_over(committed: Database) -> None:
    mine = claims()

    async def run(hub: Hub) -> None:
        async with hub.listening(mine, since=None, asks=False) as listener:
            await until(lambda: listeners(mine.user_id) == 1)
            for text in ("no JSON", "[]", "{}", '{"id": 1, "type": "x", "at": "yesterday"}'):
                redis.client().publish(events.channel(mine.user_id), text)
            await asyncio.to_thread(events.publish, [events.event(user_id=mine.user_id, kind="match.changed", data={})])
            got = await listener.next()
            assert got is not None
            assert got.type == "match.changed"

    with_hub(committed, run)


def test_of_too_many_connections_the_oldest_gives_way(committed: Database) -> None:
    mine = claims()

    async def run(hub: Hub) -> None:
        async with AsyncExitStack() as stack:
            opened = [
                await stack.enter_async_context(hub.listening(mine, since=None, asks=False))
                for _ in range(MOST_EACH + 1)
            ]
            assert [one.code for one in opened] == [4409] + [None] * MOST_EACH

    with_hub(committed, run)


def test_whoever_may_not_be_here_any_more_is_found_among_all(
    committed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.listening.LOOK_AGAIN", 0.2)
    with committed.transaction() as session:
        ada, bob = make_user(session), make_user(session)
        both = [signed_in(session, one) for one in (ada, bob)]

    def suspend(session: Session) -> None:
        session.execute(update(User).where(User.id == ada.id).values(status=Status.SUSPENDED))

    async def run(hub: Hub) -> None:
        mine, theirs = (claims(one.user_id, one.session_id) for one in both)
        async with (
            hub.listening(mine, since=None, asks=False) as suspended,
            hub.listening(theirs, since=None, asks=False) as other,
        ):
            await asyncio.sleep(0.5)
            assert not suspended.ended.is_set()
            await asyncio.to_thread(committed.call, suspend)
            await until(suspended.ended.is_set)
            assert (suspended.code, other.code) == (4401, None)

    with_hub(committed, run)


def test_redis_that_says_nothing_any_more_is_left(committed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.listening.SILENCE", 0.6)
    mine = claims()

    async def run(hub: Hub) -> None:
        async with hub.listening(mine, since=None, asks=False):
            await until(lambda: hub._pubsub is not None)
            await asyncio.sleep(2)
            assert hub._interrupted_at is None, "it answers our pings"
            redis.client().client_pause(1500, all=True)
            await until(lambda: hub._interrupted_at is not None)
            await until(lambda: hub._pubsub is not None)

    with_hub(committed, run)


def test_what_cannot_be_published_follows_in_order_and_not_after_minutes(
    committed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = uuid.uuid4()
    old = events.Event(uuid.uuid4(), mine, "match.changed", NOW - timedelta(hours=1), {"number": 0})
    monkeypatch.setattr(redis.BREAKER, "_closed_until", time.monotonic() + 60)
    events.send([old, *(events.event(user_id=mine, kind="match.changed", data={"number": n}) for n in (1, 2))])
    assert redis.client().exists(events.stream(mine)) == 0
    monkeypatch.setattr(redis.BREAKER, "_closed_until", 0.0)
    events.send([events.event(user_id=mine, kind="match.changed", data={"number": 3})])
    kept: Any = redis.client().xrange(events.stream(mine))
    assert [json.loads(row[b"frame"])["data"]["number"] for _, row in kept] == [1, 2, 3]
