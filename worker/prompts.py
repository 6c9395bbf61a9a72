"""Tasks of prompts: embedding what people answered."""

import uuid

from shared import clock, ledger, log
from shared.accounts.service import reconsider
from shared.database import database
from shared.jobs import ASK_FOR_UNFINISHED_VECTORS, EMBED_ANSWER, MAKE_BADGES
from shared.ledger import Claim
from shared.prompts import vectors
from worker.work import batch_task, periodic_task

_log = log.logger(__name__)


@batch_task(EMBED_ANSWER)
def embed(claims: list[Claim]) -> None:
    """Embed answers as they are now, and have their people's badges made anew."""
    from shared.embedding.engine import embedder  # noqa: PLC0415 - 30 MB that no other queue's worker needs

    sources = database().call(vectors.sources, answer_ids=[uuid.UUID(claimed.key) for claimed in claims])
    model = embedder()
    made = dict(zip(sources, model.embed([source.text for source in sources]), strict=True))
    with database().transaction() as session:
        vectors.store(session, made, model=model.model, engine=model.engine)
        ledger.finish_all(session, claims)
        people = {source.user_id for source in sources}
        ledger.ask(session, MAKE_BADGES, *map(str, people))
        reconsider(session, *people)


@periodic_task(ASK_FOR_UNFINISHED_VECTORS)
def ask_for_unfinished() -> None:
    """Have embedded what another model embedded before, and what was forgotten."""
    moved, forgotten = database().call(vectors.ask_for_unfinished, now=clock.now())
    _log.info("asked for unfinished vectors", moved=moved, forgotten=forgotten)
