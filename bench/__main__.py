"""`python -m bench [photos,...]`: run benchmarks, print one table, and write each one's figures as JSON."""

import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from bench.report import Figure, read, table, write
from shared import log

# Each is a module of this package with a function measure() -> list[Figure].
BENCHMARKS: Final = (
    *("latency", "queue", "photos", "embedding", "answers", "likes", "passes"),
    *("discovery", "discovery_reads", "talking", "privacy"),
)


def main(arguments: Sequence[str]) -> None:
    """Run the benchmarks named, separated by commas or spaces, or all."""
    names = [name for argument in arguments for name in argument.split(",") if name] or list(BENCHMARKS)
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        message = f"No benchmark {', '.join(unknown)}: there is {', '.join(BENCHMARKS)}"
        raise SystemExit(message)
    if len(names) > 1:  # each in a process of its own, which settings and pools last as long as
        for name in names:
            subprocess.run([sys.executable, "-m", "bench", name], check=True, stdout=subprocess.DEVNULL)
    else:
        log.configure(process="bench", level="WARNING", as_json=False)
        print(f"Measuring {names[0]} ...", file=sys.stderr, flush=True)
        measured: list[Figure] = import_module(f"bench.{names[0]}").measure()
        write(names[0], measured)
    print(table([figure for name in names for figure in read(name)]))


main(sys.argv[1:])
