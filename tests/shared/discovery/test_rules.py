"""The one definition: what a score is made of, whom two people may be, and who gets which place."""

from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.discovery import rules
from shared.discovery.appeal import LIMIT

MOST_DAMPING = 300  # of the setting


@dataclass
class Someone:
    """A `rules.Person`."""

    gender: int
    seeks: int
    born: int
    born_after: int
    born_by: int
    x: int
    y: int
    z: int
    cell: int
    reach: int
    offered: int
    offered_far: int
    social_energy: int
    spontaneity: int
    emotional_openness: int
    directness: int
    independence: int
    adventure: int
    activity: int
    completeness: int
    openness: int
    appeal: int
    damping: int
    dice: int


POINTS = st.integers(0, rules.WHOLE)
STANDS = st.integers(-LIMIT, LIMIT)
METRES = st.integers(-6_371_000, 6_371_000)
DAYS = st.integers(-40_000, 10_000)
FLAG = st.integers(0, 1)
PEOPLE = st.builds(
    Someone,
    gender=st.sampled_from(sorted(rules.GENDERS.values())),
    seeks=st.integers(1, 7) | st.just(rules.ALL_GENDERS),
    born=DAYS,
    born_after=DAYS,
    born_by=DAYS,
    x=METRES,
    y=METRES,
    z=METRES,
    cell=st.integers(0, 360_000),
    reach=st.integers(1, 500).map(lambda km: (1000 * km) ** 2) | st.sampled_from([-1, rules.ANYWHERE]),
    offered=FLAG,
    offered_far=FLAG,
    social_energy=POINTS,
    spontaneity=POINTS,
    emotional_openness=POINTS,
    directness=POINTS,
    independence=POINTS,
    adventure=POINTS,
    activity=POINTS,
    completeness=POINTS,
    openness=STANDS,
    appeal=STANDS,
    damping=st.integers(-MOST_DAMPING // 2, MOST_DAMPING),
    dice=st.integers(0, 9999),
)
APART = st.integers(0, 1000).map(lambda km: (1000 * km) ** 2) | st.integers(0, 4 * 6_371_000**2)
PRODUCTS = st.integers(-17_000, 17_000)
BEFORE, AFTER = -10_000_000, 10_000_000


def sought(person: Someone, **columns: int) -> Someone:
    """The same person whom everybody wants and who wants everybody, but for these columns."""
    everybody = {"seeks": 15, "born_after": BEFORE, "born_by": AFTER, "reach": rules.ANYWHERE}
    return replace(person, **{**everybody, "offered": 1, "offered_far": 1, **columns})


def test_weights_add_up_to_the_whole() -> None:
    assert sum(rules.WEIGHTS.values()) == rules.WHOLE
    assert sum(rules.TRAIT_POINTS) == 100
    assert min(*rules.WEIGHTS.values(), *rules.TRAIT_POINTS) > 0


def test_points_for_distance_fall_from_all_to_few_and_are_halved_where_it_says() -> None:
    assert len(rules.DISTANCE_POINTS) == rules.FARTHEST_KM + 1
    assert rules.DISTANCE_POINTS[0] == rules.DISTANCE_POINTS[1] == rules.WHOLE
    assert rules.DISTANCE_POINTS[1 + rules.HALF_WAY_KM] == rules.WHOLE // 2
    assert all(nearer >= farther for nearer, farther in pairwise(rules.DISTANCE_POINTS))
    assert rules.DISTANCE_POINTS[-1] > 0


def test_genders_are_bits_of_their_own_and_only_who_seeks_all_seeks_who_does_not_say() -> None:
    bits = list(rules.GENDERS.values())
    assert sum(bits) == rules.ALL_GENDERS
    assert all(bit & (bit - 1) == 0 for bit in bits)
    assert rules.GENDERS[None] & (rules.ALL_GENDERS - rules.GENDERS[None]) == 0


@given(PEOPLE, PEOPLE, APART, PRODUCTS, st.booleans(), st.integers(0, 200_000))
def test_a_score_is_the_weighted_sum_of_parts_of_0_to_1000(
    viewer: Someone, other: Someone, apart: int, product: int, likes: bool, period: int
) -> None:
    total, *parts, lift = rules.score(viewer, other, apart, product, likes, period, rules.TABLES)
    assert all(0 <= part <= rules.WHOLE for part in parts)
    weighted = sum(weight * part for weight, part in zip(rules.WEIGHTS.values(), parts, strict=True))
    assert 0 <= weighted <= rules.WHOLE**2
    assert total == weighted + rules.WHOLE * (lift - other.damping)
    assert lift in {0, rules.LIFT}


@given(PEOPLE, PEOPLE, APART, PRODUCTS)
def test_what_two_people_are_to_each_other_is_the_same_for_both(
    one: Someone, two: Someone, apart: int, product: int
) -> None:
    _, *mine, _ = rules.score(one, two, apart, product, False, 0, rules.TABLES)  # noqa: FBT003
    _, *yours, _ = rules.score(two, one, apart, product, False, 0, rules.TABLES)  # noqa: FBT003
    shared = [rules.PARTS.index(part) for part in ("compatibility", "meaning", "distance")]
    assert [mine[part] for part in shared] == [yours[part] for part in shared]


def someone() -> Someone:
    return Someone(**dict.fromkeys(Someone.__dataclass_fields__, 0))


def test_a_like_can_hardly_be_read_from_a_lift() -> None:
    """Half of those who like the viewer are lifted and a quarter of the others, and each week others than before."""
    chance = Random(1)
    lifted = {True: 0, False: 0}
    turned = 0
    viewer = someone()
    for _ in range(4000):
        other = replace(viewer, dice=chance.randrange(10_000))
        mine = replace(viewer, dice=chance.randrange(10_000))
        for likes in (True, False):
            first, second = (rules.score(mine, other, 0, 0, likes, week, rules.TABLES)[-1] for week in (3000, 3001))
            lifted[likes] += first > 0
            turned += first != second
    assert lifted[True] == pytest.approx(2000, abs=150)
    assert lifted[False] == pytest.approx(1000, abs=150)
    assert turned > 2500


@given(PEOPLE, PEOPLE)
def test_who_is_farther_away_never_ranks_higher(viewer: Someone, other: Someone) -> None:
    totals = [
        rules.score(viewer, other, (500 * step) ** 2, 0, False, 0, rules.TABLES)[0]  # noqa: FBT003
        for step in range(1200)
    ]
    assert totals == sorted(totals, reverse=True)


@given(PEOPLE, PEOPLE, APART)
def test_fitting_is_mutual_among_those_who_are_offered(one: Someone, two: Someone, apart: int) -> None:
    one, two = replace(one, offered=1, offered_far=1), replace(two, offered=1, offered_far=1)
    assert rules.fits(one, two, apart) == rules.fits(two, one, apart)


@given(PEOPLE, PEOPLE, APART, st.data())
def test_each_wish_of_either_is_enough_to_keep_two_apart(
    one: Someone, two: Someone, apart: int, data: st.DataObject
) -> None:
    one, two = sought(one), sought(two)
    assert rules.fits(one, two, apart)
    against = [
        {"seeks": rules.ALL_GENDERS - two.gender},
        {"born_after": two.born},
        {"born_by": two.born - 1},
        {"reach": apart - 1},
    ]
    picky = replace(one, **data.draw(st.sampled_from(against)))
    assert not rules.fits(picky, two, apart)
    assert not rules.fits(two, picky, apart)
    assert rules.fits(replace(one, born_after=two.born - 1, born_by=two.born, reach=apart), two, apart)


@pytest.mark.parametrize(
    ("apart", "near", "far"), [(0, True, False), (rules.NEAR, True, False), (rules.NEAR + 1, False, True)]
)
@given(PEOPLE, PEOPLE)
def test_near_and_far_are_offered_separately(apart: int, near: bool, far: bool, one: Someone, two: Someone) -> None:
    assert rules.fits(sought(one, offered=0, offered_far=0), sought(two, offered_far=0), apart) == near
    assert rules.fits(sought(one, offered=0, offered_far=0), sought(two, offered=0), apart) == far


@given(st.permutations(range(40)), st.sets(st.integers(0, 39)), st.integers(0, 40), st.integers(2, 12), st.data())
def test_places_keep_the_order_and_newcomers_have_their_share(
    everybody: list[int], fresh: set[int], length: int, every: int, data: st.DataObject
) -> None:
    everybody = everybody[: data.draw(st.integers(0, 40))]
    best, offered = ([one for one in everybody if (one in fresh) == is_new][:length] for is_new in (False, True))
    places = [-1] * length
    filled = rules.placed(best, offered, every, places)
    chosen = places[:filled]
    assert filled == min(length, len(everybody))
    assert places[filled:] == [-1] * (length - filled)
    assert len(set(chosen)) == filled, "nobody is there twice"
    for place, one in enumerate(chosen, start=1):
        before = set(chosen[: place - 1])
        new, others = ([one for one in group if one not in before] for group in (offered, best))
        first, second = (new, others) if place % every == 0 else (others, new)
        assert one == [*first, *second][0]


@given(st.integers(20, 60), st.integers(0, 40), st.integers(2, 10))
def test_even_the_worst_newcomers_have_each_so_manyth_place_and_no_more(length: int, fresh: int, every: int) -> None:
    newcomers = list(range(length, length + fresh))
    places = [-1] * length
    assert rules.placed(range(length), newcomers[: length // every], every, places) == length
    share = [place for place, one in enumerate(places, start=1) if one in newcomers]
    turns = list(range(every, length + 1, every))
    assert share == turns[: len(newcomers)]
