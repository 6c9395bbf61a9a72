"""Whether something grows: a line through its values, and what it has gained from one end to the other."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST_MB: Final = 5.0
MOST_SHARE: Final = 0.05
"""A part that has gained more than both by the line through its memory grows."""
LEAST_HOURS: Final = 10 / 60  # of less nothing can be said: caches are still filling
END: Final = 60.0  # seconds of which start and end are the median


@dataclass(frozen=True, slots=True)
class Trend:
    """How a value went: its median at both ends, and the slope of the line that fits best."""

    start: float
    end: float
    per_hour: float
    hours: float

    @property
    def gained(self) -> float:
        """By the line, which one odd value at an end does not move far."""
        return self.per_hour * self.hours

    @property
    def grows(self) -> bool:
        """Whether that is more than noise, seen for long enough."""
        return self.hours >= LEAST_HOURS and self.gained > max(MOST_MB, MOST_SHARE * self.start)


def trend(seconds: Sequence[float], values: Sequence[float]) -> Trend:
    """Of values at these seconds, by least squares.

    Raises:
        statistics.StatisticsError: there are fewer than two.
    """
    slope = statistics.linear_regression(seconds, values).slope
    first = [value for second, value in zip(seconds, values, strict=True) if second - seconds[0] <= END]
    last = [value for second, value in zip(seconds, values, strict=True) if seconds[-1] - second <= END]
    hours = (seconds[-1] - seconds[0]) / 3600
    return Trend(statistics.median(first), statistics.median(last), slope * 3600, hours)
