"""First words of those who have matched: written in turn, the last of them not read yet."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from random import Random

from sqlalchemy.orm import Session

from dev.demo.meetings import Intent
from dev.demo.people import logged_in
from dev.demo.words import TALKS
from shared import clock
from shared.accounts.models import User
from shared.database import one
from shared.messaging import messages
from shared.messaging.messages import Draft
from shared.messaging.statements import SEND


def begin(session: Session, people: Mapping[str, User], intent: Intent, *, match_id: uuid.UUID, now: datetime) -> None:
    """Have two who have just matched write to each other; nobody who looks now is told."""
    for writer, text, when in _lines(people, intent, now=now):
        messages.mark_read(session, writer, match_id=match_id, up_to=None, now=when)
        with logged_in(session, writer, now=when) as claims:
            wanted = Draft(match_id, text)
            messages.sent(one(session, SEND, messages.draft(claims, wanted, now=when)), wanted, writer.id)
        session.expire_all()  # the statement has changed the match, of which the session knows nothing


def _lines(people: Mapping[str, User], intent: Intent, *, now: datetime) -> Iterator[tuple[User, str, datetime]]:
    """Who writes what and when. Whoever answered the like writes first."""
    numbers = intent.liker.number, intent.liked.number  # 1 and 2 of Ada and Ben, who get the first talk
    random = Random(f"talk {numbers}")
    two = people[intent.liker.email], people[intent.liked.email]
    for place, text in enumerate(TALKS[(sum(numbers) - 3) % len(TALKS)]):
        now = min(now + timedelta(minutes=random.uniform(1, 40)), clock.now())
        yield two[place % 2], text, now
