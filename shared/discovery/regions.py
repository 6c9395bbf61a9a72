"""Ranking a whole region: everybody's queue at once, on a worker."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.discovery import candidates, loading, storing
from shared.discovery.batch import Loaded, Queues
from shared.discovery.batch import rank as rank_loaded
from shared.settings import settings

PATIENCE: Final = "SET LOCAL statement_timeout TO '10min'"  # for a region longer than for a request


def prepare(session: Session, *, region: int, now: datetime) -> None:
    """Make anew what is known of everybody in the region."""
    session.execute(text(PATIENCE))
    candidates.make_region(session, region=region, now=now)


def rank(session: Session, *, region: int, now: datetime) -> tuple[Loaded, Queues]:
    """Read the region, and rank everybody in it."""
    session.execute(text(PATIENCE))
    loaded = loading.load(session, region=region, now=now)
    queues = rank_loaded(loaded, length=settings().discovery_queue, newcomer_every=settings().newcomer_every)
    return loaded, queues


def store(session: Session, loaded: Loaded, queues: Queues, *, region: int, now: datetime) -> None:
    """Store the queues of a region."""
    session.execute(text(PATIENCE))
    storing.store(session, loaded, queues, region=region, now=now)
