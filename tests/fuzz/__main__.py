"""`make fuzz`: fuzz the API of a whole system for long, and print what became of it."""

import argparse
import os
import secrets
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from api.app import create_app
from shared.database import database
from tests.fuzz.run import ROLES, Outcome, Plan, fuzz, named
from tests.fuzz.world import ENVIRONMENT, World
from tests.stack import Stack

EXAMPLES: Final = 20
WORK_SECONDS: Final = 300


def main() -> None:
    """Run, print, and exit with 1 when an answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="default: a random one")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="of each operation, role and kind")
    parser.add_argument("--only", metavar="OPERATION", help="one operation, by its id in the document")
    asked = parser.parse_args()
    print(f"Starting a system of its own; to try the same again: make fuzz SEED={asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="delete-fuzz-") as name:
        Path(name).chmod(0o755)
        stack = Stack(Path(name), env=ENVIRONMENT)
        stack.start()
        try:
            os.environ.update(stack.addresses())
            outcome = _fuzz(stack, Plan(asked.seed, asked.examples, systematic=ROLES, only=asked.only))
            failed = _failed_work(stack)
        finally:
            stack.stop()
    _table(outcome, failed)
    sys.exit(1 if outcome.failures or outcome.never_succeeded or failed else 0)


def _fuzz(stack: Stack, plan: Plan) -> Outcome:
    world = World(stack.url, database())
    outcome = fuzz(world, create_app().openapi(), plan, lambda line: print(" ", line, flush=True))
    world.close()
    return outcome


def _failed_work(stack: Stack) -> Counter[str]:
    """Work of which workers have made nothing, by what it is: whatever was sent must not break them either."""
    unfinished = "SELECT count(*) FROM work WHERE due_at IS NOT NULL AND attempts = 0 AND due_at < now()"
    stack.wait_for(lambda: stack.rows(unfinished)[0][0] == 0, seconds=WORK_SECONDS, every=1)
    return Counter(f"{kind}: {error}" for kind, error in stack.rows("SELECT kind, error FROM work WHERE error <> ''"))


def _table(outcome: Outcome, failed: Counter[str]) -> None:
    hundreds = sorted({hundred for _, hundred in outcome.statuses})
    print(f"{'':12}{'cases':>8}" + "".join(f"{f'{hundred}xx':>8}" for hundred in hundreds))
    for role in ROLES:
        counts = "".join(f"{outcome.statuses[role, hundred]:>8}" for hundred in hundreds)
        print(f"{named(role):12}{outcome.cases[role]:>8}{counts}")
    print(f"operations: {len(outcome.operations)}, of which never succeeded: {outcome.never_succeeded or 'none'}")
    print(f"work that failed: {dict(failed) or 'none'}")
    print(f"wrong answers: {len(outcome.failures) or 'none'}")
    for (operation, what), text in outcome.failures.items():
        print(f"\n{operation}: {what}, {text}")


if __name__ == "__main__":
    main()
