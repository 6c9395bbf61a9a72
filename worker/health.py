"""Whether a queue's messages are taken, for an orchestrator: `python -m worker.health QUEUE` ends with 0 or 1."""

import sys

import click
from sqlalchemy.exc import SQLAlchemyError

from shared import health
from shared.database import database
from shared.jobs import QUEUES


@click.command()
@click.argument("queue", type=click.Choice(QUEUES))
def main(queue: str) -> None:
    """Say when a worker of QUEUE last took beat's message and wrote it down; `inspect ping` proves neither.

    The heartbeat is the queue's, not one process's, and needs beat, Redis and Postgres: good for an alarm, or to hold
    a deployment back; not for killing what is unhealthy, which would restart every worker when beat is down, or while
    a backlog is worked through so long that the heartbeats behind it expire.
    """
    try:
        seconds = database().call(health.seconds_since_heartbeats).get(queue)
    except SQLAlchemyError as error:
        sys.exit(f"{queue}: the database does not answer ({type(error).__name__})")
    if seconds is None:
        sys.exit(f"{queue}: no worker has taken a heartbeat yet")
    if seconds > health.STALE_AFTER:
        sys.exit(f"{queue}: the last heartbeat was taken {seconds:.0f} s ago")
    click.echo(f"{queue}: a heartbeat was taken {seconds:.0f} s ago")


if __name__ == "__main__":
    main()
