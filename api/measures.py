"""What the API counts of its requests, at next to no cost: a hot one is answered in half a millisecond of work."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

from shared.errors import ERRORS

BOUNDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
NO_ROUTE: Final = "none"
OTHER: Final = "other"
METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

_LABELS: Final = ("route", "method", "status")
_REFUSALS: Final = Counter("http_refusals", "Answers that say no, by error code.", ["code"])
_OF_CODE: Final = {code: _REFUSALS.labels(code) for code in ERRORS}


def refused(code: str) -> None:
    """Count an answer that says no."""
    _OF_CODE[code].inc()


class _Times:
    """Of one kind of request: how many took up to each bound and longer than the last, and all of their seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0


class Requests(Collector):
    """Requests by route, method and class of status, from their arrival until their answer began.

    Until it began, so that neither a slow client nor a stream of events that is open for hours counts as slow. Only the
    event loop counts, so nothing is locked; what the library offers for any thread costs three times as much.
    """

    def __init__(self) -> None:
        self._times: dict[tuple[str, str, int], _Times] = {}
        self.unanswered = 0
        """Requests that wait for an answer now."""

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request whose answer began; status 0: it never did."""
        method = scope["method"]  # whatever a client sends
        known = method if method in METHODS else OTHER
        key = (getattr(scope.get("route"), "path", NO_ROUTE), known, status // 100)
        times = self._times.get(key)
        if times is None:
            times = self._times[key] = _Times()
        times.counts[bisect_left(BOUNDS, seconds)] += 1
        times.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """In the form of the library."""
        total = CounterMetricFamily("http_requests", "Requests that were answered.", labels=_LABELS)
        took = HistogramMetricFamily(
            "http_request_duration_seconds", "From a request's arrival until its answer began.", labels=_LABELS
        )
        for (route, method, hundreds), times in list(self._times.items()):
            labels = (route, method, f"{hundreds}xx" if hundreds else "none")
            reached = list(accumulate(times.counts))
            total.add_metric(labels, reached[-1])
            bounds = [*map(str, BOUNDS), "+Inf"]
            took.add_metric(labels, [*zip(bounds, reached, strict=True)], times.seconds)
        yield total
        yield took
        yield GaugeMetricFamily(
            "http_requests_in_progress", "Requests whose answer has not begun.", value=self.unanswered
        )
