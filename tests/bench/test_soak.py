"""What a soak makes of what it has seen."""

import os
import xml.etree.ElementTree as ET

import psutil
import pytest

from bench.soak.picture import draw
from bench.soak.sampling import memory_mb
from bench.soak.trend import trend

SECONDS = [float(second) for second in range(0, 1800, 10)]


def jagged(second: float) -> float:
    """Up and down by three, for no reason."""
    return (second * 7919 % 13 - 6) / 2


@pytest.mark.parametrize(
    ("start", "mb_per_hour", "grows"),
    [(200.0, 0.0, False), (200.0, 10.0, False), (200.0, 40.0, True), (30.0, 8.0, False), (30.0, 16.0, True)],
)
def test_what_gains_more_than_noise_grows(start: float, mb_per_hour: float, grows: bool) -> None:
    values = [start + mb_per_hour * second / 3600 + jagged(second) for second in SECONDS]
    found = trend(SECONDS, values)
    assert found.grows is grows
    assert found.per_hour == pytest.approx(mb_per_hour, abs=2)
    assert found.end - found.start == pytest.approx(mb_per_hour / 2, abs=3)


def test_what_shrinks_does_not_grow() -> None:
    assert not trend(SECONDS, [500 - second / 10 for second in SECONDS]).grows


def test_of_a_short_time_nothing_is_said() -> None:
    assert not trend(SECONDS[:30], [200 + second for second in SECONDS[:30]]).grows
    assert trend(SECONDS[:70], [200 + second for second in SECONDS[:70]]).grows


def test_a_process_holds_some_memory_and_not_more_than_is_resident() -> None:
    process = psutil.Process(os.getpid())
    assert 5 < memory_mb(process) <= process.memory_info().rss / 1024**2 * 1.05


def test_the_picture_has_a_line_for_each_part() -> None:
    drawn = draw({"Memory, MB": {"api": [(0, 100), (60, 110)], "beat": [(0, 50), (60, 50)]}, "Nothing": {}})
    lines = ET.fromstring(drawn).findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2
