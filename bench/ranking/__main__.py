"""`python -m bench.ranking PATH`: score rankers on a file of decisions between people who met, and print one table."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.ranking.evenings import Evening, read
from bench.ranking.measures import measure
from bench.ranking.rankers import RANKERS

LEGEND: Final = """\
All leave the pair's own two decisions out; scores that tie are averaged. AUC for a mutual match over all directed rows;
match@k: the share of matches among the first k of each person's list in their evening, averaged over all people;
Gini@1: of how often each person stands first in a list, over all people of all evenings."""


def main(arguments: Sequence[str]) -> None:
    if len(arguments) != 1:
        message = "Usage: python -m bench.ranking PATH, a CSV file of the speed-dating study's form"
        raise SystemExit(message)
    path = Path(arguments[0])
    if not path.is_file():
        message = f"There is no file {path}"
        raise SystemExit(message)
    evenings = read(path)
    if not evenings:
        message = f"There are no decisions in {path}"
        raise SystemExit(message)
    print(size(evenings))
    print(table(evenings))
    print(LEGEND)


def size(evenings: Sequence[Evening]) -> str:
    people = sum(len(evening.met) for evening in evenings)
    rows, yes, matched = (
        sum(int(matrix.sum()) for matrix in matrices)
        for matrices in zip(*((evening.met, evening.yes, evening.matched) for evening in evenings), strict=True)
    )
    return (
        f"{len(evenings)} evenings, {people} people, {rows // 2} pairs ({rows} directed rows), "
        f"yes {yes / rows:.1%}, match {matched / rows:.1%}"
    )


def table(evenings: Sequence[Evening]) -> str:
    lines = [f"{'':28}{'AUC':>8}{'match@1':>9}{'match@3':>9}{'Gini@1':>8}"]
    for name, ranker in RANKERS.items():
        found = measure(evenings, [ranker(evening) for evening in evenings])
        lines.append(f"{name:28}{found.auc:8.3f}{found.match_1:9.3f}{found.match_3:9.3f}{found.gini_1:8.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
