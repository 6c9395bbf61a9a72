"""Suspending an account, for a time or for good, and bringing it back."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import audit, events
from shared.accounts.models import Status, User
from shared.accounts.service import lock_all, reconsider


def begin(session: Session, person: User, *, until: datetime | None) -> None:
    """Suspend somebody until then, or for good, whatever held before. Lock them first.

    Their sessions live on, for their notices to be read and objected to; nothing else works. An account that is being
    deleted stays so, and would come back suspended.
    """
    before = person.deleting_from if person.status == Status.DELETING else person.status
    if before != Status.SUSPENDED:
        # Who is paused by dating is so only while they date, which may end meanwhile.
        person.suspended_from = Status.ACTIVE if person.paused_by_dating else before
    _set(person, Status.SUSPENDED)
    person.suspended_until = until
    session.flush()
    events.note(session, user_id=person.id, kind=events.ENDED, data={})
    reconsider(session, person.id)


def holds(person: User, *, until: datetime) -> bool:
    """Whether somebody is suspended until then already, or for longer: no suspension cuts another one short."""
    if Status.SUSPENDED not in {person.status, person.deleting_from}:
        return False
    return person.suspended_until is None or person.suspended_until >= until


def end(session: Session, person: User) -> bool:
    """Bring somebody back to the state that they were suspended from; whether they were. Lock them first."""
    if Status.SUSPENDED not in {person.status, person.deleting_from}:
        return False
    _set(person, Status.PAUSED if person.dating_match_id else Status(person.suspended_from or Status.ACTIVE))
    person.suspended_until = person.suspended_from = None
    session.flush()
    reconsider(session, person.id)
    return True


def _set(person: User, status: Status) -> None:
    """The state of an account, or the one that it would come back to."""
    if person.status == Status.DELETING:
        person.deleting_from = status
    else:
        person.status = status


def end_due(session: Session, *, now: datetime, most: int = 500) -> int:
    """Bring back those whose suspension has ended; how many."""
    due = (User.status == Status.SUSPENDED, User.suspended_until <= now)
    ids = lock_all(session, session.scalars(select(User.id).where(*due).order_by(User.suspended_until).limit(most)))
    people = session.scalars(select(User).where(User.id.in_(ids), *due).execution_options(populate_existing=True)).all()
    for person in people:
        end(session, person)
        audit.record(session, actor_id=None, action="user.suspension_ended", user_id=person.id)
    return len(people)
