"""What is held fixed about turning texts into vectors: their size, the engines, and how texts are put together."""

from collections.abc import Sequence
from typing import Final

DIMENSIONS: Final = 384
"""Of every vector; the database's columns have this size."""

INT8: Final = "onnx-int8"
FP32: Final = "onnx-fp32"

FORMAT: Final = 2
"""Raised when models are prepared in another way: each is then prepared anew."""

# How near an engine's vectors must be to those of sentence-transformers in fp32, as cosines over texts that it has
# not seen: those of the integer engine, which else is not used, and those of the graph itself, which else is refused.
INT8_LEAST: Final = 0.99
FP32_LEAST: Final = 0.999

MAX_ROWS: Final = 32
"""Texts in one run of the model: bounds its memory."""

CALL_COST: Final = 10
"""What a run costs besides its tokens, in tokens (measured: 8 to 10)."""


def groups(lengths: Sequence[int]) -> list[list[int]]:
    """Share texts of so many tokens out to runs of the model such that all runs together take the least time.

    In one run all texts are padded to the longest of them, and padding costs as much as text. Of answers as they come,
    more than half of what would be computed is padding. Returns positions in `lengths`.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    # The least cost of the shortest n texts, and where the last of their groups begins.
    costs, starts = [0], [0]
    for end, last in enumerate(order, start=1):
        cost, start = min(
            (costs[begin] + (end - begin) * lengths[last] + CALL_COST, begin)
            for begin in range(max(0, end - MAX_ROWS), end)
        )
        costs.append(cost)
        starts.append(start)
    found = []
    end = len(order)
    while end:
        found.append(order[starts[end] : end])
        end = starts[end]
    return found
