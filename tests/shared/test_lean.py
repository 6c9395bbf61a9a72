"""The lean path: one statement, one round trip, and what happens when the server has left."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
import pytest
from sqlalchemy import text

from shared import events
from shared.database import Database
from shared.lean import LeanPool, Statement
from tests.shared.test_events import subscribed

T = TypeVar("T")
SUM = Statement("SELECT :a + :b, :a -- of :a\n::text", b="integer", a="integer")


def opened(db: Database, run: Callable[[], Awaitable[T]]) -> T:
    async def all_of_it() -> T:
        await db.open()
        try:
            return await run()
        finally:
            await db.close()

    return asyncio.run(all_of_it())


def test_names_become_numbers_whatever_their_order(db: Database) -> None:
    assert asyncio.run(db.one(SUM, {"a": 1, "b": 2, "more": 3})) == (3, "1")


def test_a_name_without_a_type_is_refused_when_it_is_written() -> None:
    with pytest.raises(KeyError, match="b"):
        Statement("SELECT :a, :b", a="text")


def test_on_a_pool_each_statement_is_committed(committed: Database) -> None:
    insert = Statement("INSERT INTO login_attempts (key, minute) VALUES (:key, now()) RETURNING tries", key="text")

    async def run() -> list[object]:
        return [await committed.one(insert, {"key": "a"}), await committed.one(insert, {"key": "b"})]

    assert opened(committed, run) == [(1,), (1,)]
    with committed.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM login_attempts")) == 2


def test_connections_that_the_server_has_closed_cost_nobody_an_error(committed: Database) -> None:
    async def run() -> list[object]:
        await asyncio.gather(*(committed.one(SUM, {"a": number, "b": 0}) for number in range(8)))
        with committed.transaction() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "  # and wait until they are gone
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        return [await committed.one(SUM, {"a": number, "b": 0}) for number in range(8)]

    assert [row and row[0] for row in opened(committed, run)] == list(range(8))  # type: ignore[index]


def test_a_database_that_is_away_is_an_error_within_seconds() -> None:
    pool = LeanPool("postgresql://postgres@127.0.0.1:1/nothing", {"connect_timeout": 1}, size=1)

    async def run() -> None:
        await pool.open()
        try:
            await pool.one(SUM, {"a": 1, "b": 1})
        finally:
            await pool.close()

    with pytest.raises(psycopg.OperationalError):
        asyncio.run(asyncio.wait_for(run(), 10))


def test_events_go_out_together_and_in_order(committed: Database) -> None:
    person = uuid.uuid4()
    news = [events.event(user_id=person, kind="match.changed", data={"number": number}) for number in range(5)]

    async def run() -> None:
        committed.send(news[:2])
        committed.send(news[2:])

    with subscribed(person) as read:
        opened(committed, run)
        frames = read()
    assert [one["data"]["number"] for one in frames] == [0, 1, 2, 3, 4]
