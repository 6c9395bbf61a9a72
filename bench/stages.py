"""The stages of a night as a worker does them, region by region, and the floors that they are measured against."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from psycopg import Connection
from sqlalchemy.orm import Session

from shared.database import database
from shared.discovery import batch, candidates, exact, loading, regions
from shared.discovery.models import Candidate

ROWS, COLUMNS, INNER = 256, 4096, 392  # of the floor's products
LONG_ENOUGH: Final = 1.0  # seconds
_TOGETHER: Final = 20_000  # rows of one message
_ENTRY: Final = np.dtype(
    [
        *(
            ("fields", ">i2"),
            ("user_id_size", ">i4"),
            ("user_id", "V16"),
            ("position_size", ">i4"),
            ("position", ">i4"),
        ),
        *(("other_id_size", ">i4"), ("other_id", "V16"), ("score_size", ">i4"), ("score", ">i4")),
    ]
)
PLAIN: Final = """
CREATE TABLE plain_queues (
    user_id uuid NOT NULL, position integer NOT NULL, other_id uuid NOT NULL, score integer NOT NULL,
    PRIMARY KEY (user_id, position)
)"""

_loaded: Final[dict[int, batch.Loaded]] = {}
_queues: Final[dict[int, batch.Queues]] = {}
_spent: Final[dict[str, float]] = {"reading": 0.0, "ranking": 0.0, "storing": 0.0}


def offer_far() -> None:
    """Choose whom people without a limit are shown."""
    with database().transaction() as session:
        regions.be_patient(session)
        candidates.offer_far(session)


def prepare(region: int) -> None:
    """Make anew what is known of a region's people."""
    from worker.discovery import prepare as prepare_region  # noqa: PLC0415 - the application of Celery, which only this needs

    prepare_region(region)


def load(region: int, now: datetime) -> None:
    """Read a region, and keep it."""
    with database().transaction() as session:
        regions.be_patient(session)
        _loaded[region] = loading.load(session, region=region, now=now)


def rank(region: int) -> int:
    """Rank a region that is loaded, and keep its queues; the number of pairs that were scored."""
    made = regions.rank(_loaded[region], now=datetime.now(UTC))
    _queues[region] = made
    return made.pairs


def load_all(wanted: list[int], now: datetime) -> None:
    """Read these regions one after the other."""
    for region in wanted:
        load(region, now)


def store_all(wanted: list[int], now: datetime) -> None:
    """Store these regions one after the other."""
    for region in wanted:
        store(region, now)


def store_all_plainly(wanted: list[int]) -> None:
    """The floor of that."""
    for region in wanted:
        store_plainly(region)


def rank_all(wanted: list[int]) -> int:
    """Rank these regions one after the other; the number of pairs."""
    return sum(map(rank, wanted))


def store(region: int, now: datetime) -> None:
    """Store the queues of a region that is ranked."""
    database().call(regions.store, _loaded[region], _queues[region], region=region, now=now)


def forget(region: int) -> None:
    """Give up what is kept of a region."""
    _loaded.pop(region, None)
    _queues.pop(region, None)


def night(region: int, now: datetime) -> None:
    """All of a region that is prepared, as its job does it."""
    began = time.perf_counter()
    load(region, now)
    loaded = time.perf_counter()
    rank(region)
    ranked = time.perf_counter()
    store(region, now)
    forget(region)
    _spent["reading"] += loaded - began
    _spent["ranking"] += ranked - loaded
    _spent["storing"] += time.perf_counter() - ranked


def spent(_: None) -> dict[str, float]:
    """Seconds of each stage of all nights in this process."""
    return dict(_spent)


def multiply(_: None) -> float:
    """How many floating-point operations a second this process does in sgemm."""
    random = np.random.default_rng(1)
    left, right = (random.random((size, INNER), np.float32) for size in (ROWS, COLUMNS))
    out = np.empty((ROWS, COLUMNS), np.float32)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < LONG_ENOUGH:
        np.dot(left, right.T, out=out)
        done += 1
    return 2 * ROWS * COLUMNS * INNER * done / (time.perf_counter() - began)


def store_plainly(region: int) -> None:
    """The same queues as one row for each place, instead of those of before, in one transaction."""
    loaded, queues = _loaded[region], _queues[region]
    names = loaded.ids.view("V16")
    filled = np.arange(queues.places.shape[1]) < queues.lengths[:, None]
    row, position = np.nonzero(filled)
    rows = np.zeros(len(row), _ENTRY)
    rows["fields"] = 4
    for name in ("user_id", "position", "other_id", "score"):
        rows[f"{name}_size"] = _ENTRY[name].itemsize
    rows["user_id"], rows["position"] = names[loaded.viewers[row]], position
    rows["other_id"], rows["score"] = names[queues.places[filled]], queues.scores[filled]
    viewers = [bytes(name).hex() for name in names[loaded.viewers].tolist()]
    with database().transaction() as session:
        regions.be_patient(session)
        connection: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
        connection.execute("DELETE FROM plain_queues WHERE user_id = ANY(%s::uuid[])", [viewers])
        columns = "user_id, position, other_id, score"
        with connection.cursor().copy(f"COPY plain_queues ({columns}) FROM STDIN WITH (FORMAT binary)") as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
            for start in range(0, len(rows), _TOGETHER):
                copy.write(rows[start : start + _TOGETHER].tobytes())
            copy.write(b"\xff\xff")


def ask(wanted: list[uuid.UUID], now: datetime) -> float:
    """Ask Postgres for the best of each of these people by exact SQL; seconds of the statements alone."""
    took = 0.0
    with database().transaction() as session:
        regions.be_patient(session)
        for user_id in wanted:
            viewer = session.get_one(Candidate, user_id)
            values = exact.parameters(viewer, now=now)
            began = time.perf_counter()
            session.execute(exact.RANK, values).all()
            took += time.perf_counter() - began
    return took


def agreement(wanted: dict[int, list[uuid.UUID]], now: datetime) -> list[float]:
    """For each of these people, by region, the share of places that batch and exact SQL agree on: who, and score."""
    with database().transaction() as session:
        regions.be_patient(session)
        shares = [_agree(session, region, one, now) for region, ids in wanted.items() for one in ids]
        session.rollback()
    return shares


def _agree(session: Session, region: int, user_id: uuid.UUID, now: datetime) -> float:
    loaded, queues = _loaded[region], _queues[region]
    names = loaded.ids.view("V16")
    row = np.searchsorted(loaded.ids[loaded.viewers], np.bytes_(user_id.bytes))
    filled = queues.lengths[row]
    ours = [
        (uuid.UUID(bytes=bytes(names[number])), int(score))
        for number, score in zip(queues.places[row, :filled], queues.scores[row, :filled], strict=True)
    ]
    ranked = exact.rank(session, user_id=user_id, now=now)
    assert ranked is not None
    theirs = [(place.user_id, place.score) for place in ranked.places]
    same = sum(one == other for one, other in zip(ours, theirs, strict=False))
    return same / max(len(ours), len(theirs), 1) if ours or theirs else 1.0
