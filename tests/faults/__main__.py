"""`make faults`: break a running system while it works, and print what became of every piece of work."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import embeddings, everything, uploads


def main() -> None:
    """Run, print, and exit with 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=[[], *PARTS], help="default: all")
    parser.add_argument("--seconds", type=float, default=everything.Plan.seconds, help="of `everything`")
    parser.add_argument("--seed", type=int, default=everything.Plan.seed, help="of `everything`: what breaks when")
    asked = parser.parse_args()
    held = [PARTS[what](asked) for what in asked.what or PARTS]
    print("Every promise was kept." if all(held) else "A promise was broken.")
    sys.exit(0 if all(held) else 1)


def _everything(asked: argparse.Namespace) -> bool:
    plan = everything.Plan(seconds=asked.seconds, seed=asked.seed)
    print(
        f"Starting a system of its own; {plan.people} people for {plan.seconds:g} s, a fault every {plan.every:g} s, "
        f"seed {plan.seed}; then until all is done"
    )
    with _folder() as name:
        outcome = everything.run(Path(name), plan, _say)
        if not outcome.held and (Path(name) / "log").exists():
            kept = Path(f"faults-{int(time.time())}.log")
            kept.write_text((Path(name) / "log").read_text())
            print(f"  what the system said is in {kept}")
    _table({"faults": outcome.faults.total(), **{f"  {name}": count for name, count in sorted(outcome.faults.items())}})
    kinds = sorted({kind for kind, _ in outcome.words})
    print(f"  {'':<36} {'promised':>9} {'in doubt':>9} {'refused':>9}")
    for kind in kinds:
        print(f"  {kind:<36}", *(f"{outcome.words[kind, word]:>9}" for word in ("promised", "in doubt", "refused")))
    name, seconds = max(outcome.slowest.items(), key=lambda one: one[1])
    _table(
        {
            "answers": ", ".join(f"{count} x {status}" for status, count in sorted(outcome.answers.items())),
            "  slowest good one": f"{seconds:.2f} s, {name}",
            "  of Postgres cut off": outcome.answers_cut,
            "WebSockets opened": outcome.events["connections"],
            "  told to be complete": f"{outcome.events['ready, complete']} of {outcome.events['ready']} times",
            "  events of messages": outcome.events["message.created"],
            "  messages that no event told of": outcome.events_missed,
            "mails": outcome.mails,
            "  sent again, as nobody had noted it": outcome.mails_repeated,
            "all done after the last fault": f"{outcome.drained_after:.1f} s",
            "promises broken": len(outcome.broken),
        }
    )
    for broken in outcome.broken[:40]:
        print("    ", broken)
    return outcome.held


def _uploads(_asked: argparse.Namespace) -> bool:
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


def _embeddings(_asked: argparse.Namespace) -> bool:
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


PARTS = {"uploads": _uploads, "embeddings": _embeddings, "everything": _everything}

if __name__ == "__main__":
    main()
