"""What is kept of banned people so that they do not come back: hashes, which say nothing to who reads them."""

import hashlib
import uuid
from collections.abc import Iterable
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared.accounts.models import Ban, BanKind, User
from shared.settings import settings

_DOTLESS: Final = frozenset({"gmail.com", "googlemail.com"})  # to whom a dot in an address means nothing


def mailbox(email: str) -> str:
    """The one spelling of an address whose mails reach the same mailbox: without what stands after a plus."""
    local, _, domain = email.strip().lower().rpartition("@")
    local = local.partition("+")[0]
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def hashed(kind: BanKind, value: str) -> bytes:
    """SHA-256 with CONTACT_SALT, which is chosen once: bans outlive every key that can change."""
    return hashlib.sha256(f"{settings().contact_salt}:ban:{kind}:{value}".encode()).digest()


Seen = tuple[bytes | None, str | None, str | None]
"""Of a photo: SHA-256 of the upload, perceptual hash, dominant colour. All are empty until it was processed."""


def keep(session: Session, user: User, *, case_id: uuid.UUID, photos: Iterable[Seen]) -> None:
    """Keep hashes of a banned person's address, username and photos."""
    names = [Ban(case_id=case_id, kind=BanKind.EMAIL, hash=hashed(BanKind.EMAIL, mailbox(user.email)))]
    if user.username is not None:
        names.append(Ban(case_id=case_id, kind=BanKind.USERNAME, hash=hashed(BanKind.USERNAME, user.username)))
    seen = {digest: (fingerprint, color) for digest, fingerprint, color in photos if digest is not None}
    session.add_all(names)
    session.add_all(
        Ban(case_id=case_id, kind=BanKind.PHOTO, hash=digest, fingerprint=fingerprint, color=color)
        for digest, (fingerprint, color) in seen.items()
    )
    session.flush()


def lift(session: Session, *, case_id: uuid.UUID) -> None:
    """Forget what was kept when this case was decided."""
    session.execute(delete(Ban).where(Ban.case_id == case_id))


def is_banned(session: Session, kind: BanKind, value: str) -> bool:
    """Whether this address or username is that of somebody who was banned."""
    value = mailbox(value) if kind == BanKind.EMAIL else value
    return (
        session.scalar(select(Ban.kind).where(Ban.kind == kind, Ban.hash == hashed(kind, value)).limit(1)) is not None
    )
