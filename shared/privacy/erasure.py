"""Erasing an account when its grace is over: in small parts, each a transaction, that can end and go on anywhere."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import audit, holdings, ledger
from shared.accounts.models import Status, User
from shared.holdings import Deleted, Emptied, Files, Listed, Rewritten
from shared.ledger import Claim, LostFence
from shared.matching import matches
from shared.privacy.registry import REGISTRY

PAGE: Final = 100  # things whose files are deleted together
ERASED: Final = "erased"


class LeftBehind(Exception):  # noqa: N818 - it says what is so
    """Something is still there after all was taken out."""


def begin(session: Session, claimed: Claim, *, now: datetime) -> bool:
    """Whether the account is to be erased now. From here on nothing brings it back: nobody can log in to what is left.

    Before the end of its grace, matches are ended that were being made while the account was deleted, and the rest
    waits. An account that has come back is left alone.

    Raises:
        LostFence: it came back in this moment; let it roll everything back.
    """
    user = session.get(User, uuid.UUID(claimed.key))
    if user is None:  # all but what is left behind was erased before
        return True
    if user.status != Status.DELETING or user.erase_at is None:
        ledger.finish(session, claimed)
        return False
    matches.end_all(session, user, now=now)
    session.refresh(user)
    if user.status != Status.DELETING or user.erase_at is None:
        raise LostFence(claimed.job.name, claimed.key)
    if user.erase_at > now:
        ledger.put_off(session, claimed, until=user.erase_at)
        return False
    _strip(user)
    session.flush()
    ledger.hold(session, claimed)
    return True


def _strip(user: User) -> None:
    """Take away who it was. The address is free for another account, and no password opens this one.

    Nobody's verified hash is the one that it has now, which is what keeps a login that waited from bringing it back.
    """
    user.email, user.username, user.password_hash = f"{user.id}@erased.invalid", None, ERASED
    user.name, user.bio, user.gender, user.contact_hash = "", "", None, None
    user.latitude = user.longitude = None


def things(session: Session, files: Files, *, user_id: uuid.UUID, after: uuid.UUID | None) -> Sequence[uuid.UUID]:
    """Some things of a person that may have files, after one of them; none at the end."""
    ids = files.things(user_id).subquery().c[0]
    page = select(ids).order_by(ids).limit(PAGE)
    return session.scalars(page if after is None else page.where(ids > after)).all()


def take_out(session: Session, claimed: Claim, held: Deleted | Emptied | Rewritten) -> int:
    """Take a person out of some rows of one column; of how many.

    Raises:
        LostFence: the work is somebody else's; let it roll everything back.
    """
    number = held.take_out(session, uuid.UUID(claimed.key))
    ledger.hold(session, claimed)
    return number


def walk(session: Session, claimed: Claim, listed: Listed, *, after: Any) -> tuple[Any, int]:  # noqa: ANN401 - a key
    """Take a person out of a page of lists; where to go on, or None, and in how many they were.

    Raises:
        LostFence: as in `take_out`.
    """
    found = listed.walk(session, uuid.UUID(claimed.key), after)
    ledger.hold(session, claimed)
    return found


def finish(session: Session, claimed: Claim) -> None:
    """End the work, having looked into every column that could hold the person.

    Raises:
        LeftBehind: there is something left, for an operator to see.
        LostFence: as in `take_out`.
    """
    user_id = uuid.UUID(claimed.key)
    for one in REGISTRY:
        for job in one.work:
            ledger.cancel(session, job, claimed.key)
    found = remains(session, user_id=user_id)
    if found:
        raise LeftBehind(", ".join(found))
    audit.record(session, actor_id=None, action="user.erased", user_id=user_id)  # to be done again after a restore
    ledger.finish(session, claimed)


def remains(session: Session, *, user_id: uuid.UUID) -> Sequence[str]:
    """The columns in which something of a person is that should be gone; lists are not looked into."""
    return holdings.left(session, REGISTRY, user_id)
