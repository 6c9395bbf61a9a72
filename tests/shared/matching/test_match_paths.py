"""Paths through the life of matches that chance takes too seldom, by the same machine and model."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from tests.shared.matching.test_match_life import LifeMachine


@pytest.fixture
def life(engine: Engine, configured: Callable[..., None]) -> Iterator[LifeMachine]:
    """Three people, of whom each has met each: 0 is of persons 0 and 1, 1 of 1 and 2, 2 of 0 and 2."""
    configured(LIKES_PER_DAY="1000", LIKES_PER_MINUTE="1000", COMMENTED_LIKES_PER_DAY="0")
    machine = LifeMachine(engine)
    machine.begin(3, 3)
    machine.the_database_says_what_the_model_says()
    yield machine
    machine.the_database_says_what_the_model_says()
    machine.teardown()


def test_a_pause_by_hand_outlasts_dating(life: LifeMachine) -> None:
    life.both_propose(0, 0)
    life.pause(0)
    life.change(0, 1, "active")
    assert life.world.is_paused(0)
    assert not life.world.is_paused(1)


def test_nobody_begins_to_date_two(life: LifeMachine) -> None:
    life.change(0, 0, "dating")
    life.both_propose(2, 0)
    life.change(0, 1, "dating")
    assert [one.state for one in life.world.meetings] == ["active", "active", "dating"]


def test_who_unmatched_stays_so_when_an_account_is_deleted(life: LifeMachine) -> None:
    life.change(0, 0, "unmatched")
    life.delete_account(0)
    life.like(1, 2)
    assert (1, 0) in life.world.likes
    assert (2, 0) not in life.world.likes
