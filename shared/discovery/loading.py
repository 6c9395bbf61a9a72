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
WHERE region = %(region)s OR (shown AND offered AND cell = ANY(%(cells)s)) OR (%(far)s AND shown AND offered_far)
ORDER BY user_id
"""
_VIEWERS: Final = """viewers AS MATERIALIZED (
    SELECT u.id, u.contact_hash FROM candidates c JOIN users u ON u.id = c.user_id WHERE c.region = %(region)s
)"""


def load(session: Session, *, region: int, now: datetime) -> Loaded:
    """Everybody in a region, and whom they might be shown."""
    connection: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
    reach = connection.execute("SELECT coalesce(max(reach), 0) FROM candidates WHERE region = %s", [region]).fetchone()
    assert reach is not None
    far = reach[0] > rules.NEAR
    km = rules.NEAR_KM if far else max(0, reach[0]) ** 0.5 / 1000
    values = {
        "today": now.date(),
        "now": now,
        "region": region,
        "newcomer_days": settings().newcomer_days,
        "cells": cells.around_region(region, km=km) if region != cells.NOWHERE else [cells.NOWHERE],
        "far": far,
    }
    people, vectors, ids, wishes, regions = [], [], [], [], []
    for rows in _read(connection, _PEOPLE, values, _row(_FIELDS)):
        made = np.zeros(len(rows), PERSON)
        for name in PERSON.names or ():
            if name != "number":
                made[name] = rows[name]
        people.append(made)
        vectors.append(rows["vector"].astype(np.int8))
        ids.append(np.ascontiguousarray(rows["user_id"]).view("S16"))
        wishes.append(rows["wishes"].copy())
        regions.append(rows["region"].astype(np.int32))
    everybody, names = np.concatenate(people), np.concatenate(ids)
    everybody["number"] = np.arange(len(everybody))
    viewers = np.flatnonzero(np.concatenate(regions) == region)
    return Loaded(
        everybody,
        np.concatenate(vectors),
        names,
        np.concatenate(wishes),
        viewers,
        _relations(connection, SETTLED, values, names, viewers),
        _relations(connection, LIKED_BY, values, names, viewers),
    )


def _relations(
    connection: Connection[Any], query: str, values: dict[str, Any], ids: NDArray[np.bytes_], viewers: Ints
) -> tuple[Ints, Ints]:
    """(starts, others) of a query of (viewer_id, other_id), as numbers of people; who is not loaded is left out."""
    related = query.replace(":now", "%(now)s")
    statement = f"WITH {_VIEWERS} SELECT viewer_id, other_id FROM ({related}) related ORDER BY viewer_id"
    rows = np.concatenate(list(_read(connection, statement, values, _PAIR)))
    viewer, other = (np.ascontiguousarray(rows[name]).view("S16") for name in ("viewer", "other"))
    known = np.isin(other, ids) & np.isin(viewer, ids[viewers])
    starts = np.searchsorted(viewer[known], ids[viewers], "left")
    others = np.searchsorted(ids, other[known])
    return np.append(starts, known.sum()).astype(np.int64), others.astype(np.int64)


def _row(fields: Sequence[tuple[str, Any]]) -> np.dtype[np.void]:
    """A row as Postgres sends a record: the number of its fields, then each after its type and length."""
    laid: list[Any] = [("_fields", ">i4")]
    for name, kind in fields:
        laid.append((f"_{name}", "V8"))
        if isinstance(kind, tuple):
            laid.append((f"_{name}_head", f"V{_HALFVEC}"))
        laid.append((name, *kind) if isinstance(kind, tuple) else (name, kind))
    return np.dtype(laid)


def _read(connection: Connection[Any], query: str, values: dict[str, Any], row: np.dtype[np.void]) -> Iterator[Records]:
    """The rows of a query whose columns all have a fixed width, many in one: each by itself costs the driver 7 us."""
    packed = f"""
        SELECT string_agg(record_send(r), ''::bytea ORDER BY number)
        FROM (SELECT r, row_number() OVER () AS number FROM ({query}) r) numbered
        GROUP BY number / {_TOGETHER} ORDER BY number / {_TOGETHER}"""
    yield np.empty(0, row)  # for whoever puts them together, were there none
    for (content,) in connection.cursor().stream(packed, values, binary=True):
        yield np.frombuffer(content, row)


_PAIR: Final = _row((("viewer", "V16"), ("other", "V16")))
