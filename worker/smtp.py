"""Handing a mail over: to the server of SMTP_URL, or, where there is none, to a file."""

import re
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from celery.exceptions import SoftTimeLimitExceeded

from shared.jobs import SEND_MAIL
from shared.mail.rules import UNFOLDED, masked
from shared.settings import settings
from worker.work import Hopeless

PATIENCE_SHARE: Final = 0.05  # of the task's soft limit, for each answer of a server
ANSWER_SHARE: Final = 0.7  # of it, for the answer to a whole mail: who gives up earlier sends it twice
PORTS: Final = {"smtp": 25, "smtps": 465}
YES: Final = 2  # what the codes of good answers begin with
GO_ON: Final = 354
TEMPORARY: Final = 400
PERMANENT: Final = 500
_DETAILED: Final = re.compile(rb"5\.(\d+)\.\d+")
_LEADING_DOT: Final = re.compile(rb"^\.", re.MULTILINE)


class NotTaken(Exception):  # noqa: N818 - it will be tried again
    """No server has taken the mail yet."""


class Unconfirmed(Exception):  # noqa: N818 - it will be tried again, a few times
    """A server was given the whole mail, and nobody knows whether it has it."""


Problem: TypeAlias = Hopeless | NotTaken | Unconfirmed


def hand_over(message: EmailMessage, *, name: str) -> None:
    """Give the mail to the server, or write it to MAIL_DIR under `name`, so that a repeated one replaces the first.

    Raises:
        Hopeless: the server refuses this mail, whenever it comes.
        NotTaken: it did not take it this time.
        Unconfirmed: it may have taken it. None of them tells an address.
    """
    url = settings().smtp_url
    if url is None:
        _write(message, Path(settings().mail_dir) / f"{name}.eml")
    else:
        _send(message, urlsplit(url))


def _write(message: EmailMessage, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(_bytes(message))
    unfinished.replace(path)


def _bytes(message: EmailMessage) -> bytes:
    return message.as_bytes(policy=UNFOLDED.clone(utf8=_is_international(message)))


def _is_international(message: EmailMessage) -> bool:
    return not str(message["To"]).isascii()


def _send(message: EmailMessage, url: SplitResult) -> None:
    problem = _attempt(message, url)
    # Raised here, where no exception of the library is at hand that a log would show with its addresses.
    if problem is not None:
        raise type(problem)(masked(str(problem)))


def _attempt(message: EmailMessage, url: SplitResult) -> Problem | None:
    """What went wrong."""
    try:
        server = _connect(url)
    except (OSError, smtplib.SMTPException) as error:
        return NotTaken(f"cannot reach the mail server: {_words(error)}")
    try:
        return _give(server, message) or _answer(server)
    except (OSError, smtplib.SMTPException) as error:
        return NotTaken(f"not taken by the mail server: {_words(error)}")
    finally:
        _leave(server)


def _give(server: smtplib.SMTP, message: EmailMessage) -> Problem | None:
    """Everything until the dot that ends a mail. Until then no server may send it on."""
    (sender,), (to,) = message["From"].addresses, message["To"].addresses
    international = _is_international(message)
    if international and not server.has_extn("smtputf8"):
        return Hopeless("refused by the mail server: it takes no such addresses")
    code, words = server.mail(sender.addr_spec, ["SMTPUTF8", "BODY=8BITMIME"] if international else [])
    if not _is_yes(code):
        return NotTaken(f"not taken by the mail server: {code} {_text(words)}")
    code, words = server.rcpt(to.addr_spec)
    if not _is_yes(code):
        return _refusal(code, words, about_us=_is_about_us(words))
    code, words = server.docmd("DATA")
    if code != GO_ON:
        return _refusal(code, words)
    server.send(_LEADING_DOT.sub(b"..", _bytes(message)) + b".\r\n")
    return None


def _answer(server: smtplib.SMTP) -> Problem | None:
    """What the server says to a whole mail. Many look at its content before, and take minutes (RFC 5321, 4.5.3.2.6)."""
    try:
        if server.sock is not None:
            server.sock.settimeout(SEND_MAIL.soft_limit * ANSWER_SHARE)
        code, words = server.getreply()
    except (OSError, smtplib.SMTPException, SoftTimeLimitExceeded) as error:
        return Unconfirmed(f"sent, but the mail server did not say so: {_words(error)}")
    if _is_yes(code):
        return None
    if code < TEMPORARY:
        return Unconfirmed(f"sent, but the mail server answered: {code} {_text(words)}")
    return _refusal(code, words)


def _is_yes(code: int) -> bool:
    return code // 100 == YES


def _refusal(code: int, words: bytes, *, about_us: bool = False) -> Problem:
    said = f"refused by the mail server: {code} {_text(words)}"
    return Hopeless(said) if code >= PERMANENT and not about_us else NotTaken(said)


def _is_about_us(words: bytes) -> bool:
    """Whether a recipient was refused for what we are or do (RFC 3463), and so will not be once that is mended.

    It may be 5.7.1, "relaying denied", to everybody. Only 5.1 and 5.2 are about an address and its mailbox.
    """
    detailed = _DETAILED.match(words)
    return detailed is not None and detailed[1] not in {b"1", b"2"}


def _connect(url: SplitResult) -> smtplib.SMTP:
    """A session with the server, encrypted if it can be.

    Where there is a password it must be, and the certificate must be right. Without one a certificate proves nothing
    that matters, and many a relay next door has one that nobody signed.
    """
    patience = SEND_MAIL.soft_limit * PATIENCE_SHARE
    host, port = url.hostname or "localhost", url.port or PORTS[url.scheme]
    we = parseaddr(settings().mail_from)[1].rpartition("@")[2]  # the library would ask DNS who we are, and wait for it
    if url.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, we, timeout=patience, context=_trusted())
    else:
        server = smtplib.SMTP(host, port, we, timeout=patience)
    try:
        server.ehlo_or_helo_if_needed()
        if url.scheme == "smtp" and (server.has_extn("starttls") or url.password):
            server.starttls(context=_trusted() if url.password else _untrusted())
            server.ehlo()
        if url.username and url.password:
            server.login(unquote(url.username), unquote(url.password))
    except BaseException:
        _leave(server)
        raise
    return server


@lru_cache
def _trusted() -> ssl.SSLContext:
    """Kept: reading all the authorities that are trusted takes longer than handing a mail over."""
    return ssl.create_default_context()


@lru_cache
def _untrusted() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _leave(server: smtplib.SMTP) -> None:
    """Hang up. What the server says to that changes nothing: it has answered for the mail."""
    try:
        if server.sock is not None:
            server.sock.settimeout(1)
            server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return f"{type(error).__name__}: {error}"


def _text(words: bytes | str) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words
