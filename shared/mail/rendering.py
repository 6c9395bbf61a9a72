"""What a mail says: its templates filled in, as a message. For workers only, which alone have the template engine."""

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from email_validator import validate_email
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from shared.mail.models import Mail
from shared.mail.rules import KINDS, UNFOLDED
from shared.settings import Settings

TEMPLATES: Final = Path(__file__).parent / "templates"
QUOTED: Final = SMTP.clone(max_line_length=76)  # lines of bodies, RFC 2045


@dataclass(frozen=True, slots=True)
class Words:
    """The two bodies of a mail, which say the same."""

    text: str
    html: str


def words(kind: str, facts: dict[str, Any]) -> Words:
    """Both bodies of a kind of mail.

    Raises:
        jinja2.UndefinedError: the templates need something that is not among the facts.
    """
    given = {"subject": KINDS[kind].subject, **facts}
    text, html = (_templates().get_template(f"{kind}.{ending}").render(given) for ending in ("txt", "html"))
    return Words(text.strip() + "\n", html)


def message(letter: Mail, said: Words, *, to: str, unsubscribe: str | None, values: Settings) -> EmailMessage:
    """The mail of a row. However often it is made, its Message-ID is the same, so that a doubled one is recognised.

    `unsubscribe` is the address that switches its kind off with one click (RFC 8058).
    """
    name, sender = parseaddr(values.mail_from)
    made = EmailMessage(policy=QUOTED)
    made["From"] = Address(name, addr_spec=sender)
    local, _, domain = _deliverable(to).rpartition("@")
    made["To"] = Address(username=local, domain=domain)
    made["Subject"] = KINDS[letter.kind].subject
    made["Date"] = format_datetime(letter.created_at)
    made["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office notes, please
    if unsubscribe is not None:
        made["List-Unsubscribe"] = f"<{unsubscribe}>"
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # As it is where it can be: whoever opens the file of a mail in development reads its link.
    made.set_content(said.text, cte="7bit" if said.text.isascii() else "quoted-printable")
    made.add_alternative(said.html, subtype="html", cte="quoted-printable")
    made.policy = UNFOLDED  # only now that the bodies are made
    return made


def _deliverable(address: str) -> str:
    """With its domain in ASCII, where the rest is: not every server knows other addresses."""
    return validate_email(address, check_deliverability=False, test_environment=True).ascii_email or address


@lru_cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
