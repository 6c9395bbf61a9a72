"""Contacts that a person never wants to meet here, known by hashes only."""

from collections.abc import Collection

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.accounts.service import lock
from shared.matching.models import ContactHash


def replace(session: Session, user: User, *, hashes: Collection[bytes]) -> int:
    """Keep exactly these hashes (see `accounts.rules.contact_hash`); how many. Nobody is told, and nobody can ask."""
    lock(session, user.id)
    session.execute(delete(ContactHash).where(ContactHash.user_id == user.id, ContactHash.hash.not_in(hashes)))
    if hashes:
        rows = [{"user_id": user.id, "hash": one} for one in hashes]
        session.execute(insert(ContactHash).values(rows).on_conflict_do_nothing())
    return count(session, user)


def count(session: Session, user: User) -> int:
    """How many hashes are kept."""
    return session.scalar(select(func.count()).where(ContactHash.user_id == user.id)) or 0
