"""What discovery holds about a person: what ranking knows of them, their queue, and their place in those of others."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Uuid, bindparam, func, select, text
from sqlalchemy.sql.elements import TextClause

from shared.discovery.models import Candidate, DiscoveryExposure, DiscoveryQueue
from shared.discovery.rules import PACKED
from shared.holdings import Deleted, Exported, Holdings, Listed
from shared.jobs import REFRESH_QUEUE
from shared.quiz.traits import Trait

# Beside the ids stand other values, in the same order.
_PARTS: Final = f"""substr(parts, 1, {PACKED} * (array_position(ids, :person) - 1))
    || substr(parts, {PACKED} * array_position(ids, :person) + 1)"""
_QUEUES: Final = r"queues[\:array_position(ids, :person) - 1] || queues[array_position(ids, :person) + 1\:]"


def _without(user_id: uuid.UUID, **values: str) -> Mapping[str, Any]:
    def of(words: str) -> TextClause:
        return text(words).bindparams(bindparam("person", user_id, Uuid, unique=True))

    return {name: of(words) for name, words in {"ids": "array_remove(ids, :person)", **values}.items()}


HOLDINGS = Holdings(
    "discovery",
    columns=(
        Deleted(Candidate.user_id),
        Deleted(DiscoveryQueue.user_id),
    ),
    work=(REFRESH_QUEUE,),
    exports=(
        Exported(
            "ranking",
            "What the order of people is made from, as far as it is about you; all of it follows from the rest.",
            lambda user_id: select(
                Candidate.shown.label("shown_to_others"),
                *(getattr(Candidate, trait) for trait in Trait),
                Candidate.active_on,
                Candidate.joined_on,
                Candidate.completeness,
                Candidate.openness.label("how_readily_you_like"),
                Candidate.appeal.label("how_readily_you_are_liked"),
            ).where(Candidate.user_id == user_id),
            (Candidate.user_id,),
        ),
        Exported(
            "queue",
            "How many people were chosen for you, and when. Who they are is theirs.",
            lambda user_id: select(
                func.cardinality(DiscoveryQueue.ids).label("people"), DiscoveryQueue.computed_at
            ).where(DiscoveryQueue.user_id == user_id),
            (DiscoveryQueue.user_id,),
        ),
    ),
)

LISTS = Holdings(
    "lists of discovery",
    columns=(
        Listed(DiscoveryQueue.ids, lambda user_id: _without(user_id, parts=_PARTS)),
        Listed(DiscoveryExposure.ids, lambda user_id: _without(user_id, queues=_QUEUES)),
    ),
)
"""Other people's queues. Those of everybody are gone through, which is done once, when all else is gone."""
