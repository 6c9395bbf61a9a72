"""Commands of the Celery command line: `celery -A worker reindex …` and `celery -A worker work …`."""

import time
import uuid
from typing import Any, Final, Protocol

import click
from sqlalchemy import ColumnElement, Select, Subquery, exists, func, select
from sqlalchemy.orm import Session
from tqdm import tqdm

from shared import backlog, ledger
from shared.accounts.models import Status, User
from shared.badges import unmade
from shared.console import work as given_up
from shared.database import database
from shared.discovery.models import Candidate, DiscoveryQueue
from shared.embedding.prepared import Unusable
from shared.jobs import (
    EMBED_ANSWER,
    LEDGER_JOBS,
    MAKE_BADGES,
    PROCESS_PHOTO,
    RANK_REGION,
    REFRESH_QUEUE,
    Job,
)
from shared.photos import pipeline
from shared.prompts import vectors

BATCH: Final = 500
WATCH_EVERY: Final = 0.5  # seconds


class ToReindex(Protocol):
    """Which keys to work on anew, as a query of one column of ids."""

    def __call__(self, *, user_id: uuid.UUID | None, stale: bool) -> Select[uuid.UUID]:
        """Those of one person or of everybody; with `stale` only what is not as it would be made now."""


def _embeddings(*, user_id: uuid.UUID | None, stale: bool) -> Select[uuid.UUID]:
    if not stale:
        return vectors.to_embed(user_id=user_id, stale_for=None)
    from shared.embedding.engine import engine_name  # noqa: PLC0415 - 30 MB that nothing else here needs

    try:
        return vectors.to_embed(user_id=user_id, stale_for=engine_name())
    except Unusable as error:
        raise click.ClickException(str(error)) from error


def _queues(*, user_id: uuid.UUID | None, stale: bool) -> Select[uuid.UUID]:
    people = select(User.id).where(User.id == user_id) if user_id else select(User.id)
    has_one = exists().where(DiscoveryQueue.user_id == User.id)
    return people.where(User.status == Status.ACTIVE, ~has_one) if stale else people


def _regions(region: int | None) -> Select[int]:
    wanted = select(Candidate.region.label("id")).distinct()
    return wanted if region is None else wanted.where(Candidate.region == region)


KINDS: Final[dict[str, tuple[Job, ToReindex]]] = {
    "badges": (MAKE_BADGES, unmade.to_make),
    "discovery": (REFRESH_QUEUE, _queues),
    "embeddings": (EMBED_ANSWER, _embeddings),
    "photos": (PROCESS_PHOTO, pipeline.to_process),
}


@click.command()
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.option("--user", type=click.UUID, help="Only what belongs to this user.")
@click.option("--region", type=int, help="Of discovery: only the queues of this region.")
@click.option("--stale", is_flag=True, help="Only what is not as it would be made now, or was never finished.")
@click.option("--all", "everything", is_flag=True, help="Everything.")
@click.option("--wait", is_flag=True, help="Stay until it is done.")
def reindex(
    kind: str, *, user: uuid.UUID | None, region: int | None, stale: bool, everything: bool, wait: bool
) -> None:
    """Ask for work in bulk: make the derived data of KIND anew."""
    if not (user or stale or everything or region is not None):
        msg = "Say what to reindex: --user ID, --region N (discovery), --stale or --all."
        raise click.UsageError(msg)
    if region is not None and (kind != "discovery" or user or stale):
        msg = "--region goes with discovery, and by itself."
        raise click.UsageError(msg)
    job, to_reindex = KINDS[kind]
    wanted: Select[Any]
    if kind == "discovery" and not (user or stale):
        job, wanted = RANK_REGION, _regions(region)  # everybody of a region at once: thousands of times faster
    else:
        wanted = to_reindex(user_id=user, stale=stale)
    what = "regions" if job is RANK_REGION else kind
    asked = _ask(what, job, wanted.subquery())
    if wait:
        _watch(what, job)
        click.echo(f"Done: {asked} {what}. What failed, if anything, shows `celery -A worker work list`.")
    else:
        click.echo(f"Queued {asked} {what}. Watch them with `celery -A worker work list`.")


def _ask(kind: str, job: Job, wanted: Subquery) -> int:
    """Ask for all of it in short transactions, in the order of ids; how many there were."""
    ids: ColumnElement[Any] = wanted.c.id
    first = page = select(ids).order_by(ids).limit(BATCH)
    asked = 0
    total = database().call(lambda session: session.scalar(select(func.count()).select_from(wanted)))
    with tqdm(desc=f"Asking to reindex {kind}", total=total, unit=" rows") as bar:
        while True:
            with database().transaction() as session:
                keys = session.scalars(page).all()
                ledger.ask(session, job, *map(str, keys))
            if not keys:
                return asked
            asked, page = asked + len(keys), first.where(ids > keys[-1])
            bar.update(len(keys))


def _watch(kind: str, job: Job) -> None:
    """Show how what waits becomes less, until nothing does."""
    most = left = database().call(backlog.unfinished, job)
    with tqdm(desc=f"Reindexing {kind}", total=most, unit=" rows") as bar:
        while left:
            time.sleep(WATCH_EVERY)
            left = database().call(backlog.unfinished, job)
            bar.total = most = max(most, left)
            bar.update(most - left - bar.n)


@click.group()
def work() -> None:
    """Show and handle work of the ledger."""


@work.command("list")
@click.option("--kind", type=click.Choice(sorted(LEDGER_JOBS)), help="Only this kind.")
@click.option("--most", default=100, show_default=True, help="How many failures to show.")
def list_(kind: str | None, most: int) -> None:
    """What waits, and what was given up with its error."""
    with database().transaction() as session:
        for line in backlog.figures(session):
            oldest = "" if line.oldest_seconds is None else f", the oldest for {line.oldest_seconds:.0f} s"
            click.echo(f"{line.kind}: {line.unfinished} unfinished{oldest}; {line.failed} failed")
        for row in backlog.failures(session, kind=kind, most=most):
            click.echo(f"  {row.kind} {row.key}  {row.attempts} attempts  {row.error}")


@work.command()
@click.argument("kind", type=click.Choice(sorted(LEDGER_JOBS)))
@click.argument("keys", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of this kind that failed.")
def retry(kind: str, keys: tuple[str, ...], *, everything: bool) -> None:
    """Try given-up work of KIND again, with its attempts afresh."""
    with database().transaction() as session:
        chosen = _failed(session, kind, keys, everything=everything)
        queued = given_up.retry(session, kind=kind, keys=chosen) if chosen else 0
    click.echo(f"Queued {queued}.")


@work.command()
@click.argument("kind", type=click.Choice(sorted(LEDGER_JOBS)))
@click.argument("keys", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of this kind that failed.")
def drop(kind: str, keys: tuple[str, ...], *, everything: bool) -> None:
    """Forget given-up work of KIND; of mail.send the mails too."""
    with database().transaction() as session:
        chosen = _failed(session, kind, keys, everything=everything)
        dropped = given_up.drop(session, kind=kind, keys=chosen) if chosen else 0
    click.echo(f"Dropped {dropped}.")


def _failed(session: Session, kind: str, keys: tuple[str, ...], *, everything: bool) -> list[str]:
    if bool(keys) == everything:
        msg = "Name the keys, or say --all."
        raise click.UsageError(msg)
    failed = [row.key for row in backlog.failures(session, kind=kind, most=100_000)]
    return [key for key in failed if everything or key in keys]
