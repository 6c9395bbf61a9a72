"""P18 and P19: what it takes that passes expire, and what is rewritten at the turn of a day."""

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.report import Figure
from dev.temporary import stores

PASSES: Final = 20_000  # of each day
DAYS: Final = 30
ROUNDS: Final = 5
PEOPLE: Final = 5000
DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)

_PLAIN: Final = """
CREATE TABLE plain_passes (
  passer_id uuid NOT NULL, passed_id uuid NOT NULL, expires_on date NOT NULL, expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL, PRIMARY KEY (passer_id, passed_id, expires_on)
)
"""
_FILL: Final = """
INSERT INTO {table} (passer_id, passed_id, expires_on, expires_at, created_at)
SELECT gen_random_uuid(), gen_random_uuid(), day, day + interval '12 h', day - interval '29 days 12 h'
FROM generate_series(%s::timestamp, %s::timestamp, '1 day') day, generate_series(1, %s)
"""
_MEMBERS: Final = """
INSERT INTO users (id, email, name, password_hash, birth_date, contact_hash)
SELECT gen_random_uuid(), i || '@example.com', 'Ada', '!', '1990-12-10', sha256(i::text::bytea)
FROM generate_series(1, %s) i
"""
_COUNTS: Final = """
INSERT INTO daily_like_counts (user_id, day, used) SELECT id, day, 10 FROM users, unnest(%s::date[]) day
"""


def measure() -> list[Figure]:
    """A day's share of dropping a week of passes against a DELETE of the day; rows rewritten for a new day.

    Not counted are the vacuum that only the DELETE needs, and the making of a later week, which falls to a run on
    another day of the week. As these stores need not be durable, the WAL of neither holds whole pages.

    Raises:
        SystemExit: the product did not drop one week a time, or a new day did not begin with all likes.
    """
    with stores() as values:
        os.environ.update(values)
        with psycopg.connect(values["DATABASE_URL"], autocommit=True) as connection:
            rewritten = _turn_of_day(connection)
            rounds = _rounds(connection)
    (floor, floor_wal), (product, product_wal) = (
        tuple(statistics.median(column) for column in zip(*side, strict=True)) for side in zip(*rounds, strict=True)
    )
    product, product_wal = product / WEEK.days, product_wal / WEEK.days  # of each day that is dropped with the others
    what = f"expiring a day of {PASSES} passes: a seventh of dropping its week, floor = DELETE of the day out of {DAYS}"
    return [
        Figure(
            id="P18",
            what=f"{what}: time",
            unit="ms",
            product=product * 1e3,
            floor=floor * 1e3,
            ratio=product / floor,
            must=0.2,
            reach=0.1,
            better="lower",
        ),
        Figure(
            id="P18w",
            what=f"{what}: WAL",
            unit="kB",
            product=product_wal / 1e3,
            floor=floor_wal / 1e3,
            ratio=product_wal / floor_wal,
            must=0.01,
            reach=0.0,
            better="lower",
        ),
        Figure(
            id="P19",
            what=f"daily counter reset, {PEOPLE} people: rows rewritten",
            unit="",
            product=rewritten,
            must=0,
            reach=0,
            better="lower",
        ),
    ]


def _rounds(connection: psycopg.Connection) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """(floor, product) of each round, as (seconds, bytes of WAL); a week passes between rounds."""
    from shared.database import database  # noqa: PLC0415 - only now do the settings point at these stores
    from shared.matching import passes  # noqa: PLC0415

    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday())

    def expire(day: date) -> int:
        return database().call(passes.expire, now=_midnight(day))

    for number in range(-DAYS, 7):  # the job runs every day, so a week is there before the first pass that needs it
        expire(monday + number * DAY)
    connection.execute(_PLAIN)
    _fill(connection, "passes", monday, monday + WEEK + (DAYS - 1) * DAY)  # the week that will be over, and 30 days
    _fill(connection, "plain_passes", monday, monday + (DAYS - 1) * DAY)

    def delete(day: date) -> int:
        return connection.execute("DELETE FROM plain_passes WHERE expires_on = %s", [day]).rowcount

    rounds = []
    for number in range(ROUNDS):
        connection.execute("VACUUM (ANALYZE) plain_passes")
        day, over = monday + number * DAY, monday + (number + 1) * WEEK
        rounds.append((_cost(connection, delete, day, PASSES), _cost(connection, expire, over, 1)))
        _fill(connection, "plain_passes", day + DAYS * DAY, day + DAYS * DAY)
        _fill(connection, "passes", over + DAYS * DAY, over + WEEK + (DAYS - 1) * DAY)
        for later in range(1, 7):
            expire(over + later * DAY)
    return rounds


def _fill(connection: psycopg.Connection, table: str, first: date, last: date) -> None:
    connection.execute(_FILL.replace("{table}", table), [first, last, PASSES])


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _cost(
    connection: psycopg.Connection, expiring: Callable[[date], int], day: date, count: int
) -> tuple[float, float]:
    """(seconds, bytes of WAL) of one transaction, its commit included."""
    connection.execute("CHECKPOINT")
    before = _number(connection, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
    began = time.perf_counter()
    gone = expiring(day)
    took = time.perf_counter() - began
    after = _number(connection, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
    if gone != count:
        message = f"{gone} went instead of {count}"
        raise SystemExit(message)
    return took, after - before


def _turn_of_day(connection: psycopg.Connection) -> float:
    """Rows of counters that are updated when a day has begun, and the job that is about counters has run.

    Everybody has used up yesterday and today; there are counters of a day long over too, so that the job has work.
    """
    from shared.accounts.models import User  # noqa: PLC0415 - only now do the settings point at these stores
    from shared.database import database  # noqa: PLC0415
    from shared.matching import likes  # noqa: PLC0415

    today = datetime.now(UTC).date()
    connection.execute(_MEMBERS, [PEOPLE])
    connection.execute(_COUNTS, [[today - likes.KEEP_COUNTS - DAY, today - DAY, today]])
    connection.execute("SELECT pg_stat_force_next_flush()")
    connection.execute("SELECT pg_stat_reset_single_table_counters('daily_like_counts'::regclass)")
    midnight = _midnight(today + DAY)

    def forget(session: Session) -> int:
        session.execute(select(func.pg_stat_force_next_flush()))  # at the commit, instead of up to a second later
        return likes.forget_counts(session, now=midnight)

    def used(session: Session) -> int:
        person = session.scalars(select(User).limit(1)).one()
        return likes.quota(session, person, now=midnight).used

    while database().call(forget):
        pass
    deleted = _number(connection, "SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'daily_like_counts'")
    if database().call(used) or deleted != PEOPLE:
        message = f"The day did not turn as it should: {deleted} old counters went"
        raise SystemExit(message)
    return _number(connection, "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'daily_like_counts'")


def _number(connection: psycopg.Connection, query: str) -> float:
    row = connection.execute(query).fetchone()
    assert row is not None
    return float(row[0])
