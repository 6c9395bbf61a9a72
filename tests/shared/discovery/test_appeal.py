"""The chance that two people both say yes, in whole numbers."""

from itertools import pairwise
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.discovery.appeal import (
    CHANCES,
    LIMIT,
    POINTS,
    PRIOR,
    STRETCH,
    Decisions,
    Standing,
    chance,
    own,
    reciprocity,
    standing,
)

COUNTS = st.integers(0, 10_000).flatmap(lambda total: st.builds(Decisions, st.integers(0, total), st.just(total)))
SHARES = st.floats(0, 1)
NUMBERS = st.integers(-LIMIT, LIMIT)
STANDINGS = st.builds(Standing, NUMBERS, NUMBERS)
NOTHING = Decisions(0, 0)
SOME = Decisions(3, 10)


def stands(made: Decisions = NOTHING, about: Decisions = NOTHING, *, usual: float = 0.5) -> Standing:
    return standing(made, about, usual_given=usual, usual_received=usual)


def log_odds(share: float) -> float:
    return log(share / (1 - share))


@given(COUNTS, COUNTS, SHARES, SHARES)
def test_openness_and_appeal_are_whole_and_within_their_limits(
    made: Decisions, about: Decisions, usual_given: float, usual_received: float
) -> None:
    found = standing(made, about, usual_given=usual_given, usual_received=usual_received)
    for number in (found.openness, found.appeal, own(found).openness, own(found).appeal):
        assert isinstance(number, int)
        assert -LIMIT <= number <= LIMIT


@given(SHARES)
def test_without_decisions_everybody_is_as_usual(usual: float) -> None:
    found = stands(usual=usual)
    assert found.appeal == 0
    share = max(0.01, min(0.99, usual))
    assert found.openness == max(-LIMIT, min(LIMIT, round(100 * log_odds(share))))


def test_the_formula() -> None:
    found = standing(Decisions(9, 12), Decisions(2, 20), usual_given=0.4, usual_received=0.3)
    open_share, liked_share = (9 + PRIOR * 0.4) / (12 + PRIOR), (2 + PRIOR * 0.3) / (20 + PRIOR)
    assert found.openness == round(100 * (log_odds(0.4) + STRETCH * (log_odds(open_share) - log_odds(0.4))))
    assert found.appeal == round(100 * STRETCH * (log_odds(liked_share) - log_odds(0.3)))


@given(COUNTS, COUNTS, SHARES)
def test_one_more_yes_never_makes_anybody_less_open_or_appealing(
    made: Decisions, about: Decisions, usual: float
) -> None:
    before = stands(made, about, usual=usual)
    after = stands(Decisions(made.yes + 1, made.total + 1), Decisions(about.yes + 1, about.total + 1), usual=usual)
    assert after.openness >= before.openness
    assert after.appeal >= before.appeal


@given(COUNTS, COUNTS, SHARES)
def test_one_more_no_never_makes_anybody_more_open_or_appealing(
    made: Decisions, about: Decisions, usual: float
) -> None:
    before = stands(made, about, usual=usual)
    after = stands(Decisions(made.yes, made.total + 1), Decisions(about.yes, about.total + 1), usual=usual)
    assert after.openness <= before.openness
    assert after.appeal <= before.appeal


def test_the_fewer_decisions_the_nearer_to_what_is_usual() -> None:
    appeals = [stands(about=Decisions(8 * times, 10 * times)).appeal for times in (0, 1, 2, 4, 8, 100)]
    assert appeals == sorted(set(appeals))
    assert appeals[0] == 0
    assert appeals[-1] == pytest.approx(100 * STRETCH * log_odds(0.8), abs=1)


def test_the_table_rises_from_nothing_to_all_points_ever_more_slowly() -> None:
    assert (CHANCES[0], CHANCES[-1], len(CHANCES)) == (0, POINTS, 2 * LIMIT + 1)
    steps = [later - earlier for earlier, later in pairwise(CHANCES)]
    assert min(steps) >= 0
    coarse = [later - earlier for earlier, later in pairwise(CHANCES[::100])]
    assert coarse == sorted(coarse, reverse=True)


@given(NUMBERS, NUMBERS)
def test_points_are_linear_in_the_logarithm_of_the_chance(openness: int, appeal: int) -> None:
    def logarithm(hundredths: int) -> float:
        return -log(1 + exp(-hundredths / 100))

    value = logarithm(max(-LIMIT, min(LIMIT, openness + appeal)))
    share = (value - logarithm(-LIMIT)) / (logarithm(LIMIT) - logarithm(-LIMIT))
    assert chance(openness, appeal) == pytest.approx(POINTS * share, abs=0.51)


@given(STANDINGS, STANDINGS)
def test_a_pair_has_one_reciprocity_that_is_the_lesser_chance(a: Standing, b: Standing) -> None:
    assert reciprocity(a, b) == reciprocity(b, a)
    assert 0 <= reciprocity(a, b) <= POINTS
    assert reciprocity(a, b) in {chance(a.openness, b.appeal), chance(b.openness, a.appeal)}
    assert reciprocity(a, b) <= min(chance(a.openness, b.appeal), chance(b.openness, a.appeal))


@given(STANDINGS, STANDINGS, st.integers(0, LIMIT), st.integers(0, LIMIT))
def test_more_openness_or_appeal_never_lowers_reciprocity(a: Standing, b: Standing, openness: int, appeal: int) -> None:
    more = Standing(min(LIMIT, a.openness + openness), min(LIMIT, a.appeal + appeal))
    assert reciprocity(more, b) >= reciprocity(a, b)


@given(STANDINGS)
def test_a_viewers_own_numbers_count_less_and_never_turn_around(viewer: Standing) -> None:
    for whole, counted in zip(
        (viewer.openness, viewer.appeal), (own(viewer).openness, own(viewer).appeal), strict=True
    ):
        assert abs(counted) <= abs(whole)
        assert counted * whole >= 0
        assert counted == pytest.approx(0.8 * whole, abs=1)
