"""The rules of accounts: pure functions and tables of values."""

import hashlib
from datetime import date
from functools import lru_cache
from importlib.metadata import distribution
from runpy import run_path
from typing import Final
from zoneinfo import available_timezones

USERNAME: Final = r"^[a-z0-9_.]{3,30}$"
ADULT: Final = 18  # years
OLDEST: Final = 99  # as the highest age that somebody seeks it means: and older
BIO_LENGTH: Final = 500
NAME_LENGTH: Final = 50
# To Postgres these are abbreviations, which know no summer time. The IANA has made them links to these zones.
_ABBREVIATIONS: Final = {
    "CET": "Europe/Brussels",
    "EET": "Europe/Athens",
    "MET": "Europe/Brussels",
    "WET": "Europe/Lisbon",
}
PASSWORD_LENGTHS: Final = (8, 128)
DISTINCT_CHARACTERS: Final = 4  # NIST SP 800-63B: refuse repetitive secrets


def age(birth_date: date, today: date) -> int:
    """Whole years lived; somebody born on 29 February has a birthday on 1 March in common years."""
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


def public_age(birth_date: date, today: date) -> int:
    """The age that others are told and search by, whose day is that of UTC.

    Somebody may turn 18, and join, where the day has come hours before: nobody here is ever younger.
    """
    return max(ADULT, age(birth_date, today))


def years_before(today: date, years: int) -> date:
    """The latest birth date of somebody who is `years` old or older today."""
    try:
        return today.replace(year=today.year - years)
    except ValueError:  # 29 February, and no leap year then: whoever was born on 1 March is younger
        return date(today.year - years, 2, 28)


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


def contact_hash(address: str, salt: str) -> bytes:
    """The hash by which somebody's contacts find this e-mail address or phone number (in the form of E.164)."""
    return hashlib.sha256(f"{salt}:{address.strip().lower()}".encode()).digest()


def time_zone_known(name: str) -> bool:
    """Whether this is an IANA time zone."""
    return name in _time_zones()


def plain_time_zone(name: str) -> str:
    """The name by which a known time zone is kept, which means the same to Python and to Postgres."""
    return _ABBREVIATIONS.get(name, name)


@lru_cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime"}  # a file of the machine, which Postgres does not know


@lru_cache
def _common_passwords() -> frozenset[str]:
    # The package itself, once imported, keeps 14 MB of which this is all that we want; its one module of lists is read
    # and let go.
    lists = run_path(str(distribution("zxcvbn").locate_file("zxcvbn/frequency_lists.py")))["FREQUENCY_LISTS"]
    return frozenset(word for word in lists["passwords"] if len(word) >= PASSWORD_LENGTHS[0])
