"""The task of badges."""

import uuid
from functools import lru_cache

from shared import clock, ledger
from shared.badges import service
from shared.badges.service import Closeness
from shared.database import database
from shared.jobs import MAKE_BADGES
from shared.ledger import Claim
from worker.work import ledger_task


@ledger_task(MAKE_BADGES)
def make(claimed: Claim) -> None:
    """Make a person's badges anew. The same result however often it runs.

    Whoever changes an answer or the quiz asks for this again, so what was made from the old words is never stored.
    """
    model, closeness = reading()
    with database().transaction() as session:
        service.make(session, user_id=uuid.UUID(claimed.key), model=model, closeness=closeness, now=clock.now())
        ledger.finish(session, claimed)


@lru_cache
def reading() -> tuple[str, Closeness]:
    """The model's name, and what it makes of answers. The first time this takes seconds: processes begin with it.

    Loaded here: 30 MB that no other queue's worker needs.
    """
    from shared.badges.meaning import embed_examples  # noqa: PLC0415
    from shared.embedding.engine import embedder  # noqa: PLC0415

    return embedder().model, embed_examples(embedder().embed).closeness
