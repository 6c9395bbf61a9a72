"""The workers' application with a task that does nothing, for measuring what a task costs by itself."""

from bench.queue import NAME
from worker.app import app


@app.task(name=NAME)
def noop(_key: str) -> None:
    """Do nothing."""
