"""The task of badges."""

import uuid
from functools import lru_cache

from shared import clock, ledger, log
from shared.badges import service, unmade
from shared.badges.service import Closeness
from shared.database import database
from shared.jobs import ASK_FOR_UNMADE_BADGES, MAKE_BADGES
from shared.ledger import Claim
from worker.work import batch_task, periodic_task

_log = log.logger(__name__)


@batch_task(MAKE_BADGES)
def make(claims: list[Claim]) -> None:
    """Make people's badges anew. The same result however often it runs.

    What is stored fits what it was made from: that cannot be changed until it is stored, and who then changes it asks
    for this again.
    """
    model, closeness = reading()
    user_ids = [uuid.UUID(claimed.key) for claimed in claims]
    with database().transaction() as session:
        service.make(session, user_ids=user_ids, model=model, closeness=closeness, now=clock.now())
        ledger.finish_all(session, claims)


@periodic_task(ASK_FOR_UNMADE_BADGES)
def ask_for_unmade() -> None:
    """Have badges made of a new catalogue, and those that were forgotten."""
    outdated, forgotten = database().call(unmade.ask, now=clock.now())
    _log.info("asked for unmade badges", outdated=outdated, forgotten=forgotten)


@lru_cache
def reading() -> tuple[str, Closeness]:
    """The model's name, and what it makes of answers. The first time this takes seconds: processes begin with it.

    Loaded here: 30 MB that no other queue's worker needs.
    """
    from shared.badges.meaning import embed_examples  # noqa: PLC0415
    from shared.embedding.engine import embedder  # noqa: PLC0415

    return embedder().model, embed_examples(embedder().embed).closeness
