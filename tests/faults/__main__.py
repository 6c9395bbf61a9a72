"""`make faults`: break a running system while it works, and print what became of every piece of work."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults import embeddings, uploads


def main() -> None:
    """Run, print, and exit with 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=[[], "uploads", "embeddings"], help="default: both")
    chosen = parser.parse_args().what or ["uploads", "embeddings"]
    held = [_uploads() if what == "uploads" else _embeddings() for what in chosen]
    print("Every promise was kept." if all(held) else "A promise was broken.")
    sys.exit(0 if all(held) else 1)


def _uploads() -> bool:
    plan = uploads.Plan()
    print(f"Starting a system of its own; {plan.uploads} uploads over {plan.seconds:g} s, then until all are done")
    with _folder() as name:
        outcome = uploads.run(Path(name), plan, say=_say)
    _table(
        {
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
    )
    for error in outcome.errors_while_postgres_was_up[:10]:
        print("    ", error)
    return outcome.held


def _embeddings() -> bool:
    plan = embeddings.Plan()
    print(f"Starting a system of its own; {plan.answers} answers, kill -9 after every {plan.kill_after}")
    with _folder() as name:
        outcome = embeddings.run(Path(name), plan, _say)
    _table(
        {
            "answers": outcome.answers,
            "  not embedded": outcome.not_embedded,
            "  with a wrong vector (of a sample)": outcome.wrong_vectors,
            "people": outcome.people,
            "  without a vector": outcome.people_without_vector,
            "work that failed": outcome.failed,
            "kills": outcome.kills,
            "all embedded after": f"{outcome.seconds:.1f} s",
            "answers per second, kills included": f"{outcome.answers / outcome.seconds:.0f}",
        }
    )
    return outcome.held


def _folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="delete-faults-")
    Path(folder.name).chmod(0o755)
    return folder


def _table(lines: dict[str, object]) -> None:
    for what, figure in lines.items():
        print(f"  {what:<36} {figure}")


def _say(line: str) -> None:
    print(" ", line, flush=True)


if __name__ == "__main__":
    main()
