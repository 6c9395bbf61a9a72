"""How well two people fit, and how it is told to each."""

from dataclasses import fields
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.quiz.compatibility import (
    APART,
    CLOSE,
    WEIGHTS,
    Compatibility,
    Side,
    compare,
    compatibility,
)
from shared.quiz.rules import UNKNOWN, Scores, scores
from shared.quiz.traits import TRAITS, Trait
from shared.quiz.words import ESTIMATES, NOT_FAR_APART, WORDS, Words
from tests.shared.quiz.sheets import QUIZ, sheets

ANY = st.tuples(*[st.floats(0, 1)] * len(Trait))
REAL = sheets().map(lambda sheet: scores(QUIZ, sheet))
SCORES = ANY | REAL
CORNERS = list(product((0.0, 1.0), repeat=len(Trait)))


def told(mine: Scores, theirs: Scores, **estimated: bool) -> Compatibility:
    return compare(
        Side(mine, estimated=estimated.get("me", False)), Side(theirs, estimated=estimated.get("them", False))
    )


def even(**more: float) -> Scores:
    """Scores in the middle but for some."""
    return tuple(more.get(trait.value, 0.5) for trait in Trait)


def test_the_weights_are_of_all_traits_and_add_up_to_one() -> None:
    assert list(WEIGHTS) == list(Trait)
    assert sum(WEIGHTS.values()) == 1
    assert min(WEIGHTS.values()) > 0


def test_the_formula() -> None:
    mine, theirs = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), (0.6, 0.2, 0.1, 0.8, 0.5, 0.0)
    distance = 0.18 * 0.5 + 0.20 * 0.2 + 0.16 * 0.4 + 0.14 * 0.6
    assert compatibility(mine, theirs) == pytest.approx(1 - distance)
    assert told(mine, theirs).percent == 72


@given(SCORES, SCORES)
def test_compatibility_is_symmetric_and_a_share(a: Scores, b: Scores) -> None:
    assert compatibility(a, b) == compatibility(b, a)
    assert 0 <= compatibility(a, b) <= 1
    assert 0 <= told(a, b).percent <= 100


@given(SCORES)
def test_nobody_fits_better_than_ones_equal(a: Scores) -> None:
    assert compatibility(a, a) == 1
    assert told(a, a).percent == 100


def test_opposites_in_everything_fit_not_at_all() -> None:
    for corner in CORNERS:
        assert compatibility(corner, tuple(1 - score for score in corner)) == 0


@given(SCORES, SCORES, SCORES)
def test_the_detour_is_never_shorter(a: Scores, b: Scores, c: Scores) -> None:
    def distance(x: Scores, y: Scores) -> float:
        return 1 - compatibility(x, y)

    assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-9


@given(SCORES, SCORES)
def test_both_are_named_the_same_traits_each_once(a: Scores, b: Scores) -> None:
    mine, theirs = told(a, b), told(b, a)
    named = [reason.trait for reason in (*mine.fits, mine.differs)]
    assert named == [reason.trait for reason in (*theirs.fits, theirs.differs)]
    assert len(set(named)) == 3


@given(SCORES, SCORES)
def test_what_is_named_as_differing_has_the_largest_weighted_gap(a: Scores, b: Scores) -> None:
    gaps = {trait: WEIGHTS[trait] * abs(x - y) for trait, x, y in zip(Trait, a, b, strict=True)}
    assert gaps[told(a, b).differs.trait] == max(gaps.values())


@given(SCORES, SCORES)
def test_every_sentence_is_true_of_the_scores(a: Scores, b: Scores) -> None:
    found = told(a, b)
    for reason in (*found.fits, found.differs):
        mine, theirs = (scores[list(Trait).index(reason.trait)] for scores in (a, b))
        words, gap = WORDS[reason.trait], abs(mine - theirs)
        if reason.text == words.i_have_more:
            assert mine > theirs
            assert gap > CLOSE
        elif reason.text == words.they_have_more:
            assert mine < theirs
            assert gap > CLOSE
        elif reason.text == words.both_low:
            assert mine + theirs < 0.8
            assert max(mine, theirs) < 0.55
        elif reason.text == words.both_high:
            assert mine + theirs > 1.2
            assert min(mine, theirs) > 0.45
        elif reason.text == words.both_middle:
            assert gap < APART
            assert 0.2 <= mine <= 0.8
        else:
            assert reason.text == NOT_FAR_APART.format(trait=TRAITS[reason.trait].label.lower())
            assert reason == found.differs
            assert gap <= CLOSE


def test_a_fit_with_a_side_to_it_goes_before_one_in_the_middle() -> None:
    both = even(emotional_openness=0.95, adventure=0.05)
    found = told(both, both)
    assert [reason.trait for reason in found.fits] == [Trait.EMOTIONAL_OPENNESS, Trait.ADVENTURE]
    assert [reason.text for reason in found.fits] == [
        WORDS[Trait.EMOTIONAL_OPENNESS].both_high,
        WORDS[Trait.ADVENTURE].both_low,
    ]


def test_equal_candidates_are_named_in_the_order_of_traits() -> None:
    found = told(even(), even())
    assert found.differs.trait == Trait.SOCIAL_ENERGY
    assert [reason.trait for reason in found.fits] == [Trait.SPONTANEITY, Trait.EMOTIONAL_OPENNESS]
    assert [reason.text for reason in found.fits] == [WORDS[reason.trait].both_middle for reason in found.fits]


def test_each_is_told_of_a_difference_from_their_own_side() -> None:
    ada, bob = even(directness=0.9), even(directness=0.2)
    words = WORDS[Trait.DIRECTNESS]
    assert told(ada, bob).differs.text == words.i_have_more
    assert told(bob, ada).differs.text == words.they_have_more


def test_when_nothing_differs_much_it_is_said_kindly() -> None:
    assert told(even(), even(independence=0.6)).differs.text == (
        "Nothing sets you far apart; the most there may be is a shade of independence."
    )


def test_opposites_are_never_called_alike() -> None:
    found = told((0.0,) * 6, (1.0,) * 6)
    assert [reason.text for reason in found.fits] == [WORDS[reason.trait].they_have_more for reason in found.fits]


def test_an_estimate_says_so_and_why() -> None:
    assert (told(UNKNOWN, UNKNOWN).estimated, told(UNKNOWN, UNKNOWN).note) == (False, None)
    for me, them in ((True, False), (False, True), (True, True)):
        found = told(UNKNOWN, UNKNOWN, me=me, them=them)
        assert (found.estimated, found.note) == (True, ESTIMATES[me, them])
    assert ESTIMATES[True, False].startswith("You have not taken the quiz yet")
    assert ESTIMATES[False, True].startswith("They have not taken the quiz yet")


@pytest.mark.parametrize("trait", Trait)
def test_there_is_one_sentence_for_everything(trait: Trait) -> None:
    said = [getattr(WORDS[trait], field.name) for field in fields(Words)]
    assert len(set(said)) == len(said) == 5
    for sentence in said:
        assert sentence.count(".") == 1
        assert sentence.endswith(".")
        assert len(sentence) <= 110
