"""What a process counts as it happens, for Prometheus; what can be looked up is looked up when it is asked for."""

from typing import Final

from prometheus_client import Counter, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each, of which nothing here makes use

EVENTS_SENT: Final = Counter("live_events_sent", "Events that were handed to Redis for the clients of a person.")
HINTS_SENT: Final = Counter("work_hints_sent", "Messages that told a worker to look at a row of the ledger.")
REDIS_FAILURES: Final = Counter("redis_failures", "Times that Redis did not answer.", ["what"])
