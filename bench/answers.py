"""How soon an answer is embedded after it was saved, in a whole system that has nothing else to do."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.report import Figure
from tests.stack import LiveClient, Stack

SAVES: Final = 30
_ANSWERS: Final = "/v1/profile/prompts"
_PATIENCE: Final = 60.0  # seconds


def measure() -> list[Figure]:
    """The median and the longest wait from the 200 or 201 until `status` is `embedded`."""
    with tempfile.TemporaryDirectory(prefix="delete-bench-") as name:
        Path(name).chmod(0o755)  # Postgres runs under an account of its own where we are root
        stack = Stack(Path(name))
        stack.start()
        try:
            waits = _waits(stack.client())
        finally:
            stack.stop()
    figures = {"E1": ("median", statistics.median(waits)), "E1a": ("longest", max(waits))}
    return [
        Figure(
            id=number,
            what=f"an answer saved until it is embedded: {which} of {SAVES}",
            unit="s",
            product=seconds,
            must=3.0,
            reach=1.0,
            better="lower",
        )
        for number, (which, seconds) in figures.items()
    ]


def _waits(person: LiveClient) -> list[float]:
    prompt = person.http.get("/v1/prompts").json()["items"][0]["id"]
    saved = person.http.post(_ANSWERS, json={"question_id": prompt, "answer": "Fish soup."})
    path = f"{_ANSWERS}/{saved.json()['id']}"
    waits = [_wait(person, path)]
    for number in range(1, SAVES):
        person.http.put(path, json={"answer": f"Fish soup, for {number} of us."}).raise_for_status()
        waits.append(_wait(person, path))
    return waits


def _wait(person: LiveClient, path: str) -> float:
    began = time.monotonic()
    while person.http.get(path).json()["status"] != "embedded":
        if time.monotonic() - began > _PATIENCE:
            raise SystemExit(f"The answer was not embedded within {_PATIENCE:g} s")
        time.sleep(0.005)
    return time.monotonic() - began
