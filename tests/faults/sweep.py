"""`python -m tests.faults.sweep`: two days pass for the files in storage, in which every shard of them is swept."""

from datetime import UTC, datetime
from unittest import mock

from shared import clock
from worker.photos import SHARDS, SWEEP_EVERY, YOUNG, sweep_files


def main() -> None:
    """Sweep as beat has it done, as often as it takes to see everything when it is old enough."""
    began = datetime.now(UTC)
    for step in range(SHARDS + YOUNG // SWEEP_EVERY + 2):
        with mock.patch.object(clock, "now", return_value=began + step * SWEEP_EVERY):
            sweep_files()


if __name__ == "__main__":
    main()
