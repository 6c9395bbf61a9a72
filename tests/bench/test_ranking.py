"""The evaluator of rankings: its measures, what it leaves out, and that it finds what is there to find."""

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.ranking.__main__ import size, table
from bench.ranking.evenings import Booleans, Evening, Floats, left, read
from bench.ranking.measures import auc, exposure, first, gini, hits, measure
from bench.ranking.rankers import RANKERS, Ranker

UNKNOWN = float("nan")
HEADER = ("iid", "pid", "wave", "gender", "age", "int_corr", "dec")


def evening(seed: int, *, each: int = 12, openness: float = 1, appeal: float = 1, usual: float = -0.4) -> Evening:
    """As many women as men, of whom some are more open and more appealing than others, all meeting."""
    generator = np.random.default_rng(seed)
    size = 2 * each
    side = np.arange(size) % 2
    met = side[:, None] != side[None, :]
    log_odds = usual + openness * generator.normal(size=size)[:, None] + appeal * generator.normal(size=size)[None, :]
    yes = met & (generator.random((size, size)) < 1 / (1 + np.exp(-log_odds)))
    interest = generator.uniform(-1, 1, (size, size))
    return Evening(
        side=side,
        age=generator.integers(20, 36, size).astype(np.float64),
        met=met,
        yes=yes.astype(np.int64),
        interest=(interest + interest.T) / 2,
    )


def two_by_two() -> Evening:
    """0 and 1 meet 2 and 3; 0 and 2 match, and 1 likes both."""
    met = np.zeros((4, 4), np.bool_)
    met[:2, 2:] = met[2:, :2] = True
    yes = np.zeros((4, 4), np.int64)
    yes[0, 2] = yes[2, 0] = yes[1, 2] = yes[1, 3] = 1
    return Evening(
        side=np.array([0, 0, 1, 1]),
        age=np.array([30.0, 25.0, 28.0, UNKNOWN]),
        met=met,
        yes=yes,
        interest=np.full((4, 4), UNKNOWN),
    )


def scored(**rows: list[float]) -> Floats:
    """Scores of the four; what a person gives to those they did not meet is never to be looked at."""
    return np.array([rows["a"], rows["b"], rows["c"], rows["d"]])


def matches(*values: int) -> Booleans:
    return np.array(values, np.bool_)


SCORES = scored(a=[9, 9, 5, 1], b=[9, 9, 4, 4], c=[1, 2, 9, 9], d=[3, 0, 9, 9])


def test_auc_by_hand() -> None:
    assert auc(np.array([3.0, 1.0, 2.0]), matches(1, 0, 0)) == 1
    assert auc(np.array([1.0, 3.0, 2.0]), matches(1, 0, 0)) == 0
    assert auc(np.array([2.0, 3.0, 1.0, 0.0]), matches(1, 0, 1, 0)) == 0.5
    assert auc(np.array([2.0, 2.0, 1.0]), matches(1, 0, 0)) == 0.75
    assert auc(np.zeros(5), matches(1, 0, 0, 1, 0)) == 0.5


def test_those_that_tie_share_their_places() -> None:
    assert first(np.array([1.0, 3.0, 2.0]), 1).tolist() == [0, 1, 0]
    assert first(np.array([3.0, 3.0, 2.0]), 1).tolist() == [0.5, 0.5, 0]
    assert first(np.array([3.0, 2.0, 2.0, 2.0, 1.0]), 3).tolist() == pytest.approx([1, 2 / 3, 2 / 3, 2 / 3, 0])
    assert first(np.array([1.0, 2.0]), 3).tolist() == [1, 1]


def test_hits_by_hand() -> None:
    assert hits(two_by_two(), SCORES, 1).tolist() == [1, 0, 0, 0]
    assert hits(two_by_two(), SCORES, 3).tolist() == [0.5, 0, 0.5, 0]
    assert hits(two_by_two(), np.zeros((4, 4)), 1).tolist() == [0.5, 0, 0.5, 0]


def test_exposure_and_gini_by_hand() -> None:
    assert exposure(two_by_two(), SCORES).tolist() == [1, 1, 1.5, 0.5]
    assert gini(np.array([2.0, 2.0, 2.0])) == 0
    assert gini(np.array([0.0, 0.0, 4.0, 0.0])) == 0.75
    assert gini(np.array([1.0, 3.0])) == 0.25


def test_all_measures_by_hand() -> None:
    found = measure([two_by_two()], [SCORES])
    assert found.auc == 7.5 / 12  # matches have 5 and 1; the others 1, 4, 4, 2, 3 and 0
    assert (found.match_1, found.match_3) == (0.25, 0.25)
    assert found.gini_1 == 0.1875  # of 0.5, 1, 1 and 1.5: (-3 * 0.5 - 1 + 1 + 3 * 1.5) / 16


def test_counts_leave_the_pairs_own_two_decisions_out() -> None:
    counts = left(two_by_two())
    assert (counts.given_yes[1, 2], counts.given[1, 2]) == (1, 1)
    assert (counts.given_yes[0, 2], counts.given[0, 2]) == (0, 1)
    assert (counts.received_yes[2, 0], counts.received[2, 0]) == (1, 1)
    assert (counts.received_yes[3, 1], counts.received[3, 1]) == (0, 1)
    assert counts.usual[0, 2] == pytest.approx(2 / 3)
    assert counts.usual[2, 1] == pytest.approx(1 / 3)


@pytest.mark.parametrize("ranker", RANKERS.values(), ids=RANKERS.keys())
def test_a_pairs_own_decisions_never_change_its_score(ranker: Ranker) -> None:
    before = evening(1, each=5)
    scores = ranker(before)
    for person, partner in np.argwhere(before.met).tolist():
        for mine, theirs in ((0, 0), (0, 1), (1, 0), (1, 1)):
            yes = before.yes.copy()
            yes[person, partner], yes[partner, person] = mine, theirs
            assert ranker(replace(before, yes=yes))[person, partner] == scores[person, partner]


def test_ours_is_far_better_than_chance_and_better_than_one_direction() -> None:
    evenings = [evening(seed, each=20) for seed in range(10)]
    ours, random, popularity = (
        measure(evenings, [RANKERS[name](one) for one in evenings]) for name in ("ours", "random", "popularity")
    )
    assert ours.auc > max(0.7, random.auc + 0.15, popularity.auc + 0.05)
    assert ours.match_1 > random.match_1 + 0.1
    assert random.gini_1 < ours.gini_1 < popularity.gini_1


@pytest.mark.parametrize("name", RANKERS)
def test_where_all_is_chance_nothing_is_found(name: str) -> None:
    evenings = [evening(seed, openness=0, appeal=0) for seed in range(20)]
    assert measure(evenings, [RANKERS[name](one) for one in evenings]).auc < 0.53


def write(path: Path, *rows: tuple[object, ...]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def test_reading(tmp_path: Path) -> None:
    rows = [
        (1, 11, 1, 0, 24, 0.5, 1),
        (11, 1, 1, 1, "", 0.5, 1),
        (2, 11, 1, 0, 30, "", 1),  # 11 decided nothing about 2
        (3, "", 1, 0, 30, 0.1, 1),
        (7, 8, 2, 1, 30, 0.2, 0),
        (8, 7, 2, 0, 33, 0.2, 1),
    ]
    one, two = read(write(tmp_path / "met.csv", *rows))
    assert one.met.tolist() == [[False, False, True], [False, False, False], [True, False, False]]
    assert one.yes.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    assert one.side.tolist() == [0, 0, 1]
    assert one.age[0] == 24
    assert np.isnan(one.age[2])
    assert two.age_gap[0, 1] == 3
    assert two.matched.sum() == 0
    assert size([one, two]) == "2 evenings, 5 people, 2 pairs (4 directed rows), yes 75.0%, match 50.0%"
    assert [line.split("  ")[0] for line in table([one, two]).splitlines()[1:]] == list(RANKERS)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.ranking", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_says_what_it_lacks(tmp_path: Path) -> None:
    assert "PATH" in run().stderr
    assert "There is no file" in run(tmp_path / "none.csv").stderr
    assert "There are no decisions" in run(write(tmp_path / "empty.csv")).stderr
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    assert "no column age, dec" in run(other).stderr


def test_the_command_prints_one_table(tmp_path: Path) -> None:
    met = evening(3, each=4)
    rows = [
        (person, partner, 1, met.side[person], met.age[person], met.interest[person, partner], met.yes[person, partner])
        for person, partner in np.argwhere(met.met).tolist()
    ]
    found = run(write(tmp_path / "met.csv", *rows))
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("1 evenings, 8 people, 16 pairs")
    assert [line.split("  ")[0] for line in found.stdout.splitlines()[2:9]] == list(RANKERS)
