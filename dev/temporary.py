"""Stores of one's own that vanish afterwards: for tests and benchmarks. Fast rather than durable."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dev import parts

ROOT = Path(__file__).parent.parent


@contextmanager
def stores() -> Iterator[dict[str, str]]:
    """Start a Postgres with the newest schema and a Redis; yields the settings that point at them and at a folder.

    Raises:
        RuntimeError: one of them did not start; with what it said.
    """
    with TemporaryDirectory(prefix="delete-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres runs under an account of its own where we are root
        with parts.new_cluster(folder / "postgres") as made:
            assert made is not None
            subprocess.run(made[0], user=made[1], cwd="/", check=True, stdout=subprocess.DEVNULL)
        postgres = parts.postgres(folder / "postgres", port=parts.free_port(), durable=False)
        redis = parts.redis(folder / "redis", port=parts.free_port(), durable=False)
        with (folder / "output").open("ab") as output:
            started = [
                subprocess.Popen(part.argv, user=part.user, stdout=output, stderr=output) for part in (postgres, redis)
            ]
        try:
            _wait(postgres.url, folder / "output")
            values = {
                "DATABASE_URL": postgres.url,
                "REDIS_URL": redis.url,
                "STORAGE_URL": f"file://{folder}/media",
            }
            migrate = [sys.executable, "-m", "alembic", "upgrade", "head"]
            subprocess.run(migrate, env={**os.environ, **values}, cwd=ROOT, check=True)
            yield values
        finally:
            for process in started:
                process.send_signal(signal.SIGINT)  # Postgres takes SIGTERM for: once all clients have gone
            for process in started:
                process.wait(20)


def _wait(url: str, output: Path) -> None:
    deadline = time.monotonic() + 60
    while not parts.ensure_database(url):
        if time.monotonic() > deadline:
            raise RuntimeError(output.read_text())
        time.sleep(0.1)
