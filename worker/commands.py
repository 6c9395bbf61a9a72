"""Commands of the Celery command line: `celery -A worker reindex …` and `celery -A worker work …`."""

import uuid
from collections.abc import Sequence
from typing import Final, Protocol

import click
from sqlalchemy.orm import Session
from tqdm import tqdm

from shared import ledger
from shared.badges import service as badges
from shared.database import database
from shared.jobs import LEDGER_JOBS, MAKE_BADGES, PROCESS_PHOTO, Job
from shared.photos import pipeline

BATCH: Final = 500


class ToReindex(Protocol):
    """Keys to work on anew, in order and behind `after`."""

    def __call__(
        self, session: Session, *, user_id: uuid.UUID | None, stale: bool, after: uuid.UUID | None, most: int
    ) -> Sequence[uuid.UUID]:
        """The next keys; none at the end."""


KINDS: Final[dict[str, tuple[Job, ToReindex]]] = {
    "badges": (MAKE_BADGES, badges.to_reindex),
    "photos": (PROCESS_PHOTO, pipeline.to_reindex),
}


@click.command()
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.option("--user", type=click.UUID, help="Only what belongs to this user.")
@click.option("--stale", is_flag=True, help="Only what an older version made, or what was never finished.")
@click.option("--all", "everything", is_flag=True, help="Everything.")
def reindex(kind: str, *, user: uuid.UUID | None, stale: bool, everything: bool) -> None:
    """Ask for work in bulk: make the derived data of KIND anew."""
    if not (user or stale or everything):
        msg = "Say what to reindex: --user ID, --stale or --all."
        raise click.UsageError(msg)
    job, to_reindex = KINDS[kind]
    asked, after = 0, None
    with tqdm(desc=f"Asking to reindex {kind}", unit=" rows") as bar:
        while True:
            with database().transaction() as session:
                keys = to_reindex(session, user_id=user, stale=stale, after=after, most=BATCH)
                ledger.ask(session, job, *map(str, keys))
            if not keys:
                break
            asked, after = asked + len(keys), keys[-1]
            bar.update(len(keys))
    click.echo(f"Queued {asked} {kind}. Watch them with `celery -A worker work list`.")


@click.group()
def work() -> None:
    """Show and handle work of the ledger."""


@work.command("list")
@click.option("--kind", type=click.Choice(sorted(LEDGER_JOBS)), help="Only this kind.")
@click.option("--most", default=100, show_default=True, help="How many failures to show.")
def list_(kind: str | None, most: int) -> None:
    """What waits, and what was given up with its error."""
    with database().transaction() as session:
        for line in ledger.figures(session):
            oldest = "" if line.oldest_seconds is None else f", the oldest for {line.oldest_seconds:.0f} s"
            click.echo(f"{line.kind}: {line.unfinished} unfinished{oldest}; {line.failed} failed")
        for row in ledger.failures(session, kind=kind, most=most):
            click.echo(f"  {row.kind} {row.key}  {row.attempts} attempts  {row.error}")


@work.command()
@click.argument("kind", type=click.Choice(sorted(LEDGER_JOBS)))
@click.argument("keys", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of this kind that failed.")
def retry(kind: str, keys: tuple[str, ...], *, everything: bool) -> None:
    """Try given-up work of KIND again, with its attempts afresh."""
    with database().transaction() as session:
        chosen = _failed(session, kind, keys, everything=everything)
        ledger.ask(session, LEDGER_JOBS[kind], *chosen)
    click.echo(f"Queued {len(chosen)}.")


@work.command()
@click.argument("kind", type=click.Choice(sorted(LEDGER_JOBS)))
@click.argument("keys", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of this kind that failed.")
def drop(kind: str, keys: tuple[str, ...], *, everything: bool) -> None:
    """Forget given-up work of KIND."""
    with database().transaction() as session:
        dropped = ledger.drop(session, LEDGER_JOBS[kind], _failed(session, kind, keys, everything=everything))
    click.echo(f"Dropped {dropped}.")


def _failed(session: Session, kind: str, keys: tuple[str, ...], *, everything: bool) -> list[str]:
    if bool(keys) == everything:
        msg = "Name the keys, or say --all."
        raise click.UsageError(msg)
    failed = [row.key for row in ledger.failures(session, kind=kind, most=100_000)]
    return [key for key in failed if everything or key in keys]
