"""Reading what the ranking of a region needs from Postgres, in binary, as arrays."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from sqlalchemy.orm import Session

from shared.accounts.rules import ADULT, OLDEST
from shared.discovery import cells, rules
from shared.discovery.batch import PERSON, Ints, Loaded, Records
from shared.discovery.settled import LIKED_BY, SETTLED
from shared.embedding.rules import DIMENSIONS
from shared.quiz.traits import Trait
from shared.settings import settings

_TOGETHER: Final = 20_000  # rows in one
_FIELDS: Final = (
    ("user_id", "V16"),
    ("wishes", "V16"),
    ("vector", (">f2", DIMENSIONS)),
    ("region", ">i4"),
    *((name, ">i4") for name in ("born", "born_after", "born_by", "x", "y", "z", "cell")),
    *((trait.value, ">i2") for trait in Trait),
    *(
        (name, ">i2")
        for name in ("gender", "seeks", "activity", "completeness", "openness", "appeal", "damping", "dice")
    ),
    ("reach", ">i8"),
    *((name, "i1") for name in ("offered", "offered_far", "newcomer", "shown")),
)
_HEAD: Final = 19  # bytes before the first row of COPY
_TAIL: Final = 2  # and after the last
_HALFVEC: Final = 4  # bytes before a vector's numbers: how many, and two that are unused

_PEOPLE: Final = f"""
SELECT user_id, wishes, meaning, region, birth_date,
    CASE WHEN max_age = {OLDEST} THEN '-infinity' ELSE (%(today)s - make_interval(years => max_age + 1))::date END,
    CASE WHEN min_age <= {ADULT} THEN 'infinity' ELSE (%(today)s - make_interval(years => min_age))::date END,
    x, y, z, cell, {", ".join(Trait)}, gender, seeks,
    greatest(0, {rules.WHOLE} - {rules.WHOLE} * greatest(0, %(today)s - active_on) / {rules.ACTIVE_DAYS})::smallint,
    (10 * completeness)::smallint, openness, appeal, damping, dice, reach, offered, offered_far,
    joined_on > %(today)s - %(newcomer_days)s, shown
FROM candidates
WHERE region = %(region)s OR (shown AND offered AND cell = ANY(%(cells)s)) OR (%(unlimited)s AND shown AND offered_far)
"""  # noqa: S608 - numbers and names of our own
_VIEWERS: Final = """viewers AS MATERIALIZED (
    SELECT u.id, u.contact_hash FROM candidates c JOIN users u ON u.id = c.user_id WHERE c.region = %(region)s
)"""


def load(session: Session, *, region: int, now: datetime) -> Loaded:
    """Everybody in a region, and whom they might be shown."""
    connection: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
    reach = connection.execute(
        "SELECT max(reach) AS reach FROM candidates WHERE region = %s AND reach < %s", [region, rules.ANYWHERE]
    ).fetchone()
    unlimited = connection.execute(
        "SELECT EXISTS (SELECT FROM candidates WHERE region = %s AND reach = %s)", [region, rules.ANYWHERE]
    ).fetchone()
    assert reach is not None
    assert unlimited is not None
    km = rules.NEAR_KM if unlimited[0] else max(0, reach[0] or 0) ** 0.5 / 1000
    values = {
        "today": now.date(),
        "now": now,
        "region": region,
        "newcomer_days": settings().newcomer_days,
        "cells": cells.around_region(region, km=km) if region != cells.NOWHERE else [cells.NOWHERE],
        "unlimited": unlimited[0],
    }
    people, vectors, ids, wishes, regions = [], [], [], [], []
    for rows in _read(connection, _PEOPLE, values):
        made = np.zeros(len(rows), PERSON)
        for name in PERSON.names or ():
            if name != "number":
                made[name] = rows[name]
        people.append(made)
        vectors.append(rows["vector"].astype(np.int8))
        ids.append(np.ascontiguousarray(rows["user_id"]).view("S16"))
        wishes.append(rows["wishes"].copy())
        regions.append(rows["region"].astype(np.int32))
    names = np.concatenate([*ids, np.empty(0, "S16")])
    order = np.argsort(names)
    names, everybody = names.take(order), np.concatenate([*people, np.empty(0, PERSON)]).take(order)
    everybody["number"] = np.arange(len(everybody))
    viewers = np.flatnonzero(np.concatenate([*regions, np.empty(0, np.int32)]).take(order) == region)
    return Loaded(
        everybody,
        np.concatenate([*vectors, np.empty((0, DIMENSIONS), np.int8)]).take(order, axis=0),
        names,
        np.concatenate([*wishes, np.empty(0, "V16")]).take(order),
        viewers,
        _relations(connection, SETTLED, values, names, viewers),
        _relations(connection, LIKED_BY, values, names, viewers),
    )


def _relations(
    connection: Connection[Any], query: str, values: dict[str, Any], ids: NDArray[np.bytes_], viewers: Ints
) -> tuple[Ints, Ints]:
    """(starts, others) of a query of (viewer_id, other_id), as numbers of people; others not loaded are left out."""
    related = query.replace(":now", "%(now)s")
    packed = f"""
        WITH {_VIEWERS} SELECT string_agg(pair, ''::bytea) FROM (
            SELECT uuid_send(viewer_id) || uuid_send(other_id) AS pair, row_number() OVER () / {_TOGETHER} AS part
            FROM ({related}) related
        ) numbered GROUP BY part"""  # noqa: S608 - queries of our own
    pairs = [np.frombuffer(row[0], "S16") for row in connection.cursor().stream(packed, values, binary=True)]
    viewer, other = np.concatenate([*pairs, np.empty(0, "S16")]).reshape(-1, 2).T
    if not len(ids):
        return np.zeros(len(viewers) + 1, np.int64), np.empty(0, np.int64)
    places = np.minimum(np.searchsorted(ids, other), len(ids) - 1)
    known = ids[places] == other
    whose, places = np.searchsorted(ids[viewers], viewer[known]), places[known]
    order = np.argsort(whose, kind="stable")
    return np.searchsorted(whose[order], np.arange(len(viewers) + 1)), places[order]


def _read(connection: Connection[Any], query: str, values: dict[str, Any]) -> Iterator[Records]:
    """The rows of the query for people, in no order. All have one width, so many are taken for one array."""
    row = _row(_FIELDS)
    with connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT binary)", values) as copy:
        content = iter(copy)
        kept = bytearray(next(content)[_HEAD:])
        for some in content:
            kept += some
            if len(kept) >= _TOGETHER * row.itemsize:
                yield np.frombuffer(bytes(kept), row)
                kept.clear()
    yield np.frombuffer(bytes(kept[:-_TAIL]), row)


def _row(fields: Sequence[tuple[str, Any]]) -> np.dtype[np.void]:
    """A row of COPY: the number of its fields, then each after its length."""
    laid: list[Any] = [("_fields", ">i2")]
    for name, kind in fields:
        laid.append((f"_{name}", ">i4"))
        if isinstance(kind, tuple):
            laid.append((f"_{name}_head", f"V{_HALFVEC}"))
        laid.append((name, *kind) if isinstance(kind, tuple) else (name, kind))
    return np.dtype(laid)
