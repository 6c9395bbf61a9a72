"""Draws how the quiz spreads people: every trait's scores over all sheets one can hand in, and how traits go together.

`python -m dev.quiz_picture` writes docs/quiz-traits.svg and prints the matrix.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, product
from math import fsum, sqrt
from pathlib import Path
from statistics import median
from typing import Final

from shared.quiz.questions import CURRENT, QUIZZES, Quiz
from shared.quiz.rules import scores
from shared.quiz.traits import TRAITS

PICTURE: Final = Path(__file__).parent.parent / "docs" / "quiz-traits.svg"
LABELS: Final = [meaning.label for meaning in TRAITS.values()]

WIDTH, HEIGHT = 960, 1012
MARGIN: Final = 48
PANEL: Final = (232, 120)  # of one histogram, without its words
PANELS: Final = (88, 152)  # the first one's corner
PANEL_STEP: Final = (296, 240)
MOST_SHARE: Final = 0.25  # the top of the histograms' axis
MATRIX_TOP: Final = 700
MATRIX_LEFT: Final = 208
CELL: Final = (76, 40)
FULL_COLOR: Final = 0.6  # the correlation that no pair may pass

STYLE: Final = """
  .paper { fill: #fdfcfa } .ink { fill: #2b2a33 } .soft { fill: #6d6a78 } .line { stroke: #d9d5cf }
  .bar { fill: #e0795b } .mean { stroke: #2b2a33 } .median { fill: #2b2a33 }
  .plus { fill: #e0795b } .minus { fill: #4a80b8 } .self { fill: #8a8794; fill-opacity: .15 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #1d1c22 } .ink { fill: #efecf2 } .soft { fill: #a5a1b0 } .line { stroke: #3e3c47 }
    .bar { fill: #e58a6e } .mean { stroke: #efecf2 } .median { fill: #efecf2 }
  }
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
  .title { font-size: 24px; font-weight: 600 } .name { font-size: 15px; font-weight: 600 } .small { font-size: 11px }
  .middle { text-anchor: middle } .end { text-anchor: end }
"""

Columns = list[tuple[float, ...]]
"""For each trait its scores over all sheets."""


def columns(quiz: Quiz) -> Columns:
    """The scores of all sheets, equally often: how the quiz spreads people who choose by chance."""
    slugs = [question.slug for question in quiz.questions]
    choices = product(*([option.slug for option in question.options] for question in quiz.questions))
    return list(zip(*(scores(quiz, dict(zip(slugs, chosen, strict=True))) for chosen in choices), strict=True))


def matrix(of: Columns) -> list[list[float]]:
    """Pearson's correlation of each pair of traits."""
    return [[_correlation(one, other) for other in of] for one in of]


def picture(of: Columns) -> str:
    """The whole drawing, as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="12"/>',
        _text(MARGIN, 58, "How the quiz spreads people", "ink title", name="title"),
        _text(
            MARGIN,
            86,
            f"Scores over all {len(of[0]):,} sheets that can be handed in. Dashed line: mean. Triangle: median.",
            "soft",
        ),
    ]
    for number, (label, column) in enumerate(zip(LABELS, of, strict=True)):
        parts += _histogram(number, label, column)
    parts += _heat_map(matrix(of))
    return "\n".join([*parts, "</svg>", ""])


def _histogram(number: int, label: str, column: tuple[float, ...]) -> Iterator[str]:
    row, place = divmod(number, 3)
    left, top = PANELS[0] + place * PANEL_STEP[0], PANELS[1] + row * PANEL_STEP[1]
    width, height = PANEL
    bottom = top + height
    yield _text(left, top - 14, label, "ink name")
    if place == 0:
        yield _text(-(top + height / 2), left - 46, "share of sheets", "soft small middle", upright=True)
    for share in (0, 0.1, 0.2):
        y = bottom - share / MOST_SHARE * height
        yield _line(left, y, left + width, y, "line")
        yield _text(left - 6, y + 4, f"{share:.0%}", "soft small end")
    counts = sorted(Counter(column).items())
    bar = width / len(counts)
    for step, (score, count) in enumerate(counts):
        tall = count / len(column) / MOST_SHARE * height
        hint = f"{count} sheets score {score:.2f}"
        yield (
            f'<rect class="bar" x="{left + step * bar + 1:.1f}" y="{bottom - tall:.1f}" width="{bar - 2:.1f}"'
            f' height="{tall:.1f}" rx="2"><title>{hint}</title></rect>'
        )
    mean, middle = _mean(column), median(column)
    inner = width - bar  # the first and the last bar stand over 0 and 1
    mean_x, median_x = (left + bar / 2 + score * inner for score in (mean, middle))
    yield _line(mean_x, top, mean_x, bottom, "mean", dashed=True)
    yield f'<path class="median" d="M{median_x:.1f} {bottom + 2:.1f}l5 8h-10z"/>'
    for score in (0, 0.5, 1):
        yield _text(left + bar / 2 + score * inner, bottom + 24, f"{score:g}", "soft small middle")
    spread = sqrt(_covariance(column, column))
    yield _text(left + width / 2, bottom + 40, "score", "soft small middle")
    yield _text(left, bottom + 58, f"mean {mean:.2f}   median {middle:.2f}   spread {spread:.2f}", "soft small")


def _heat_map(pairs: list[list[float]]) -> Iterator[str]:
    yield _text(MARGIN, MATRIX_TOP - 58, "How traits go together", "ink name")
    largest = _largest(pairs)
    yield _text(MARGIN, MATRIX_TOP - 38, f"Correlation of each pair. The strongest: {largest}.", "soft")
    for row, (label, line) in enumerate(zip(LABELS, pairs, strict=True)):
        y = MATRIX_TOP + row * CELL[1]
        yield _text(MATRIX_LEFT - 12, y + CELL[1] / 2 + 4, label, "ink end")
        x = MATRIX_LEFT + row * CELL[0] + CELL[0] / 2
        below = MATRIX_TOP + 6 * CELL[1] + 18
        for number, word in enumerate(label.split()):
            yield _text(x, below + 14 * number, word, "soft small middle")
        for place, pair in enumerate(line):
            yield from _cell(MATRIX_LEFT + place * CELL[0], y, pair, itself=place == row)
    yield from _legend()


def _cell(x: float, y: float, pair: float, *, itself: bool) -> Iterator[str]:
    look = 'class="self"' if itself else _tint(pair)
    yield f'<rect {look} x="{x + 1}" y="{y + 1}" width="{CELL[0] - 2}" height="{CELL[1] - 2}" rx="4"/>'
    words = "1" if itself else _signed(pair)
    yield _text(x + CELL[0] / 2, y + CELL[1] / 2 + 4, words, "soft middle" if itself else "ink middle")


def _legend() -> Iterator[str]:
    x, y = MATRIX_LEFT + 6 * CELL[0] + 48, MATRIX_TOP + 20
    yield _text(x, y - 8, "Correlation", "soft small")
    steps = [tenths / 10 for tenths in range(6, -7, -2)]
    for number, pair in enumerate(steps):
        top = y + number * 22
        yield f'<rect {_tint(pair)} x="{x}" y="{top}" width="28" height="20" rx="3"/>'
        yield _text(x + 40, top + 14, _signed(pair), "soft small")
    yield _text(x + 84, y + 14, "no pair may pass this", "soft small")
    yield _text(x + 84, y + 6 * 22 + 14, "nor this", "soft small")


def _tint(pair: float) -> str:
    return (
        f'class="{"plus" if pair > 0 else "minus"}" fill-opacity="{min(1, abs(pair) / FULL_COLOR) * 0.85 + 0.04:.2f}"'
    )


def _text(x: float, y: float, words: str, look: str, *, name: str = "", upright: bool = False) -> str:
    """A line of words; `upright` turns it to be read from below, and the coordinates with it."""
    named = (f' id="{name}"' if name else "") + (' transform="rotate(-90)"' if upright else "")
    return f'<text{named} class="{look}" x="{x:.1f}" y="{y:.1f}" xml:space="preserve">{words}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, look: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-width="1.5" stroke-dasharray="4 3"' if dashed else ""
    return f'<line class="{look}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"{dashes}/>'


def _largest(pairs: list[list[float]]) -> str:
    one, other = max(combinations(range(len(LABELS)), 2), key=lambda pair: abs(pairs[pair[0]][pair[1]]))
    return f"{LABELS[one].lower()} and {LABELS[other].lower()}, {_signed(pairs[one][other])}"


def _signed(pair: float) -> str:
    rounded = round(pair, 2)
    return "0" if not rounded else f"{rounded:+.2f}".replace("-", "\N{MINUS SIGN}")


# fsum: the same to the last digit in every version of Python


def _mean(column: tuple[float, ...]) -> float:
    return fsum(column) / len(column)


def _covariance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    means = _mean(one), _mean(other)
    return fsum((a - means[0]) * (b - means[1]) for a, b in zip(one, other, strict=True)) / len(one)


def _correlation(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return _covariance(one, other) / sqrt(_covariance(one, one) * _covariance(other, other))


def main() -> None:
    """Draw the current quiz, and print what the picture's numbers are."""
    found = columns(QUIZZES[CURRENT])
    PICTURE.write_text(picture(found), encoding="utf-8")
    pairs = matrix(found)
    lines = [
        f"{label:>20}" + "".join(f"{_signed(pair):>7}" for pair in line)
        for label, line in zip(LABELS, pairs, strict=True)
    ]
    print("\n".join([*lines, f"The strongest pair: {_largest(pairs)}.", f"Drawn: {PICTURE}"]))  # noqa: T201


if __name__ == "__main__":
    main()
