"""Sides of pairs, and every change in the life of a match that there is, or is not."""

import uuid
from datetime import date
from itertools import product

import pytest

from shared.matching.rules import (
    BOTH,
    TRANSITIONS,
    MatchState,
    Quota,
    Why,
    choices,
    day_ends,
    in_order,
    may_become,
    side,
)

DAY = date(2026, 3, 1)
LOW, HIGH = uuid.UUID(int=1), uuid.UUID(int=2**127)

# In words: what it is, what it becomes, and what makes it so.
LIFE = {
    ("active", "archived", "either"),
    ("active", "archived", "quiet"),
    ("archived", "active", "either"),
    ("archived", "active", "message"),
    ("active", "dating", "both"),
    ("archived", "dating", "both"),
    ("dating", "active", "either"),
    ("active", "unmatched", "either"),
    ("archived", "unmatched", "either"),
    ("dating", "unmatched", "either"),
    ("active", "unmatched", "block"),
    ("archived", "unmatched", "block"),
    ("dating", "unmatched", "block"),
    ("active", "deleted", "account_deleted"),
    ("archived", "deleted", "account_deleted"),
    ("dating", "deleted", "account_deleted"),
    ("unmatched", "deleted", "account_deleted"),
}


@pytest.mark.parametrize(("before", "after", "why"), list(product(MatchState, MatchState, Why)))
def test_every_change(before: MatchState, after: MatchState, why: Why) -> None:
    assert may_become(before, after, why) == ((before, after, why) in LIFE)


def test_a_match_begins_active_with_the_second_like_and_only_so() -> None:
    begins = {(after, why) for (before, after), causes in TRANSITIONS.items() if before is None for why in causes}
    assert begins == {("active", "mutual_like")}


@pytest.mark.parametrize(
    ("state", "possible"),
    [
        ("active", {"archived", "dating", "unmatched"}),
        ("archived", {"active", "dating", "unmatched"}),
        ("dating", {"active", "unmatched"}),
        ("unmatched", set()),
        ("deleted", set()),
    ],
)
def test_what_people_can_make_of_a_match(state: str, possible: set[str]) -> None:
    found = list(choices(MatchState(state)))
    assert set(found) == possible
    assert len(found) == len(possible)


def test_each_of_two_has_a_side_of_their_own() -> None:
    assert (side(LOW, HIGH), side(HIGH, LOW)) == (1, 2)
    assert side(LOW, HIGH) | side(HIGH, LOW) == BOTH


def test_a_pair_is_the_same_whoever_asks() -> None:
    assert in_order(LOW, HIGH) == in_order(HIGH, LOW) == (LOW, HIGH)


@pytest.mark.parametrize(
    ("used", "remaining", "comments"), [(0, 10, 5), (4, 6, 1), (5, 5, 0), (9, 1, 0), (10, 0, 0), (12, 0, 0)]
)
def test_what_is_left(used: int, remaining: int, comments: int) -> None:
    quota = Quota(10, used, 5, day_ends(DAY, "UTC"))
    assert (quota.remaining, quota.comments_required_remaining) == (remaining, comments)


def test_no_more_comments_are_asked_for_than_likes_are_left() -> None:
    assert Quota(3, 1, 5, day_ends(DAY, "UTC")).comments_required_remaining == 2
