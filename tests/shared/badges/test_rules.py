"""Who earns what, and which five are shown."""

import uuid
from collections import Counter
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.badges.catalogue import BADGES, BY_SLUG, Kind
from shared.badges.rules import (
    AHEAD,
    CLOSE,
    FAR_AHEAD,
    MOST,
    MOST_OF_A_KIND,
    NEAREST,
    NEAREST_PLAIN,
    PLAIN,
    STRONG,
    STRONG_IN_PAIR,
    Award,
    Read,
    best,
    by_answers,
    by_traits,
    closeness,
)
from shared.quiz.questions import CURRENT, QUIZZES
from shared.quiz.rules import scores
from shared.quiz.traits import Trait

MIDDLE = dict.fromkeys(Trait, 0.5)
MEANING = [badge.slug for badge in BADGES if badge.kind == Kind.MEANING]
IDS = [uuid.UUID(int=number) for number in range(3)]


def read(number: int = 0, question: str = "Why?", **close: float) -> Read:
    return Read(IDS[number], question, {**dict.fromkeys([*MEANING, PLAIN], 0.0), **close})


def earned(**scores: float) -> dict[str, Award]:
    return {award.slug: award for award in by_traits(MIDDLE | {Trait(name): score for name, score in scores.items()})}


def award(slug: str, strength: float, number: int = 0) -> Award:
    return Award(slug, strength, "", None if BY_SLUG[slug].leans else IDS[number])


def slugs(awards: list[Award]) -> list[str]:
    return [award.slug for award in awards]


def test_a_strong_trait_earns_from_its_threshold_on_at_both_ends() -> None:
    assert earned() == {}
    assert earned(directness=STRONG - 0.01) == {}
    assert set(earned(directness=STRONG)) == {"straight_line"}
    assert set(earned(directness=1 - STRONG)) == {"soft_landing"}
    assert earned(directness=STRONG)["straight_line"].strength == 0
    assert earned(directness=0.0)["soft_landing"].strength == 1
    assert earned(directness=0.0)["soft_landing"].reason == "From the quiz: unmistakably gentle with words"
    assert earned(directness=STRONG)["straight_line"].reason == "From the quiz: clearly direct"


def test_single_precision_loses_nobody_a_badge() -> None:
    assert set(earned(spontaneity=STRONG_IN_PAIR - 1e-7, adventure=STRONG_IN_PAIR - 1e-7)) == {"wrong_turn"}


def test_a_pair_needs_both_and_is_as_strong_as_the_weaker() -> None:
    assert earned(spontaneity=0.7) == {}
    assert set(earned(spontaneity=0.7, adventure=0.6)) == {"wrong_turn"}
    assert set(earned(spontaneity=0.3, adventure=0.7)) == {"packing_list"}
    both = earned(spontaneity=1.0, adventure=0.8)
    assert both["wrong_turn"].strength == pytest.approx((0.8 - STRONG_IN_PAIR) / (1 - STRONG_IN_PAIR))


def test_every_badge_of_the_quiz_is_within_reach_and_none_is_everybodys() -> None:
    quiz = QUIZZES[CURRENT]
    sheets = list(product(*([option.slug for option in question.options] for question in quiz.questions)))
    names = [question.slug for question in quiz.questions]
    counts = Counter(
        award.slug
        for sheet in sheets
        for award in by_traits(dict(zip(Trait, scores(quiz, dict(zip(names, sheet, strict=True))), strict=True)))
    )
    shares = {badge.slug: counts[badge.slug] / len(sheets) for badge in BADGES if badge.kind == Kind.QUIZ}
    assert min(shares.values()) > 0.02, shares
    assert max(shares.values()) < 0.30, shares


def test_an_answer_earns_the_badge_that_it_is_closest_to() -> None:
    (only,) = by_answers([read(question="What now?", sawdust=0.6, recess=0.5)])
    assert (only.slug, only.answer_id) == ("sawdust", IDS[0])
    assert only.reason == "Made by hand: the answer to “What now?”"


def test_an_answer_that_is_close_to_nothing_or_to_two_or_is_plain_earns_none() -> None:
    assert not list(by_answers([read(sawdust=CLOSE - 0.01)]))
    assert not list(by_answers([read(sawdust=0.6, recess=0.6 - AHEAD + 0.01)]))
    assert not list(by_answers([read(sawdust=0.6, plain=0.6 - AHEAD + 0.01)]))
    assert not list(by_answers([read(plain=0.9)]))
    assert list(by_answers([read(sawdust=0.6, plain=0.6 - AHEAD - 0.01)]))


def test_the_best_of_several_answers_earns_a_badge() -> None:
    answers = [read(0, sawdust=0.5, recess=0.4), read(1, sawdust=0.6, recess=0.4), read(2, recess=0.5)]
    for order in (answers, answers[::-1]):
        by_slug = {award.slug: award for award in by_answers(order)}
        assert {slug: award.answer_id for slug, award in by_slug.items()} == {"sawdust": IDS[1], "recess": IDS[2]}


def test_strength_goes_from_just_ahead_to_far_ahead() -> None:
    def strength(ahead: float) -> float:
        (only,) = by_answers([read(sawdust=0.4 + ahead, plain=0.4)])
        return only.strength

    assert strength(AHEAD + 1e-9) == pytest.approx(0, abs=1e-6)
    assert strength((AHEAD + FAR_AHEAD) / 2) == pytest.approx(0.5)
    assert strength(FAR_AHEAD + 0.1) == 1


def test_closeness_is_the_mean_of_the_nearest() -> None:
    assert closeness("sawdust", [0.1] * 10 + [0.5] * NEAREST) == pytest.approx(0.5)
    assert closeness(PLAIN, [0.1] * 10 + [0.5] * NEAREST_PLAIN) == pytest.approx(0.5)
    assert closeness("sawdust", [0.1] * 10 + [0.5] * NEAREST_PLAIN) < 0.5


def test_the_strongest_are_shown_of_both_kinds_where_both_were_earned() -> None:
    quiz = [award(slug, 0.9) for slug in ("last_to_leave", "bag_by_the_door", "straight_line", "own_compass")]
    meaning = [award("sawdust", 0.1, 0), award("recess", 0.2, 1)]
    assert slugs(best(quiz + meaning)) == ["last_to_leave", "bag_by_the_door", "straight_line", "recess", "sawdust"]
    assert slugs(best(quiz)) == slugs(quiz), "nothing else could take the places"
    assert slugs(best([*quiz, meaning[0]])) == [*slugs(quiz), "sawdust"]


def test_neither_an_answer_nor_a_trait_is_told_by_more_than_two() -> None:
    told = [award(slug, 0.9 - place / 10, 0) for place, slug in enumerate(MEANING[:3])]
    assert slugs(best(told)) == MEANING[:2]
    trait = [award(slug, 0.5) for slug in ("no_poker_face", "fast_friends", "clear_weather")]
    assert slugs(best(trait)) == ["no_poker_face", "fast_friends"]


@given(
    st.lists(
        st.tuples(st.sampled_from(BADGES), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0, 1, 2])),
        unique_by=lambda one: one[0].slug,
    ),
    st.randoms(),
)
def test_the_best_are_the_same_in_whatever_order_they_come(drawn: list[tuple], random: object) -> None:  # type: ignore[type-arg]
    awards = [award(badge.slug, strength, number) for badge, strength, number in drawn]
    chosen = best(awards)
    random.shuffle(awards)  # type: ignore[attr-defined]
    assert best(awards) == chosen
    assert len(chosen) == len(set(slugs(chosen))) <= MOST
    assert [one.strength for one in chosen] == sorted((one.strength for one in chosen), reverse=True)
    assert all(count <= 2 for count in Counter(source for one in chosen for source in one.sources).values())
    for kind, other in ((Kind.QUIZ, Kind.MEANING), (Kind.MEANING, Kind.QUIZ)):
        if sum(one.badge.kind == kind for one in chosen) > MOST_OF_A_KIND:
            left = [one for one in awards if one.badge.kind == other and one not in chosen]
            assert all(not _fits_with(one, chosen) for one in left)


def _fits_with(one: Award, chosen: list[Award]) -> bool:
    told = Counter(source for other in chosen for source in other.sources)
    return all(told[source] < 2 for source in one.sources)


def test_no_two_badges_of_the_quiz_ask_for_the_same() -> None:
    quiz = [badge for badge in BADGES if badge.leans]
    assert all(set(one.leans) != set(other.leans) for one, other in combinations(quiz, 2))
