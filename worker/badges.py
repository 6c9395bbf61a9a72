"""The task of badges."""

import uuid
from functools import lru_cache

from shared import clock, ledger
from shared.badges import service
from shared.badges.meaning import Examples, embed_examples
from shared.database import database
from shared.embedding.engine import embedder
from shared.jobs import MAKE_BADGES
from shared.ledger import Claim
from worker.work import ledger_task


@ledger_task(MAKE_BADGES)
def make(claimed: Claim) -> None:
    """Make a person's badges anew. The same result however often it runs.

    Whoever changes an answer or the quiz asks for this again, so what was made from the old words is never stored.
    """
    examples = _examples()  # the first time this takes a second, so not while anybody's row is locked
    with database().transaction() as session:
        service.make(
            session,
            user_id=uuid.UUID(claimed.key),
            model=embedder().model,
            closeness=examples.closeness,
            now=clock.now(),
        )
        ledger.finish(session, claimed)


@lru_cache
def _examples() -> Examples:
    return embed_examples(embedder().embed)
