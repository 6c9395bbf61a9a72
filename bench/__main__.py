"""`python -m bench [photos,...]`: run benchmarks, print one table, and write each one's figures as JSON."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from bench.report import Figure, table, write
from shared import log

# Each is a module of this package with a function measure() -> list[Figure].
BENCHMARKS: Final = ("latency", "queue", "photos")


def main(arguments: Sequence[str]) -> None:
    """Run the benchmarks named, separated by commas or spaces, or all."""
    names = [name for argument in arguments for name in argument.split(",") if name] or list(BENCHMARKS)
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        message = f"No benchmark {', '.join(unknown)}: there is {', '.join(BENCHMARKS)}"
        raise SystemExit(message)
    log.configure(process="bench", level="WARNING", as_json=False)
    figures: list[Figure] = []
    for name in names:
        print(f"Measuring {name} ...", file=sys.stderr, flush=True)
        measured: list[Figure] = import_module(f"bench.{name}").measure()
        write(name, measured)
        figures += measured
    print(table(figures))


main(sys.argv[1:])
