"""The rules of matching: who likes whom as numbers, a person's day, and the life of a match as a table."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

COMMENT_LENGTH: Final = 300
CONTACTS: Final = 2000

Place = tuple[datetime, uuid.UUID]
"""Where a page of a feed ends: moment and id of its last row."""

BOTH: Final = 3  # the sides of both


def side(person: uuid.UUID, other: uuid.UUID) -> int:
    """1 for the one of two people with the lower id, 2 for the other: sums of sides say which of the two."""
    return 1 if person < other else 2


def in_order(person: uuid.UUID, other: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """(low, high) of two people."""
    return (person, other) if person < other else (other, person)


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a person's likes today."""

    limit: int
    used: int
    comments_required: int
    resets_at: datetime

    @property
    def remaining(self) -> int:
        """Likes left."""
        return max(0, self.limit - self.used)

    @property
    def comments_required_remaining(self) -> int:
        """How many of the likes that are left need a comment."""
        return min(self.remaining, max(0, self.comments_required - self.used))


def day_ends(day: date, time_zone: str) -> datetime:
    """The moment (UTC) at which the day after this one begins in the time zone.

    Where a clock jumps over midnight that is the moment of the jump: a local time that does not exist is read with the
    offset from before it (PEP 495).
    """
    begins = datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(time_zone))
    return begins.astimezone(ZoneInfo("UTC"))


class MatchState(StrEnum):
    """Where a match is in its life."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    DATING = "dating"
    UNMATCHED = "unmatched"
    DELETED = "deleted"


class Why(StrEnum):
    """What changes the state of a match."""

    MUTUAL_LIKE = "mutual_like"
    EITHER = "either"
    BOTH = "both"
    MESSAGE = "message"
    QUIET = "quiet"
    BLOCK = "block"
    ACCOUNT_DELETED = "account_deleted"


OPEN: Final = (MatchState.ACTIVE, MatchState.ARCHIVED, MatchState.DATING)
"""The states in which two people can talk."""

# The whole life of a match: every change that there is, and what may cause it. Any other is refused.
TRANSITIONS: Final[dict[tuple[MatchState | None, MatchState], frozenset[Why]]] = {
    (None, MatchState.ACTIVE): frozenset({Why.MUTUAL_LIKE}),
    (MatchState.ACTIVE, MatchState.ARCHIVED): frozenset({Why.EITHER, Why.QUIET}),
    (MatchState.ARCHIVED, MatchState.ACTIVE): frozenset({Why.EITHER, Why.MESSAGE}),
    (MatchState.ACTIVE, MatchState.DATING): frozenset({Why.BOTH}),
    (MatchState.ARCHIVED, MatchState.DATING): frozenset({Why.BOTH}),
    (MatchState.DATING, MatchState.ACTIVE): frozenset({Why.EITHER}),
    **{(state, MatchState.UNMATCHED): frozenset({Why.EITHER, Why.BLOCK}) for state in OPEN},
    **{(state, MatchState.DELETED): frozenset({Why.ACCOUNT_DELETED}) for state in (*OPEN, MatchState.UNMATCHED)},
}


def may_become(before: MatchState, after: MatchState, why: Why) -> bool:
    """Whether a match in one state becomes another for this reason."""
    return why in TRANSITIONS.get((before, after), ())


def choices(state: MatchState) -> Iterator[MatchState]:
    """What a person can make of a match in this state, alone or with the other."""
    return (
        after for (before, after), causes in TRANSITIONS.items() if before == state and causes & {Why.EITHER, Why.BOTH}
    )
