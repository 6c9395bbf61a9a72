"""`make faults`: 200 uploads while workers, Redis and Postgres are killed; prints what became of them."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults.uploads import Outcome, Plan, run


def main() -> None:
    """Run, print, and exit with 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=Plan.uploads)
    parser.add_argument("--seconds", type=float, default=Plan.seconds)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="delete-faults-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        plan = Plan(uploads=chosen.uploads, seconds=chosen.seconds)
        print(f"Starting a system of its own; {plan.uploads} uploads over {plan.seconds:g} s, then until all are done")
        outcome = run(folder, plan, say=lambda line: print(" ", line, flush=True))
    _report(outcome)
    sys.exit(0 if outcome.held else 1)


def _report(outcome: Outcome) -> None:
    lines = {
        "uploads": outcome.uploads,
        "  that got a 202": outcome.accepted,
        "  taken in, but the answer lost": outcome.answers_lost,
        "photos ready": outcome.statuses["ready"],
        "  rejected or unfinished": outcome.statuses.total() - outcome.statuses["ready"],
        "  results stored twice": outcome.stored_twice,
        "  results never stored": outcome.never_stored,
        "  files missing": outcome.files_missing,
        "work left in the ledger": outcome.ledger_left,
        "answers": ", ".join(f"{count} x {status}" for status, count in sorted(outcome.answers.items())),
        "errors while Postgres was up": len(outcome.errors_while_postgres_was_up),
        "slowest 202": f"{outcome.slowest_accepted:.2f} s",
        "all done after the last upload": f"{outcome.drained_after:.1f} s",
        "most memory of one process": f"{outcome.largest_peak_mb:.0f} MB",
    }
    for what, figure in lines.items():
        print(f"  {what:<32} {figure}")
    for error in outcome.errors_while_postgres_was_up[:10]:
        print("    ", error)
    print("Every promise was kept." if outcome.held else "A promise was broken.")


if __name__ == "__main__":
    main()
