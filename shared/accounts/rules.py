"""The rules of accounts: pure functions and tables of values."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

USERNAME: Final = r"^[a-z0-9_.]{3,30}$"
BIO_LENGTH: Final = 500
NAME_LENGTH: Final = 50
PASSWORD_LENGTHS: Final = (8, 128)
DISTINCT_CHARACTERS: Final = 4  # NIST SP 800-63B: refuse repetitive secrets

COMPLETENESS: Final[dict[str, tuple[int, str]]] = {
    # part of a profile: its share in percent, and what to say while it is missing
    "photo": (40, "Add a photo, so that people can see you."),
    "bio": (20, "Write a few words about yourself."),
    "gender": (20, "Say which gender you are, so that the right people find you."),
    "location": (20, "Share roughly where you are, to meet people nearby."),
}


def age(birth_date: date, today: date) -> int:
    """Whole years lived; somebody born on 29 February has a birthday on 1 March in common years."""
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


def password_weakness(password: str, *, about: tuple[str | None, ...] = ()) -> str | None:
    """Why this password is refused, in words for its owner; None when it is good.

    By NIST SP 800-63B: a length, a list of common and breached ones, nothing of one's own name, and no rules on what
    characters it must have.
    """
    least, most = PASSWORD_LENGTHS
    if not least <= len(password) <= most:
        return f"A password has {least} to {most} characters."
    if len(set(password)) < DISTINCT_CHARACTERS:
        return "This password repeats the same few characters."
    folded = password.casefold()
    if folded in _common_passwords():
        return "This password is among the most common ones, so it would be guessed at once."
    if any(part and folded == part.casefold() for part in about):
        return "A password must not be your own name or address."
    return None


def time_zone_known(name: str) -> bool:
    """Whether this is an IANA time zone."""
    return name in _time_zones()


def completeness(has: Mapping[str, bool]) -> tuple[int, list[str]]:
    """(percent, what is missing in words) of a profile that has these parts of COMPLETENESS."""
    percent = sum(share for part, (share, _) in COMPLETENESS.items() if has[part])
    return percent, [words for part, (_, words) in COMPLETENESS.items() if not has[part]]


@lru_cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache
def _common_passwords() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - 3 MB that only sign-up needs

    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= PASSWORD_LENGTHS[0])
