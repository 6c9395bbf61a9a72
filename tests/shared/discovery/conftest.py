"""What tests of ranking have in common."""

import numpy as np
import pytest

from shared.discovery import batch


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Compile the ranking once and before any test: within one its open transaction would be idle for too long."""
    nobody = np.zeros(1, batch.PERSON)
    nothing = (np.zeros(2, np.int64), np.zeros(0, np.int64))
    nobody["shown"] = nobody["gender"] = nobody["seeks"] = nobody["offered"] = 1
    nobody["born_after"], nobody["born_by"] = -1, 1
    loaded = batch.Loaded(
        nobody,
        np.zeros((1, 384), np.int8),
        np.zeros(1, "S16"),
        np.zeros(1, "V16"),
        np.zeros(1, np.int64),
        nothing,
        nothing,
    )
    batch.rank(loaded, length=20, newcomer_every=10, period=0)
