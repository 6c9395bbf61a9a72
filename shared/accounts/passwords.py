"""Hashing passwords: bcrypt over SHA-256, so that nothing is cut at 72 bytes. Slow on purpose; call it on a thread."""

from functools import lru_cache

from passlib.context import CryptContext

from shared.settings import settings


@lru_cache
def _policy() -> CryptContext:
    rounds = settings().bcrypt_rounds
    # Not `rounds`, which is also the most: lowering the setting would weaken stored hashes one login after the other.
    return CryptContext(["bcrypt_sha256"], bcrypt_sha256__default_rounds=rounds, bcrypt_sha256__min_rounds=rounds)


@lru_cache
def dummy_hash() -> str:
    """What the passwords of unknown accounts are verified against; made early, or the first would take longer."""
    return hash_password("nobody's password")


def hash_password(password: str) -> str:
    """The hash to store."""
    return str(_policy().hash(password))


def verify_password(password: str, stored: str | None) -> tuple[bool, str | None]:
    """(whether it is right, a new hash to store when the policy has become stronger).

    Without a stored hash (no such account, or one that no password opens) it takes the same time and is wrong.
    """
    if stored is not None and not _policy().identify(stored):
        stored = None
    right, renewed = _policy().verify_and_update(password, stored or dummy_hash())
    return bool(right) and stored is not None, renewed if stored else None
