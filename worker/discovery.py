"""Tasks of discovery: one person's queue, a region's, and the night that asks for all of them."""

import uuid

from shared import clock, health, ledger, log
from shared.database import database
from shared.discovery import candidates, nights, queues
from shared.jobs import FINISH_NIGHT, RANK_REGION, REFRESH_QUEUE, START_NIGHT
from shared.ledger import Claim
from worker.work import ledger_task, periodic_task

_log = log.logger(__name__)


@ledger_task(REFRESH_QUEUE)
def refresh(claimed: Claim) -> None:
    """Make somebody's queue anew, and what others' rankings know of them."""
    with database().transaction() as session:
        queues.refresh(session, user_id=uuid.UUID(claimed.key), now=clock.now())
        ledger.finish(session, claimed)


@ledger_task(RANK_REGION)
def rank_region(claimed: Claim) -> None:
    """Make the queues of everybody in a region anew. Nothing is stored before all are made, and then all at once."""
    from shared.discovery import regions  # noqa: PLC0415 - 100 MB, and seconds to compile, that only this needs

    region = int(claimed.key)
    prepare(region)
    now = clock.now()
    loaded = database().call(regions.load, region=region, now=now)
    made = regions.rank(loaded, now=now)
    with database().transaction() as session:
        regions.store(session, loaded, made, region=region, now=now)
        ledger.finish(session, claimed)
    _log.info("ranked a region", region=region, people=len(loaded.viewers), pairs=made.pairs)


def prepare(region: int) -> None:
    """Make anew what is known of everybody in a region, a slice at a time, and choose whom it offers."""
    from shared.discovery.regions import SLICE  # noqa: PLC0415 - as above

    user_ids = database().call(candidates.of_region, region=region)
    for start in range(0, len(user_ids), SLICE):
        database().call(candidates.make, user_ids=user_ids[start : start + SLICE], now=clock.now())
        database().call(health.beat, queue=RANK_REGION.queue)
    database().call(candidates.offer, region=region)


@periodic_task(START_NIGHT)
def start_night() -> None:
    """Begin the night's run, once, at its hour."""
    regions = database().call(nights.start, now=clock.now())
    if regions is not None:
        _log.info("began to rank everybody", regions=regions)


@periodic_task(FINISH_NIGHT)
def finish_night() -> None:
    """Close the night's run when all of its regions are ranked, keep how fair it came out, and damp for the next."""
    run = database().call(nights.finish, now=clock.now())
    if run is None:
        return
    if run.failed:
        _log.error("regions of the night were given up", failed=run.failed)
    for region in database().call(nights.regions):
        database().call(nights.damp, region=region)
    _log.info("ranked everybody", people=run.people, gini=run.gini, shown_to_nobody=run.shown_to_nobody)
