"""Draws the life of a match from the table of its transitions: `python -m dev.match_states` writes the picture."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import Final

from shared.matching.rules import OPEN, TRANSITIONS, MatchState, Why
from shared.settings import Settings

PICTURE: Final = Path(__file__).parent.parent / "docs" / "match-states.svg"

Point = tuple[float, float]
Transitions = Mapping[tuple[MatchState | None, MatchState], frozenset[Why]]


@dataclass(frozen=True, slots=True)
class Place:
    """A box: its centre, and half of its width and height."""

    x: float
    y: float
    half: Point = (66, 27)
    look: str = "open"


@dataclass(frozen=True, slots=True)
class Route:
    """What is special about an arrow; most go straight, with their words to the left of the way they go."""

    bend: Point | None = None
    """Where a curve is drawn to."""
    words: Point = (0, 0)
    """So far the words are moved from where they would stand."""
    right: bool = False
    """The words stand to the right of the way."""


WORDS: Final = {
    Why.MUTUAL_LIKE: "both like each other",
    Why.EITHER: "either of the two",
    Why.BOTH: "both say so",
    Why.MESSAGE: "a new message",
    Why.QUIET: f"{Settings.model_fields['quiet_days'].default} days without a message",
    Why.BLOCK: "a block",
    Why.ACCOUNT_DELETED: "an account is deleted",
}
PLACES: Final = {
    MatchState.ACTIVE: Place(236, 262),
    MatchState.ARCHIVED: Place(236, 446),
    MatchState.DATING: Place(498, 262, look="dating"),
    MatchState.UNMATCHED: Place(846, 262, look="over"),
    MatchState.DELETED: Place(846, 446, look="over"),
}
START: Final = Place(236, 124, half=(7, 7))
FRAME: Final = Place(318, 350, half=(270, 166))
"""Around the states in which two people can talk."""
ROUTES: Final[dict[tuple[MatchState | None, MatchState], Route]] = {
    (None, MatchState.ACTIVE): Route(words=(2, -30)),
    (MatchState.ARCHIVED, MatchState.DATING): Route(bend=(498, 446), words=(10, 5), right=True),
    (MatchState.UNMATCHED, MatchState.DELETED): Route(right=True),
}

WIDTH, HEIGHT = 960, 564
PASSING: Final = 13  # so far to the left each of two arrows goes that come towards each other
GAP: Final = 10  # between an arrow and its words
GAPS: Final = (3, 13)  # between a box and the arrow that leaves it, or the one that comes, without its head
LINE: Final = 18
HEAD: Final = 'orient="auto" markerUnits="userSpaceOnUse" markerWidth="10" markerHeight="10" refX="1" refY="5"'

STYLE: Final = """
  .paper { fill: #fdfcfa } .ink { fill: #2b2a33 } .soft { fill: #6d6a78 } .words { fill: #4d4a58 }
  .frame { fill: #e0795b; fill-opacity: .06; stroke: #e0795b; stroke-opacity: .45; stroke-dasharray: 5 5 }
  .open { fill: #ffffff; stroke: #e0795b } .dating { fill: #c65434; stroke: #c65434 } .over { fill: #f0eeea }
  .over { stroke: #a09ca8 } .on-dating { fill: #ffffff } .way { stroke: #8a8794 } .head, .dot { fill: #8a8794 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #1d1c22 } .ink { fill: #efecf2 } .soft { fill: #a5a1b0 } .words { fill: #cbc7d4 }
    .open { fill: #2a2830 } .over { fill: #29282f; stroke: #7d7987 } .dating { fill: #c65434; stroke: #e58a6e }
  }
  text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
  .title { font-size: 24px; font-weight: 600 } .name { font-size: 16px; font-weight: 600 } .small { font-size: 13px }
  .middle { text-anchor: middle } .end { text-anchor: end }
  .open, .dating, .over { stroke-width: 2 } .way { fill: none; stroke-width: 1.75 }
"""


@dataclass(frozen=True, slots=True)
class Arrow:
    """Transitions that are drawn as one: the same change for the same causes."""

    before: tuple[MatchState | None, ...]
    after: MatchState
    causes: tuple[Why, ...]

    @property
    def cause(self) -> str:
        """The causes in words."""
        return ", or ".join(WORDS[why] for why in self.causes)


def arrows(transitions: Transitions) -> list[Arrow]:
    """One for each transition, or for those that every open state has alike to a state outside."""
    found: dict[tuple[MatchState, tuple[Why, ...]], list[MatchState | None]] = {}
    for (before, after), causes in transitions.items():
        found.setdefault((after, tuple(why for why in Why if why in causes)), []).append(before)
    drawn = []
    for (after, whys), befores in found.items():
        alike = after not in OPEN and set(OPEN) <= set(befores)
        drawn += [Arrow(OPEN, after, whys)] if alike else []
        drawn += [Arrow((before,), after, whys) for before in befores if not (alike and before in OPEN)]
    return drawn


def picture(transitions: Transitions = TRANSITIONS) -> str:
    """The whole drawing, as SVG.

    Raises:
        ValueError: a state has no place in PLACES, a cause has no words in WORDS, or a state becomes itself.
    """
    _check(transitions)
    drawn = arrows(transitions)
    told = " ".join(f"{_told(arrow)}: {arrow.cause}." for arrow in drawn)
    about = "Every change of its state that there is, and what causes it. Any other is refused."
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d">',
        '<title id="t">The life of a match</title>',
        f'<desc id="d">{about} {told}</desc>',
        f"<style>{STYLE}</style>",
        f'<marker id="head" class="head" {HEAD}><path d="M0 0L10 5L0 10z"/></marker>',
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="12"/>',
        _text(48, 58, "The life of a match", "ink title"),
        _text(48, 86, about, "soft"),
        _box(FRAME, "frame", 20),
        _text(FRAME.x - FRAME.half[0] + 20, FRAME.y - FRAME.half[1] + 28, "The two can talk", "soft small"),
        f'<circle class="dot" cx="{START.x}" cy="{START.y}" r="{START.half[0]}"/>',
    ]
    for state in MatchState:
        place = PLACES[state]
        look = "on-dating" if place.look == "dating" else "ink"
        parts += [_box(place, place.look, 14), _text(place.x, place.y + 5, state.value, f"{look} name middle")]
    for arrow in drawn:
        parts += _arrow(arrow, meets=(arrow.after, arrow.before[0]) in transitions)
    return "\n".join([*parts, "</svg>", ""])


def _check(transitions: Transitions) -> None:
    if any(before == after for before, after in transitions):
        raise ValueError("A state that becomes itself cannot be drawn: that is no change")
    for kind, known, table in ((MatchState, PLACES, "place in PLACES"), (Why, WORDS, "words in WORDS")):
        if missing := ", ".join(one for one in kind if one not in known):
            message = f"dev/match_states.py: {missing} has no {table}"
            raise ValueError(message)


def _told(arrow: Arrow) -> str:
    return f"{' or '.join(before or 'nothing' for before in arrow.before)} to {arrow.after}"


def _arrow(arrow: Arrow, *, meets: bool) -> Iterator[str]:
    """A group whose attributes say what it stands for; `meets` one that goes the other way."""
    route = ROUTES.get((arrow.before[0], arrow.after), Route()) if len(arrow.before) == 1 else Route()
    origin, goal = _origin(arrow), PLACES[arrow.after]
    left = _left((origin.x, origin.y), (goal.x, goal.y))
    aside = _moved((0, 0), left, PASSING if meets else 0)
    bend = route.bend or _between(_moved((origin.x, origin.y), aside), _moved((goal.x, goal.y), aside))
    begin, end = _edge(origin, aside, bend, GAPS[0]), _edge(goal, aside, bend, GAPS[1])
    bend = route.bend or _between(begin, end)
    middle = _between(_between(begin, bend), _between(bend, end))
    befores = " ".join(before or "" for before in arrow.before)
    yield f'<g data-before="{befores}" data-after="{arrow.after}" data-why="{" ".join(arrow.causes)}">'
    yield f'<path class="way" marker-end="url(#head)" d="M{_at(begin)}Q{_at(bend)} {_at(end)}"/>'
    yield from _words(arrow, _moved(middle, route.words), _moved((0, 0), left, -1 if route.right else 1))
    yield "</g>"


def _words(arrow: Arrow, middle: Point, side: Point) -> Iterator[str]:
    """The causes, one below the other, beside a point."""
    lines = [("or " if number else "") + WORDS[why] for number, why in enumerate(arrow.causes)]
    x, y = _moved(middle, side, GAP)
    look = "middle" if abs(side[0]) < 0.5 else "" if side[0] > 0 else "end"  # noqa: PLR2004 - rather up than aside
    # The first line's foot: all of them above the point, below it, or around it.
    y += 5 - LINE * (len(lines) - 1) / 2 + side[1] * LINE * len(lines) / 2
    for number, line in enumerate(lines):
        yield _text(x, y + number * LINE, line, f"words {look}".rstrip())


def _origin(arrow: Arrow) -> Place:
    """Where an arrow comes from: a box, or the frame's point that is nearest."""
    if len(arrow.before) == 1:
        return START if arrow.before[0] is None else PLACES[arrow.before[0]]
    goal = PLACES[arrow.after]
    x = min(max(goal.x, FRAME.x - FRAME.half[0]), FRAME.x + FRAME.half[0])
    y = min(max(goal.y, FRAME.y - FRAME.half[1]), FRAME.y + FRAME.half[1])
    return Place(x, y, half=(0, 0))


def _edge(box: Place, aside: Point, towards: Point, gap: float) -> Point:
    """So far outside a box the way from its centre, moved aside, to a point."""
    begin = _moved((box.x, box.y), aside)
    way = _unit(begin, towards)
    reach = min(
        (box.half[i] - aside[i] * (way[i] > 0) + aside[i] * (way[i] < 0)) / abs(way[i]) for i in (0, 1) if way[i]
    )
    return _moved(begin, way, reach + gap)


def _unit(one: Point, other: Point) -> Point:
    far = hypot(other[0] - one[0], other[1] - one[1])
    return (other[0] - one[0]) / far, (other[1] - one[1]) / far


def _left(one: Point, other: Point) -> Point:
    """What is to the left for whoever goes from one to the other: one unit long."""
    x, y = _unit(one, other)
    return y, -x


def _moved(point: Point, by: Point, times: float = 1) -> Point:
    return point[0] + by[0] * times, point[1] + by[1] * times


def _between(one: Point, other: Point) -> Point:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _at(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _box(place: Place, look: str, round_by: int) -> str:
    (width, height), (x, y) = place.half, (place.x - place.half[0], place.y - place.half[1])
    return f'<rect class="{look}" x="{x}" y="{y}" width="{2 * width}" height="{2 * height}" rx="{round_by}"/>'


def _text(x: float, y: float, words: str, look: str) -> str:
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}">{words}</text>'


def main() -> None:
    """Draw the table as it is."""
    PICTURE.write_text(picture(), encoding="utf-8")
    print(f"Drawn: {PICTURE}")  # noqa: T201


if __name__ == "__main__":
    main()
