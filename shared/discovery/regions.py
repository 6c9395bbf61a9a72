"""Ranking a whole region: everybody's queue at once, on a worker."""

from datetime import datetime
from functools import lru_cache

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from shared.database import Database
from shared.discovery import batch, candidates, loading, storing
from shared.discovery.models import Candidate
from shared.settings import settings

PATIENCE = "SET LOCAL statement_timeout TO '10min'"  # a statement over a region may take longer than one of a request


def prepare(session: Session, *, region: int, now: datetime) -> None:
    """Make anew what is known of everybody in the region."""
    session.execute(text(PATIENCE))
    candidates.make_region(session, region=region, now=now)


def rank(session: Session, *, region: int, now: datetime) -> tuple[loading.Loaded, batch.Queues]:
    """Read the region, and rank everybody in it."""
    session.execute(text(PATIENCE))
    loaded = loading.load(session, region=region, now=now)
    queues = batch.rank(loaded, length=settings().discovery_queue, newcomer_every=settings().newcomer_every)
    return loaded, queues


def store(session: Session, loaded: loading.Loaded, queues: batch.Queues, *, region: int, now: datetime) -> None:
    """Store the queues of a region."""
    session.execute(text(PATIENCE))
    storing.store(session, loaded, queues, region=region, now=now)
