"""Why somebody is at their place in a viewer's queue, in words."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.discovery import queues, rules
from shared.discovery.models import DiscoveryQueue
from shared.errors import Refusal
from shared.matching.visibility import visible_profile

LABELS: Final = {
    "compatibility": "How well your quiz answers fit together",
    "meaning": "How near you are in what you have written",
    "distance": "How near they live",
    "activity": "How recently they were here",
    "completeness": "How much they tell about themselves",
    "reciprocity": "How likely you both say yes, going by the likes and passes of each of you",
}
CHANCE: Final = "A little luck: some are moved up, so that everybody has a chance"
EVENNESS: Final = "So that a few do not take every place: shown to many lately, or to few"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a rank: how much of it there is (0..100), and how much it counts (points of 100, may be negative)."""

    part: str
    text: str
    value: int
    points: float


@dataclass(frozen=True, slots=True)
class Reasons:
    """At which place of a queue somebody is, and why."""

    place: int
    computed_at: datetime
    parts: list[Part]


def why(session: Session, user: User, *, user_id: uuid.UUID, now: datetime) -> Reasons:
    """Why this person is where they are in one's own queue.

    Raises:
        Refusal: `not_found` when they are not in it, or may not be seen any more.
    """
    queue = session.get(DiscoveryQueue, user.id)
    place = queues.order(queue.ids, user_id) if queue else None
    if queue is None or place is None:
        raise Refusal("not_found", "This person is not in your queue.")
    visible_profile(session, user, user_id=user_id, now=now)
    parts = queues.unpacked(queue.parts, place)
    made = [
        Part(part, LABELS[part], round(parts.values[part] / 10), _points(weight * parts.values[part] / rules.WHOLE))
        for part, weight in rules.WEIGHTS.items()
    ]
    made.append(Part("luck", CHANCE, 100 if parts.lift else 0, _points(parts.lift)))
    made.append(Part("evenness", EVENNESS, 0, _points(-parts.damping)))
    return Reasons(place + 1, queue.computed_at, made)


def _points(thousandths: float) -> float:
    return round(thousandths / 10, 1)
