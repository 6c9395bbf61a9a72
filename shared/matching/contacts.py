"""Contacts that a person never wants to meet here, known by hashes only."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.accounts.service import lock_all
from shared.matching import matches
from shared.matching.models import ContactHash, Match


def replace(session: Session, user: User, *, hashes: Collection[bytes], now: datetime) -> int:
    """Keep exactly these hashes (see `accounts.rules.contact_hash`); how many. Nobody is told."""
    dating = select(Match.low_id, Match.high_id).where(Match.id == user.dating_match_id)
    lock_all(session, {user.id, *(person for pair in session.execute(dating) for person in pair)})
    session.refresh(user)
    session.execute(delete(ContactHash).where(ContactHash.user_id == user.id, ContactHash.hash.not_in(hashes)))
    if hashes:
        rows = [{"user_id": user.id, "hash": one} for one in hashes]
        session.execute(insert(ContactHash).values(rows).on_conflict_do_nothing())
    matches.end_dating_apart(session, user, now=now)
    return count(session, user)


def count(session: Session, user: User) -> int:
    """How many hashes are kept."""
    return session.scalar(select(func.count()).where(ContactHash.user_id == user.id)) or 0
