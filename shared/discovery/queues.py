"""Everybody's queue as it is stored: one row with arrays."""

import uuid
from datetime import datetime
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import events, ledger
from shared.accounts.models import User
from shared.accounts.service import lock
from shared.discovery import exact
from shared.discovery.exact import Place
from shared.discovery.models import DiscoveryQueue
from shared.discovery.rules import PACKED, PARTS, WHOLE
from shared.jobs import REFRESH_QUEUE

_STEP: Final = 4  # of a part of 0..1000, so that it fits into a byte


def refresh(session: Session, *, user_id: uuid.UUID, now: datetime, tell: bool = True) -> int:
    """Make somebody's queue anew; how many are in it. Nobody's who is not here any more.

    Whoever makes it takes turns at the person: the ledger's row is changed first by `ensure`, and last by a worker.
    """
    lock(session, user_id)
    ranked = exact.rank(session, user_id=user_id, now=now)
    if ranked is None:
        session.execute(delete(DiscoveryQueue).where(DiscoveryQueue.user_id == user_id))
        return 0
    places = ranked.places
    made = insert(DiscoveryQueue).values(
        user_id=user_id,
        ids=[place.user_id for place in places],
        parts=b"".join(packed(place) for place in places),
        wishes=ranked.wishes,
        computed_at=now,
    )
    changes = {name: made.excluded[name] for name in ("ids", "parts", "wishes", "computed_at")}
    session.execute(made.on_conflict_do_update(index_elements=[DiscoveryQueue.user_id], set_=changes))
    if tell:
        events.note(session, user_id=user_id, kind="discovery.refreshed", data={"people": len(places)})
    return len(places)


def ensure(session: Session, user: User, *, seen: datetime | None, now: datetime) -> None:
    """Make somebody's queue now, unless it is not the one made at `seen` any more. What was promised is done with it.

    Requests at the same time wait for each other at the person, and the first one makes it for all.
    """
    lock(session, user.id)
    made = session.get(DiscoveryQueue, user.id, populate_existing=True)
    if made is not None and made.computed_at != seen:
        return
    ledger.cancel(session, REFRESH_QUEUE, str(user.id))
    refresh(session, user_id=user.id, now=now, tell=False)


def packed(place: Place) -> bytes:
    """The parts of a score in PACKED bytes; `batch.py` does the same. Neither lift nor damping: nobody is told."""
    return bytes(part // _STEP for part in place.parts[:PACKED])


def unpacked(parts: bytes, place: int) -> dict[str, int]:
    """The parts (0..1000) of the score at a place, from 0, to within a step."""
    values = parts[place * PACKED : (place + 1) * PACKED]
    return {part: min(WHOLE, value * _STEP) for part, value in zip(PARTS, values, strict=True)}
