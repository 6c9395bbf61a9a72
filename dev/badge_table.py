"""How well badges of meaning are given: precision and recall of each on the corpus, as docs/decisions/0009 shows them.

`python -m dev.badge_table` prints the table; `--wrong chosen` and `--missed chosen` list what to mend. Choose examples
and numbers by the half called "chosen"; the half called "held out" says what they are worth, as long as nobody looks at
its answers for choosing.
"""

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from shared.badges.meaning import embed_examples
from shared.badges.rules import Read, by_answers
from shared.embedding.engine import embedder

CORPUS: Final = Path(__file__).parent.parent / "tests" / "data" / "answers.json"
HALVES: Final = ("chosen", "held out")
THEMES: Final = {
    "animals": "fur_on_the_sweater",
    "kitchen": "wooden_spoon",
    "outdoors": "mud_on_the_boots",
    "traveller": "night_train",
    "bookish": "dog_eared",
    "music": "one_more_song",
    "maker": "sawdust",
    "homebody": "kettle_on",
    "night_owl": "after_midnight",
    "early_bird": "first_light",
    "family": "big_table",
    "curious": "one_more_question",
    "sporty": "second_wind",
    "playful": "recess",
    "caretaker": "soup_at_the_door",
    "idealist": "wont_walk_past",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer of the corpus: what a reader says that it is about, and the badge that it earned."""

    answer: str
    half: str
    wanted: frozenset[str]
    given: str | None


def judge() -> list[Judged]:
    """Every answer of the corpus, read by the model in use."""
    corpus = json.loads(CORPUS.read_text())
    vectors = embedder().embed([one["answer"] for one in corpus])
    close = embed_examples(embedder().embed).closeness(vectors)
    return [
        Judged(
            answer=one["answer"],
            half=_half(one["answer"]),
            wanted=frozenset(THEMES[theme] for theme in one["themes"]),
            given=next((award.slug for award in by_answers([Read(UUID(int=0), "", of)])), None),
        )
        for one, of in zip(corpus, close, strict=True)
    ]


def _half(answer: str) -> str:
    """By a hash of the words, so that an answer stays in its half when the corpus grows."""
    return HALVES[hashlib.sha256(answer.encode()).digest()[0] % 2]


@dataclass(frozen=True, slots=True)
class Line:
    """Of one badge, or of all: how many answers earned it, how many of those rightly, how many should have."""

    right: int
    given: int
    wanted: int

    def __str__(self) -> str:
        """Precision and recall with what they are of."""
        precision = f"{self.right / self.given:.2f}" if self.given else "-"
        recall = f"{self.right / self.wanted:.2f}" if self.wanted else "-"
        return f"{precision} ({self.right}/{self.given}) | {recall} ({self.right}/{self.wanted})"


def lines(judged: list[Judged], half: str) -> Iterator[tuple[str, Line]]:
    """Each badge with its line on one half, and "all"."""
    ours = [one for one in judged if one.half == half]
    given = Counter(one.given for one in ours if one.given)
    right = Counter(one.given for one in ours if one.given in one.wanted)
    wanted = Counter(slug for one in ours for slug in one.wanted)
    for slug in THEMES.values():
        yield slug, Line(right[slug], given[slug], wanted[slug])
    yield "all", Line(right.total(), given.total(), wanted.total())


def main() -> None:
    """Print the table, or the answers that went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrong", choices=HALVES, help="list answers that earned a badge they should not have")
    parser.add_argument("--missed", choices=HALVES, help="list answers that earned none of the badges they should")
    asked = parser.parse_args()
    judged = judge()
    chosen, held_out = (dict(lines(judged, half)) for half in HALVES)
    print("| badge | precision, chosen | recall, chosen | precision, held out | recall, held out |")
    print("|---|---|---|---|---|")
    for slug in chosen:
        print(f"| {slug} | {chosen[slug]} | {held_out[slug]} |")
    for one in judged:
        if one.half == asked.wrong and one.given and one.given not in one.wanted:
            print(f"wrong: {one.given}: {one.answer}")
        if one.half == asked.missed and one.wanted and one.given not in one.wanted:
            print(f"missed: {', '.join(one.wanted)}: {one.answer}")


if __name__ == "__main__":
    main()
