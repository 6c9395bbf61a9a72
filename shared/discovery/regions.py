"""Ranking a whole region on a worker, in steps that each hold the database for as short as they can."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.discovery import batch, loading, rules, storing
from shared.discovery.batch import Loaded, Queues
from shared.jobs import RANK_REGION
from shared.settings import settings

SLICE = 2000  # people who are made anew in one transaction: whoever of them needs their own row waits so long


def load(session: Session, *, region: int, now: datetime) -> Loaded:
    """Read everybody in a region, and whom they might be shown."""
    be_patient(session)
    return loading.load(session, region=region, now=now)


def rank(loaded: Loaded, *, now: datetime) -> Queues:
    """Rank everybody in a region; needs no database."""
    values = settings()
    return batch.rank(
        loaded,
        length=values.discovery_queue,
        newcomer_every=values.newcomer_every,
        period=rules.period_of(now.date()),
    )


def store(session: Session, loaded: Loaded, queues: Queues, *, region: int, now: datetime) -> None:
    """Store the queues of a region that was read at this moment."""
    be_patient(session)
    storing.store(session, loaded, queues, region=region, now=now)


def be_patient(session: Session) -> None:
    """Let a statement take as long as the task may: those over a region take longer than those of a request.

    And no longer: what a killed worker has begun must be over when another begins it anew.
    """
    limit = f"{RANK_REGION.soft_limit * 1000:.0f}"
    session.execute(select(func.set_config("statement_timeout", limit, True)))  # noqa: FBT003 - of this transaction only
