"""Storing the queues of a whole region: one binary COPY into a staging table, then one upsert."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from sqlalchemy.orm import Session

from shared.discovery.batch import Loaded, Queues
from shared.discovery.rules import PACKED

_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_TOGETHER: Final = 2000  # rows of one message
_UUID: Final = 2950  # the types, to Postgres
_INTEGER: Final = 23
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
# Rows that stay whole: to compress ids, which are random, would take longer than all the rest.
_STAGING: Final = """
CREATE TEMPORARY TABLE staged_queues (LIKE discovery_queues) WITH (toast_tuple_target = 8160) ON COMMIT DROP
"""
# Whoever has left meanwhile has no queue: their row would refer to nobody.
_UPSERT: Final = """
INSERT INTO discovery_queues (user_id, ids, parts, wishes, computed_at)
SELECT user_id, ids, parts, wishes, computed_at FROM staged_queues s
WHERE EXISTS (SELECT FROM users u WHERE u.id = s.user_id)
ON CONFLICT (user_id) DO UPDATE SET ids = excluded.ids, parts = excluded.parts,
    wishes = excluded.wishes, computed_at = excluded.computed_at
WHERE discovery_queues.computed_at <= excluded.computed_at
"""
_STAGING_EXPOSURES: Final = "CREATE TEMPORARY TABLE staged_exposures (LIKE discovery_exposures) ON COMMIT DROP"
_EXPOSE: Final = """
INSERT INTO discovery_exposures (region, ids, queues) SELECT region, ids, queues FROM staged_exposures
ON CONFLICT (region) DO UPDATE SET ids = excluded.ids, queues = excluded.queues
"""


def store(session: Session, loaded: Loaded, queues: Queues, *, region: int, now: datetime) -> None:
    """Replace the queues of a region's people, and in how many of them each person is."""
    connection: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
    connection.execute(_STAGING)
    _copy(connection, "staged_queues (user_id, ids, parts, wishes, computed_at)", _rows(loaded, queues, now))
    connection.execute(_UPSERT)
    connection.execute(_STAGING_EXPOSURES)
    _copy(connection, "staged_exposures (region, ids, queues)", [_exposures(loaded, queues, region)])
    connection.execute(_EXPOSE)


def _copy(connection: Connection[Any], table: str, content: Iterable[bytes]) -> None:
    with connection.cursor().copy(f"COPY {table} FROM STDIN WITH (FORMAT binary)") as copy:
        copy.write(_SIGNATURE)
        for rows in content:
            copy.write(rows)
        copy.write(_END)


def _rows(loaded: Loaded, queues: Queues, now: datetime) -> Iterator[bytes]:
    """Rows of COPY's binary format, those of queues of one length at a time: they are all of one width."""
    names = loaded.ids.view("V16")
    for length in np.unique(queues.lengths).tolist():
        chosen = np.flatnonzero(queues.lengths == length)
        for start in range(0, len(chosen), _TOGETHER):
            some = chosen[start : start + _TOGETHER]
            viewers = loaded.viewers[some]
            rows = _empty(
                len(some),
                user_id="V16",
                ids=_array("V16", length),
                parts=f"V{PACKED * length}",
                wishes="V16",
                computed_at=">i8",
            )
            rows["user_id"], rows["wishes"] = names.take(viewers), loaded.wishes.take(viewers)
            _fill(rows["ids"], _UUID, names.take(queues.places[some, :length]))
            if length:
                rows["parts"] = queues.parts[some, :length].reshape(len(some), -1).view(f"V{PACKED * length}")[:, 0]
            rows["computed_at"] = (now - _EPOCH) // _EPOCH.resolution
            yield rows.tobytes()


def _exposures(loaded: Loaded, queues: Queues, region: int) -> bytes:
    """The one row that says in how many queues of a region people are."""
    filled = np.arange(queues.places.shape[1]) < queues.lengths[:, None]
    counts = np.bincount(queues.places[filled], minlength=len(loaded.ids))
    named = np.flatnonzero(counts)
    row = _empty(1, region=">i4", ids=_array("V16", len(named)), queues=_array(">i4", len(named)))
    row["region"] = region
    _fill(row["ids"], _UUID, loaded.ids.view("V16").take(named)[None])
    _fill(row["queues"], _INTEGER, counts[named][None])
    return row.tobytes()


def _empty(count: int, **fields: Any) -> NDArray[np.void]:  # noqa: ANN401 - anything that numpy takes for a type
    """So many rows of these fields: how many there are of them, and each after its length."""
    laid = [pair for name, kind in fields.items() for pair in ((f"{name}_size", ">i4"), (name, kind))]
    rows = np.zeros(count, np.dtype([("fields", ">i2"), *laid]))
    rows["fields"] = len(fields)
    for name in fields:
        rows[f"{name}_size"] = rows.dtype[name].itemsize
    return rows


def _array(element: str, length: int) -> np.dtype[np.void]:
    """An array of one dimension, in which each element is after its length; one of none has no elements."""
    elements = np.dtype([("size", ">i4"), ("value", element)])
    ends = [("count", ">i4"), ("first", ">i4"), ("elements", elements, length)] if length else []
    return np.dtype([("dimensions", ">i4"), ("nulls", ">i4"), ("kind", ">i4"), *ends])


def _fill(arrays: NDArray[np.void], kind: int, values: NDArray[Any]) -> None:
    arrays["kind"] = kind
    if values.shape[1]:
        arrays["dimensions"], arrays["count"], arrays["first"] = 1, values.shape[1], 1
        arrays["elements"]["size"] = arrays.dtype["elements"].base["value"].itemsize
        arrays["elements"]["value"] = values
