"""A measured figure, and the table and file that figures are reported in."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

RESULTS: Final = Path(__file__).parent / "results"

_HEADINGS: Final = ("id", "what", "product", "floor", "ratio", "must", "reach", "result")
_LEFT: Final = 2  # columns of text; the others are numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of a report: what the product takes, what the floor takes, and the goal for their ratio.

    A figure without a floor (and so without a ratio) is held to its goal by `product` itself.
    """

    id: str
    what: str
    unit: str
    product: float
    must: float
    reach: float
    better: Literal["higher", "lower"]
    floor: float | None = None
    ratio: float | None = None

    @property
    def judged(self) -> float:
        """The number that the goal is about."""
        return self.product if self.ratio is None else self.ratio

    @property
    def result(self) -> str:
        """Whether the goal is met: "held, reached", "held" or "short"."""
        if not self._meets(self.must):
            return "short"
        return "held, reached" if self._meets(self.reach) else "held"

    def _meets(self, goal: float) -> bool:
        return self.judged >= goal if self.better == "higher" else self.judged <= goal


def table(figures: Sequence[Figure]) -> str:
    """The figures as one table for a terminal."""
    rows = [_HEADINGS, *(_row(figure) for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if number < _LEFT else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def write(name: str, figures: Sequence[Figure]) -> Path:
    """The same as JSON, in results/<name>.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = [asdict(figure) | {"result": figure.result} for figure in figures]
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def read(name: str) -> list[Figure]:
    """What `write` has written."""
    content = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return [Figure(**{key: value for key, value in line.items() if key != "result"}) for line in content]


def _row(figure: Figure) -> tuple[str, ...]:
    sign = ">=" if figure.better == "higher" else "<="
    return (
        figure.id,
        figure.what,
        f"{_number(figure.product)} {figure.unit}",
        "-" if figure.floor is None else f"{_number(figure.floor)} {figure.unit}",
        "-" if figure.ratio is None else f"{figure.ratio:.3f}",
        f"{sign} {figure.must:g}",
        f"{sign} {figure.reach:g}",
        figure.result,
    )


def _number(value: float) -> str:
    return f"{value:,.1f}" if abs(value) > 1 else f"{value:.4f}"
