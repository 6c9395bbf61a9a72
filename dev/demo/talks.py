"""First words of those who have matched: written in turn, the first by whoever answered the like."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from random import Random

from sqlalchemy.orm import Session

from dev.demo.meetings import Intent
from dev.demo.words import TALKS
from shared.accounts.models import User


def begin(session: Session, people: Mapping[str, User], intent: Intent, *, match_id: uuid.UUID, now: datetime) -> None:
    """Have two who have just matched write to each other.

    Here is the place for the messages: each of `lines` is one, by its writer at its moment.
    """


def lines(people: Mapping[str, User], intent: Intent, *, now: datetime) -> Iterator[tuple[User, str, datetime]]:
    """Who writes what and when."""
    random = Random(f"talk {intent.liker.number} {intent.liked.number}")
    two = people[intent.liker.email], people[intent.liked.email]
    for place, text in enumerate(random.choice(TALKS)):
        now += timedelta(minutes=random.uniform(1, 40))
        yield two[place % 2], text, now
