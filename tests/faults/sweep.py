"""`python -m tests.faults.sweep`: two days pass for photos in storage, and two hours for archives."""

from datetime import UTC, datetime, timedelta
from unittest import mock

from shared import clock
from worker import exporting
from worker.photos import SHARDS, SWEEP_EVERY, YOUNG, sweep_files


def main() -> None:
    """Sweep as beat has it done, as often as it takes to see everything when it is old enough."""
    began = datetime.now(UTC)
    for step in range(SHARDS + YOUNG // SWEEP_EVERY + 2):
        with mock.patch.object(clock, "now", return_value=began + step * SWEEP_EVERY):
            sweep_files()
    with mock.patch.object(clock, "now", return_value=began + timedelta(hours=2)):
        exporting.tidy()


if __name__ == "__main__":
    main()
