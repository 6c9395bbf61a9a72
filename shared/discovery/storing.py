"""Storing the queues of a whole region: one binary COPY into a staging table, then one upsert."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from psycopg import Connection
from sqlalchemy.orm import Session

from shared.discovery.batch import Loaded, Queues

_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_TOGETHER: Final = 2000  # rows of one message
_UUID: Final = 2950  # the type, to Postgres
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
"""
_EXPOSE: Final = """
INSERT INTO discovery_exposures (region, ids, queues) VALUES (%s, %s::uuid[], %s::integer[])
ON CONFLICT (region) DO UPDATE SET ids = excluded.ids, queues = excluded.queues
"""


def store(session: Session, loaded: Loaded, queues: Queues, *, region: int, now: datetime) -> None:
    """Replace the queues of a region's people, and in how many of them each person is."""
    connection: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
    connection.execute(_STAGING)
    columns = "user_id, ids, parts, wishes, computed_at"
    with connection.cursor().copy(f"COPY staged_queues ({columns}) FROM STDIN WITH (FORMAT binary)") as copy:
        copy.write(_SIGNATURE)
        for rows in _rows(loaded, queues, now):
            copy.write(rows)
        copy.write(_END)
    connection.execute(_UPSERT)
    shown = np.concatenate([row[:length] for row, length in zip(queues.places, queues.lengths, strict=True)] or [[]])
    counts = np.bincount(shown.astype(np.int64), minlength=len(loaded.ids))
    named = np.flatnonzero(counts)
    ids = [_text(loaded.ids[number]) for number in named]
    connection.execute(_EXPOSE, [region, ids, counts[named].tolist()])


def _rows(loaded: Loaded, queues: Queues, now: datetime) -> Iterator[bytes]:
    """Rows of COPY's binary format, those of queues of one length at a time: they are all of one width."""
    names = loaded.ids.view("V16")
    for length in np.unique(queues.lengths).tolist():
        chosen = np.flatnonzero(queues.lengths == length)
        rows = np.zeros(len(chosen), _row(length))
        rows["fields"] = 5
        for field in ("user_id", "wishes", "ids", "parts", "computed_at"):
            rows[f"{field}_size"] = rows.dtype[field].itemsize
        rows["user_id"], rows["wishes"] = (column[loaded.viewers[chosen]] for column in (names, loaded.wishes))
        rows["ids"]["kind"] = _UUID
        if length:
            rows["ids"]["dimensions"], rows["ids"]["count"], rows["ids"]["first"] = 1, length, 1
            rows["ids"]["elements"]["size"] = 16
            rows["ids"]["elements"]["id"] = names[queues.places[chosen, :length]]
            rows["parts"] = queues.parts[chosen, :length].reshape(len(chosen), -1).view(f"V{8 * length}")[:, 0]
        rows["computed_at"] = (now - _EPOCH) // _EPOCH.resolution
        for start in range(0, len(rows), _TOGETHER):
            yield rows[start : start + _TOGETHER].tobytes()


def _row(length: int) -> np.dtype[np.void]:
    """The number of fields, and each after its length. An array of one dimension has its elements after their own."""
    elements = np.dtype([("size", ">i4"), ("id", "V16")])
    ends = [("count", ">i4"), ("first", ">i4"), ("elements", elements, length)] if length else []
    array = np.dtype([("dimensions", ">i4"), ("nulls", ">i4"), ("kind", ">i4"), *ends])
    fields = {"user_id": "V16", "ids": array, "parts": f"V{8 * length}", "wishes": "V16", "computed_at": ">i8"}
    return np.dtype(
        [("fields", ">i2"), *(one for name in fields for one in ((f"{name}_size", ">i4"), (name, fields[name])))]
    )


def _text(user_id: Any) -> str:  # noqa: ANN401 - sixteen bytes, of which numpy leaves out zeros at the end
    return bytes(user_id).ljust(16, b"\0").hex()
