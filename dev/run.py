"""Run a command against the stack of a running `make up`: `python -m dev.run celery -A worker work list`."""

import os
import sys
from pathlib import Path

from shared.settings import settings


def stack() -> dict[str, str]:
    """Where the running stack's parts are; empty when it is configured by the environment alone."""
    file = Path(settings().dev_dir, "stack.env")
    if not file.exists():
        return {}
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def main() -> None:
    """Become the command, with the stack's addresses in its environment; what is set already wins."""
    if len(sys.argv) < 2:  # noqa: PLR2004 - a command
        sys.exit("Say what to run: python -m dev.run COMMAND …")
    found = stack()
    if not found and not settings().model_fields_set & {"database_url", "redis_url"}:
        sys.exit(f"make up is not running with {settings().dev_dir}: start it, or set DATABASE_URL and REDIS_URL")
    binaries = str(Path(sys.executable).parent)
    path = f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"
    os.execvpe(sys.argv[1], sys.argv[1:], {**found, **os.environ, "PATH": path})  # noqa: S606 - the user's own command


if __name__ == "__main__":
    main()
