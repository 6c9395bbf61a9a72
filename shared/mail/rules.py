"""Every kind of mail, as data. A new one is a row here and two templates: `dev/mail/KIND.mjml` and `KIND.txt`."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from email.policy import SMTP
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mail. Its subject is always the same: nobody's words come into a header or onto lock screens."""

    subject: str
    switch: str | None = None
    """The kind of notification that it tells of, by which people can switch it off; none: it is about the account."""
    path: str = ""
    """Where its button leads, below the address of the app."""


KINDS: Final = {
    "verify_email": Kind("Please confirm your e-mail address", path="/verify"),
    "reset_password": Kind("Choose a new password", path="/reset"),
    "password_changed": Kind("Your password was changed", path="/login"),
    "login_ended": Kind("We ended one of your logins", path="/login"),
    "account_deleted": Kind("Your account is being deleted", path="/login"),
    "export_ready": Kind("Your data is ready", path="/exports"),
    "notice": Kind("A decision about your account", path="/notices"),
    "new_match": Kind("You have a new match", "match.created", path="/matches"),
    "message_waiting": Kind("A message is waiting for you", "message.created", path="/matches"),
}

# Headers on one line each, as long as RFC 5322 lets them be: a folded address to unsubscribe is one that a mail program
# does not find, and a long one would become encoded words.
UNFOLDED: Final = SMTP.clone(max_line_length=998)

MOST_IN_AN_HOUR: Final = 5  # mails of one kind that somebody can have sent to one person's mailbox
MOST_UNCONFIRMED: Final = 3  # mails given to a server that did not say whether it has them; it may have sent each
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
NAMES_SHOWN: Final = 3  # of several people that a mail tells of
SOMEBODY: Final = "Somebody"
DEVICE_LENGTH: Final = 80
ADDRESS: Final = "(address)"

# What a mail program would make a link of: in a name it is bait.
_BAIT: Final = re.compile(r"@|://|www\.|\w\.[^\W\d_]{2}", re.IGNORECASE)
_LINK: Final = re.compile(r"[@/\\]|:\w|www\.|\w\.[^\W\d_]{2}", re.IGNORECASE)
_ADDRESSES: Final = re.compile(  # looked for from the beginning of a word only: or a long one would take minutes
    r"(?<![^\s<>\"'()\[\],;:])[^\s<>\"'()\[\],;:]+@[^\s<>\"'()\[\],;:]+"
)
_TOKENS: Final = re.compile(r"(token=)[^\s&\"'<>]+", re.IGNORECASE)


def shown_name(name: str) -> str:
    """A person's name as mails show it: on one line, and nothing that would become a link."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    return SOMEBODY if not plain or _LINK.search(_as_read(plain)) else plain


def shown_device(device: str) -> str:
    """What a program says of itself, in short; nothing of one that would make a link."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in device).split())
    return "" if _BAIT.search(_as_read(plain)) else plain[:DEVICE_LENGTH]


def _as_read(text: str) -> str:
    """As a mail program reads it that looks for links: signs of all widths alike, every full stop a dot, no marks."""
    plain = unicodedata.normalize("NFKC", text).replace("。", ".")
    return "".join(char for char in plain if not unicodedata.category(char).startswith("M"))


def in_words(names: list[str]) -> str:
    """`Ada`, `Ada and Bob`, `Ada, Bob and 3 others`."""
    if len(names) == NAMES_SHOWN or len(names) < NAMES_SHOWN:
        head, last = names[:-1], names[-1]
    else:
        head, last = names[: NAMES_SHOWN - 1], f"{len(names) - NAMES_SHOWN + 1} others"
    return f"{', '.join(head)} and {last}" if head else last


def masked(text: str) -> str:
    """A mail server's words without addresses and tokens, which it likes to repeat; on one line, and not long."""
    plain = _TOKENS.sub(rf"\1{ADDRESS}", _ADDRESSES.sub(ADDRESS, text))
    return " ".join("".join(char if char.isprintable() else " " for char in plain).split())[:300]
