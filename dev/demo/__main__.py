"""Make the demo's people: `python -m dev.demo`, beside a running system whose workers finish what is begun here."""

import os
import sys
import time
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dev.demo import meetings, people, talks
from dev.demo.cast import DOMAIN, PASSWORD, STARS, Role, cast
from shared import clock
from shared.accounts.models import User
from shared.accounts.passwords import hash_password
from shared.accounts.service import reconsider
from shared.database import database
from shared.photos.models import Photo, PhotoStatus
from shared.settings import settings

BATCH: Final = 10
PATIENCE: Final = 600.0  # seconds for the workers to finish the pictures
POLITE: Final = 10  # of niceness: whoever looks at the demo goes before whoever makes it
DAYS: Final = 6.0  # in which they have liked each other


def main() -> None:
    """Make whoever is missing; what is there already stays as it is."""
    values = settings()
    if values.environment != "development":
        sys.exit("People for a demo are made in development only.")
    os.nice(POLITE)
    roles = cast(values.demo_people)
    if not roles:
        return
    came = _join(roles)
    _wait_for_pictures()
    met = _meet(roles)
    if came or met:  # whoever came first has seen nobody yet
        database().call(_rank_anew)
    _tell(f"{len(roles)} people are here ({came} new), with {met} new likes")
    for star in STARS:  # again: the greeting is far above by now
        _tell(f"  {values.public_url}/demo  log in as {star.username}, password {PASSWORD}")


def _join(roles: list[Role]) -> int:
    with database().transaction() as session:
        here = people.known(session)
    missing = [role for role in roles if role.email not in here]
    password_hash = hash_password(PASSWORD) if missing else ""
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        database().call(people.join, batch, password_hash=password_hash, now=clock.now())
        _tell(f"{len(roles) - len(missing) + start + len(batch)} of {len(roles)} people")
    return len(missing)


def _wait_for_pictures() -> None:
    """Likes may be about pictures, and nobody is shown without one."""
    began = told = time.monotonic()
    while (left := database().call(_unfinished)) and time.monotonic() - began < PATIENCE:
        if time.monotonic() - told > 5:  # noqa: PLR2004 - seconds between two lines
            told = time.monotonic()
            _tell(f"workers have {left} pictures to finish")
        time.sleep(0.3)


def _unfinished(session: Session) -> int:
    theirs = select(User.id).where(User.email.endswith(f"@{DOMAIN}", autoescape=True))
    waiting = Photo.user_id.in_(theirs) & (Photo.status == PhotoStatus.PROCESSING)
    return session.scalar(select(func.count()).select_from(Photo).where(waiting)) or 0


def _meet(roles: list[Role]) -> int:
    """Let them like each other, spread over the last days; how many likes are new."""
    planned = meetings.intents(roles)
    now, step = clock.now(), timedelta(days=DAYS) / (len(planned) + 1)
    met = 0
    for start in range(0, len(planned), BATCH):
        with database().transaction() as session:
            here = people.known(session)
            for place, intent in enumerate(planned[start : start + BATCH], start):
                when = now - timedelta(days=DAYS) + step * place
                new = meetings.like(session, here, intent, now=when)
                met += new is not None
                if new is not None and new.match_id is not None:
                    talks.begin(session, here, intent, match_id=new.match_id, now=when)
    return met


def _rank_anew(session: Session) -> None:
    reconsider(session, *(user.id for user in people.known(session).values()))


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for the log of `make up`


if __name__ == "__main__":
    main()
