"""Export and erasure of somebody with six photos and 5,000 messages: time, and memory of the worker above idle.

The tasks are what a worker runs for a hint, in a fresh process that has done nothing else.
"""

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from bench.report import Figure
from dev.temporary import stores
from shared import clock
from shared.accounts.models import User
from shared.database import database
from shared.ledger import Work
from shared.photos.models import Photo
from shared.photos.processing import process
from shared.photos.service import folder, submit, upload_key
from shared.privacy import exports, leaving
from shared.privacy.models import Export
from shared.storage import storage
from tests.people import make_user
from tests.pictures import camera_photo

PHOTOS: Final = 6
MATCHES: Final = 20
MESSAGES: Final = 5_000
FAR_MORE: Final = 50_000
_SIZE: Final = (4000, 3000)
_MEGABYTE: Final = 1024 * 1024

_PROBE: Final = """
import json, sys, time
from pathlib import Path
from shared import log
from shared.database import database
from shared.ledger import unfinished
from shared.jobs import ERASE_ACCOUNT
from worker import erasing, exporting

def status(name):
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))

log.configure(process="bench", level="WARNING", as_json=False)
tasks = {"export": exporting.make, "erase": erasing.erase}
task = tasks[sys.argv[1]]
task("00000000-0000-0000-0000-000000000000")  # what every worker has done before: a connection, and statements
database().call(unfinished, ERASE_ACCOUNT)
Path("/proc/self/clear_refs").write_text("5")
idle, began, cpu, turns = status("VmRSS"), time.perf_counter(), time.process_time(), 0
while True:
    task(sys.argv[2])
    turns += 1
    if sys.argv[1] == "export" or not database().call(unfinished, ERASE_ACCOUNT):
        break
print(json.dumps([time.perf_counter() - began, time.process_time() - cpu, status("VmHWM") - idle, turns]))
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds, of which so many of CPU, and bytes above an idle worker at the peak."""

    seconds: float
    cpu: float
    memory: float


def measure() -> list[Figure]:
    """Of both: time and memory, and whether memory grows with far more messages."""
    with stores() as values:
        os.environ.update(values)
        person = database().call(_person, messages=MESSAGES)
        much = database().call(_person, messages=FAR_MORE)
        exported, size = _export(person)
        exported_much, _ = _export(much)
        erased, erased_much = _erase(person), _erase(much)
        database().bind.engine.dispose()
    of, far_more = f"{PHOTOS} photos and {MESSAGES:,} messages", f"{FAR_MORE:,} messages"
    return [
        _seconds("X1", f"export of {of} ({size / _MEGABYTE:.1f} MB)", exported),
        _memory("X2", "... peak memory above an idle worker", exported),
        _memory("X3", f"... with {far_more} ({exported_much.seconds:.0f} s)", exported_much),
        _seconds("X4", f"erasure of {of}", erased),
        _memory("X5", "... peak memory above an idle worker", erased),
        _memory("X6", f"... with {far_more} ({erased_much.seconds:.0f} s)", erased_much),
    ]


def _seconds(name: str, what: str, measured: Measured) -> Figure:
    what = f"{what}, CPU {measured.cpu:.2f} s"
    return Figure(id=name, what=what, unit="s", product=measured.seconds, must=10, reach=3, better="lower")


def _memory(name: str, what: str, measured: Measured) -> Figure:
    product = measured.memory / _MEGABYTE
    return Figure(id=name, what=what, unit="MB", product=product, must=40, reach=20, better="lower")


def _export(person: uuid.UUID) -> tuple[Measured, int]:
    def ask(session: Session) -> uuid.UUID:
        return exports.ask(session, session.get_one(User, person), now=clock.now()).id

    export_id = database().call(ask)
    measured = _run("export", export_id)
    size = database().call(lambda session: session.get_one(Export, export_id).size_bytes)
    assert size is not None
    return measured, size


def _erase(person: uuid.UUID) -> Measured:
    """With the conversations: those with whom they were have left before."""

    def leave(session: Session) -> None:
        long_ago = clock.now() - timedelta(days=100)
        leaving.leave(session, session.get_one(User, person), verified_hash="!", now=long_ago)
        session.execute(update(Work).values(due_at=func.now()))

    database().call(leave)
    measured = _run("erase", person)
    left = database().call(lambda session: session.scalar(select(func.count()).where(User.id == person)))
    assert left == 0
    return measured


def _run(what: str, key: uuid.UUID) -> Measured:
    probe = [sys.executable, "-c", _PROBE, what, str(key)]
    ended = subprocess.run(probe, check=True, capture_output=True, text=True)
    seconds, cpu, memory, _ = json.loads(ended.stdout)
    return Measured(seconds, cpu, memory)


def _person(session: Session, *, messages: int) -> uuid.UUID:
    user = make_user(session)
    for seed in range(PHOTOS):
        _photo(session, user, camera_photo(*_SIZE, seed=seed))
    session.execute(text("SET LOCAL statement_timeout = 0"))
    session.execute(
        text("""
            WITH others AS (
                SELECT gen_random_uuid() AS id, gen_random_uuid() AS match_id, n FROM generate_series(1, :matches) n
            ), made AS (
                INSERT INTO matches (id, low_id, high_id, state, created_at, state_changed_at, active_at, messages)
                SELECT match_id, least(id, :me), greatest(id, :me), 'active', now(), now(), now(), :messages / :matches
                FROM others
            )
            INSERT INTO messages (match_id, number, id, sender_id, text, created_at)
            SELECT match_id, m, gen_random_uuid(), CASE WHEN m % 2 = 0 THEN CAST(:me AS uuid) ELSE id END,
                'Message ' || m || ': ' || md5(m::text || n) || ' and whatever else one says to somebody one likes',
                now() + m * interval '1 second'
            FROM others, generate_series(1, :messages / :matches) m
        """).bindparams(me=user.id, matches=MATCHES, messages=messages)
    )
    return user.id


def _photo(session: Session, user: User, data: bytes) -> None:
    """As a worker leaves it."""
    photo_id = uuid.uuid4()
    submit(session, user, photo_id=photo_id)
    made = process(data)
    keys = {}
    for variant, rendition in made.renditions.items():
        keys[variant] = f"{folder(photo_id)}/{variant}.{rendition.extension}"
        storage().put(keys[variant], rendition.data, rendition.media_type)
    storage().delete([upload_key(photo_id)])
    ready = {"status": "ready", "renditions": keys, "width": made.width, "height": made.height}
    session.execute(update(Photo).where(Photo.id == photo_id).values(**ready))
