"""Why somebody is at their place in a viewer's queue, in words and in steps."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.discovery import queues, rules
from shared.discovery.models import DiscoveryQueue
from shared.errors import Refusal
from shared.matching.visibility import could_meet
from shared.profiles.rules import distance_km

LABELS: Final = {
    "compatibility": "How well your quiz answers fit together",
    "meaning": "How near you are in what you have written",
    "distance": "How near they live",
    "activity": "How recently they were here",
    "completeness": "How much they tell about themselves",
    "reciprocity": "How likely you both say yes, going by the likes and passes of each of you",
}
NOTE: Final = (
    "A little luck is drawn anew every week, people who are shown to very many make room for others, and now and then "
    "a place goes to somebody who is new here."
)
# Private answers count for meaning and others' passes for reciprocity: told exactly, they could be measured.
STEP: Final = 25


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a rank: how much of it there is (0..100, in steps), and how much of a hundred it adds."""

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
    note: str


def why(session: Session, user: User, *, user_id: uuid.UUID, now: datetime) -> Reasons:
    """Why this person is where they are in one's own queue.

    Raises:
        Refusal: `not_found` when they are not in it, or would not be shown any more.
    """
    queue = session.get(DiscoveryQueue, user.id)
    person = session.scalar(select(User).where(User.id == user_id, could_meet(user, now=now)))
    if queue is None or person is None or user_id not in queue.ids or not _in_reach(user, person):
        raise Refusal("not_found", "This person is not in your queue.")
    place = queue.ids.index(user_id)
    parts = queues.unpacked(queue.parts, place)
    return Reasons(
        place + 1,
        queue.computed_at,
        [_part(part, parts[part], weight) for part, weight in rules.WEIGHTS.items()],
        NOTE,
    )


def _part(part: str, value: int, weight: int) -> Part:
    percent = round(value / rules.WHOLE * 100 / STEP) * STEP
    return Part(part, LABELS[part], percent, round(percent * weight / rules.WHOLE, 1))


def _in_reach(one: User, other: User) -> bool:
    """Whether they are within the smaller of the two limits."""
    limits = [user.max_distance_km for user in (one, other) if user.max_distance_km is not None]
    if not limits:
        return True
    if one.place is None or other.place is None:
        return False
    return distance_km(one.place, other.place) <= min(limits)
