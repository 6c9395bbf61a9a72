"""Queues for everybody in a region: blocks of viewers against blocks of candidates, one matrix product for each.

What decides and scores is the Python of `rules`, compiled as it stands. Vectors are whole numbers whose products stay
below 2^24, so single precision has them exactly, in whatever order a matrix product adds them up.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from shared.discovery import cells, rules
from shared.embedding.rules import DIMENSIONS
from shared.quiz.traits import Trait

Records = NDArray[np.void]
Ints = NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

ROWS: Final = 256  # viewers of a block: of more there is no gain, and fewer make a product slower
# Viewers who look about as far share their candidates: (up to so many kilometres, cells of the area that shares them).
TIERS: Final = ((30, 1), (rules.NEAR_KM, 4), (rules.FARTHEST_KM, cells.CELLS))

_SMALL: Final = ("gender", "seeks", *Trait, "activity", "completeness", "openness", "appeal", "damping", "dice")
PERSON: Final = np.dtype(
    [
        *((name, np.int32) for name in ("born", "born_after", "born_by", "x", "y", "z", "cell")),
        *((str(name), np.int16) for name in _SMALL),
        ("reach", np.int64),
        *((name, np.int8) for name in ("offered", "offered_far", "newcomer", "shown")),
        ("number", np.int32),
    ],
    align=True,
)
"""A `rules.Person`, and their number among all that are loaded, in the order of ids."""

# What compiled code holds for constant, and with it the score in line, spares counting references: half of the time.
TABLES: Final = (*rules.TABLES[:2], *(np.array(table, np.int64) for table in rules.TABLES[2:]))

_SEEN: Final = ("born", "gender", "seeks", "x", "y", "z", "offered", "offered_far")


def _compiled(function: Function, **options: Any) -> Function:
    return cast("Function", njit(nogil=True, **options)(function))


_fits: Any = _compiled(rules.fits)
_score: Any = _compiled(rules.score, inline="always")
_placed: Any = _compiled(rules.placed)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everybody whom the ranking of a region needs, in the order of their ids."""

    people: Records
    """Of PERSON."""
    vectors: NDArray[np.int8]
    """(people, 384), of length UNIT."""
    ids: NDArray[np.bytes_]
    """Of 16 bytes each."""
    wishes: Records
    """The hash of each person's wishes, of 16 bytes too."""
    viewers: Ints
    """Numbers of those whose queues are wanted."""
    settled: tuple[Ints, Ints]
    """(starts, others): whom each of `viewers` must not be shown."""
    liked_by: tuple[Ints, Ints]
    """(starts, others): who likes each of `viewers`."""


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues of `Loaded.viewers`, row by row."""

    lengths: Ints
    places: NDArray[np.int32]
    """(viewers, length): numbers of people, the best first."""
    scores: NDArray[np.int32]
    parts: NDArray[np.uint8]
    """(viewers, length, PACKED), see `queues.packed`."""
    pairs: int
    """How many pairs were scored."""


class _Room:
    """Memory that is kept: the pages of a new array would be fetched one after the other."""

    def __init__(self) -> None:
        self._kept = np.empty(0, np.float32)

    def of(self, rows: int, columns: int) -> NDArray[np.float32]:
        """An array of this shape, with anything in it."""
        if len(self._kept) < rows * columns:
            self._kept = np.empty(rows * columns, np.float32)
        return self._kept[: rows * columns].reshape(rows, columns)


def rank(loaded: Loaded, *, length: int, newcomer_every: int, period: int) -> Queues:
    """The queues of everybody in a region."""
    count = len(loaded.viewers)
    queues = Queues(
        np.zeros(count, np.int64),
        np.zeros((count, length), np.int32),
        np.zeros((count, length), np.int32),
        np.zeros((count, length, rules.PACKED), np.uint8),
        0,
    )
    room, theirs = _Room(), _Room()
    slots = np.zeros(len(loaded.people), np.int32)
    pairs = 0
    for rows, candidates in _blocks(loaded):
        right = theirs.of(len(candidates), DIMENSIONS)
        right[:] = loaded.vectors.take(candidates["number"], axis=0)
        columns = _columns(candidates)
        for start in range(0, len(rows), ROWS):
            chunk = rows[start : start + ROWS]
            viewers = loaded.people.take(loaded.viewers[chunk])
            first = np.searchsorted(candidates["born"], viewers["born_after"].min(), "right")
            last = np.searchsorted(candidates["born"], viewers["born_by"].max(), "right")
            if first >= last:
                continue
            left = loaded.vectors.take(viewers["number"], axis=0).astype(np.float32)
            products = np.dot(left, right[first:last].T, out=room.of(len(viewers), last - first))
            pairs += products.size
            _select(
                chunk,
                viewers,
                candidates[first:last],
                tuple(column[first:last] for column in columns),
                products,
                loaded.settled,
                loaded.liked_by,
                slots,
                length,
                newcomer_every,
                period,
                (queues.lengths, queues.places, queues.scores, queues.parts),
            )
    return Queues(queues.lengths, queues.places, queues.scores, queues.parts, pairs)


def _blocks(loaded: Loaded) -> Iterator[tuple[Ints, Records]]:
    """(rows of viewers in the order of their birth, whom any of them might be shown in the order of theirs)."""
    people, viewers = loaded.people, loaded.people.take(loaded.viewers)
    numbers = np.flatnonzero(people["shown"])
    by_birth = numbers[np.argsort(people["born"][numbers], kind="stable")]
    shown: Records = people.take(by_birth)  # of records, this is the fast way
    seen = {name: np.ascontiguousarray(shown[name]) for name in _SEEN}
    area, tier = _areas(viewers)
    sharing = area * len(TIERS) + tier
    groups = (sharing * 16 + viewers["gender"]) * 16 + viewers["seeks"]
    for together in _runs(np.lexsort((viewers["born"], groups)), sharing):
        near = np.flatnonzero(_reachable(seen, viewers.take(together)))
        born, gender, seeks = (seen[name][near] for name in ("born", "gender", "seeks"))
        for rows in _runs(together, groups):
            mine = viewers.take(rows)
            first = np.searchsorted(born, mine["born_after"].min(), "right")
            last = np.searchsorted(born, mine["born_by"].max(), "right")
            fitting = (gender[first:last] & mine["seeks"][0] != 0) & (seeks[first:last] & mine["gender"][0] != 0)
            yield rows, shown.take(near[first:last][fitting])


def _runs(rows: Ints, groups: Ints) -> Iterator[Ints]:
    """The rows in their order, those of one group at a time."""
    bounds = np.flatnonzero(np.diff(groups[rows])) + 1
    return (run for run in np.split(rows, bounds) if len(run))


def _columns(people: Records) -> tuple[NDArray[Any], ...]:
    """What can rule a pair out by a glance, each by itself, so that many are looked at together."""
    born = tuple(np.ascontiguousarray(people[name]) for name in ("born", "born_after", "born_by"))
    places = tuple(people[name].astype(np.float32) for name in ("x", "y", "z", "reach"))
    return *born, *places


def _areas(viewers: Records) -> tuple[Ints, Ints]:
    """(the first cell of the area in which viewers share candidates, how far they look as a number of TIERS)."""
    row, column = np.divmod(viewers["cell"].astype(np.int64) - 1, 1000)
    area = np.zeros(len(viewers), np.int64)
    tier = np.full(len(viewers), len(TIERS) - 1, np.int64)
    for number, (km, side) in reversed(list(enumerate(TIERS))):
        looks = (
            viewers["reach"] <= (1000 * km) ** 2 if number < len(TIERS) - 1 else np.full(len(viewers), fill_value=True)
        )
        area[looks] = (1 + 1000 * (row - row % side) + column - column % side)[looks]
        tier[looks] = number
    area[viewers["cell"] == cells.NOWHERE] = cells.NOWHERE
    return area, tier


def _reachable(shown: dict[str, NDArray[Any]], viewers: Records) -> NDArray[np.bool_]:
    """Whom any of these viewers, who live in one area, might be shown: by a box around all of them."""
    if (viewers["reach"] > rules.NEAR).any():
        far = shown["offered_far"] != 0
        reach = rules.NEAR_KM * 1000
    else:
        far = np.zeros(len(shown["born"]), np.bool_)
        reach = int(np.ceil(np.sqrt(max(0, viewers["reach"].max()))))
    inside = shown["offered"] != 0
    for axis in ("x", "y", "z"):
        inside &= (shown[axis] >= viewers[axis].min() - reach) & (shown[axis] <= viewers[axis].max() + reach)
    result: NDArray[np.bool_] = far | inside
    return result


@_compiled
def _select(
    rows: Any,
    viewers: Any,
    candidates: Any,
    columns: Any,
    products: Any,
    settled: Any,
    liked_by: Any,
    slots: Any,
    length: Any,
    every: Any,
    period: Any,
    out: Any,
) -> None:
    """The best of each viewer of a block among these candidates."""
    lengths, places, scores, parts = out
    for j in range(len(candidates)):
        slots[candidates[j].number] = j
    settled_by = np.full(len(candidates), -1, np.int64)
    likes = np.full(len(candidates), -1, np.int64)
    possible = np.empty(len(candidates), np.int64)
    keys = np.empty(len(candidates), np.int64)
    newest = np.empty(len(candidates), np.int64)
    counts = np.empty(BUCKETS, np.int32)
    for i in range(len(rows)):
        row = rows[i]
        viewer = viewers[i]
        _mark(settled_by, row, settled, candidates, slots)
        _mark(likes, row, liked_by, candidates, slots)
        found = 0
        found_new = 0
        counts[:] = 0
        for k in range(_glance(viewer, columns, possible)):
            j = possible[k]
            other = candidates[j]
            apart = _apart(viewer, other)
            number = other.number
            if settled_by[j] == row or number == viewer.number or not _fits(viewer, other, apart):
                continue
            product = np.int64(products[i, j])
            total = _score(viewer, other, apart, product, likes[j] == row, period, TABLES)[0] + OFFSET
            key = (total << BITS) | (LAST - number)
            if other.newcomer != 0:
                newest[found_new] = key
                found_new += 1
            else:
                keys[found] = key
                counts[total >> BUCKET] += 1
                found += 1
        best = _best(keys[:found], counts, length)
        filled = _placed(best, _numbers(newest[:found_new], length), every, places[row])
        lengths[row] = filled
        for k in range(filled):
            number = places[row, k]
            j = slots[number]
            other = candidates[j]
            product = np.int64(products[i, j])
            total, one, two, three, four, five, six, _ = _score(
                viewer, other, _apart(viewer, other), product, likes[j] == row, period, TABLES
            )
            scores[row, k] = total
            kept = parts[row, k]
            kept[0], kept[1], kept[2] = one // 4, two // 4, three // 4
            kept[3], kept[4], kept[5] = four // 4, five // 4, six // 4


@_compiled
def _mark(marks: Any, row: Any, related: Any, candidates: Any, slots: Any) -> None:
    """Write the row to those of the candidates who are related to it; a slot may be of another block."""
    starts, others = related
    for k in range(starts[row], starts[row + 1]):
        number = others[k]
        j = slots[number]
        if j < len(candidates) and candidates[j].number == number:
            marks[j] = row


@_compiled
def _apart(viewer: Any, other: Any) -> Any:
    dx = np.int64(viewer.x) - other.x
    dy = np.int64(viewer.y) - other.y
    dz = np.int64(viewer.z) - other.z
    return dx * dx + dy * dy + dz * dz


@_compiled
def _glance(viewer: Any, columns: Any, possible: Any) -> Any:
    """How many may fit, and who: whom this leaves out `fits` would refuse. Single precision needs some slack."""
    born, born_after, born_by, x, y, z, reach = columns
    mine, my_born, after, by = np.float32(viewer.reach), viewer.born, viewer.born_after, viewer.born_by
    my_x, my_y, my_z = np.float32(viewer.x), np.float32(viewer.y), np.float32(viewer.z)
    looks = np.empty(len(born), np.uint8)
    for j in range(len(born)):
        dx, dy, dz = my_x - x[j], my_y - y[j], my_z - z[j]
        within = min(mine, reach[j]) * SLACK + SLACK
        wanted = (after < born[j]) & (born[j] <= by) & (born_after[j] < my_born) & (my_born <= born_by[j])
        looks[j] = wanted & (dx * dx + dy * dy + dz * dz <= within)
    found = 0
    for j in range(len(born)):
        possible[found] = j
        found += looks[j]
    return found


@_compiled
def _best(keys: Any, counts: Any, length: Any) -> Any:
    """The numbers of those with the largest keys, the best first; `counts` of keys by bucket say where they begin."""
    bucket = BUCKETS
    above = 0
    while bucket > 0 and above < length:
        bucket -= 1
        above += counts[bucket]
    chosen = np.empty(above, np.int64)
    found = 0
    for key in keys:
        if key >> (BITS + BUCKET) >= bucket:
            chosen[found] = key
            found += 1
    return _numbers(chosen[:found], length)


@_compiled
def _numbers(keys: Any, most: Any) -> Any:
    """The numbers of people in their keys, the largest first."""
    ordered = np.sort(keys)[::-1][:most]
    return LAST - (ordered & LAST)


SLACK: Final = np.float32(1.00001)
OFFSET: Final = 1 << 20  # makes every score positive
BITS: Final = 24  # for a person's number, the lower one first
LAST: Final = (1 << BITS) - 1
BUCKET: Final = 10  # bits of a score that do not tell buckets apart
BUCKETS: Final = 1 << 12
