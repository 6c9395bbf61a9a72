"""Handing a mail over: to the server of SMTP_URL, or, where there is none, to a file."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from shared.jobs import SEND_MAIL
from shared.mail.rules import masked
from shared.settings import settings
from worker.work import Hopeless

PATIENCE_SHARE: Final = 0.25  # of the task's soft limit, for each answer of a server
PORTS: Final = {"smtp": 25, "smtps": 465}
PERMANENT: Final = 500


class NotTaken(Exception):  # noqa: N818 - it will be tried again
    """No server has taken the mail yet."""


def hand_over(message: EmailMessage, *, name: str) -> None:
    """Give the mail to the server, or write it to MAIL_DIR under `name`, so that a repeated one replaces the first.

    Raises:
        Hopeless: the server refuses this mail, whenever it comes.
        NotTaken: it did not take it this time. Neither tells an address.
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
    return message.as_bytes(policy=message.policy.clone(utf8=_is_international(message)))


def _is_international(message: EmailMessage) -> bool:
    return not str(message["To"]).isascii()


def _send(message: EmailMessage, url: SplitResult) -> None:
    problem, hopeless = _attempt(message, url)
    # Raised here, where no exception of the library is at hand that a log would show with its addresses.
    if problem is not None:
        raise (Hopeless if hopeless else NotTaken)(masked(problem))


def _attempt(message: EmailMessage, url: SplitResult) -> tuple[str | None, bool]:
    """(what went wrong, whether it is for good)."""
    try:
        server = _connect(url)
    except (OSError, smtplib.SMTPException) as error:
        return f"cannot reach the mail server: {_words(error)}", False
    try:
        server.send_message(message)
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPNotSupportedError) as error:
        code, words = _answer(error)
        return f"refused by the mail server: {code} {words}", code >= PERMANENT
    except (OSError, smtplib.SMTPException) as error:
        return f"not taken by the mail server: {_words(error)}", False
    finally:
        _leave(server)
    return None, False


def _connect(url: SplitResult) -> smtplib.SMTP:
    """A session with the server, encrypted if it can be.

    Where there is a password it must be, and the certificate must be right. Without one a certificate proves nothing
    that matters, and many a relay next door has one that nobody signed.
    """
    patience = SEND_MAIL.soft_limit * PATIENCE_SHARE
    host, port = url.hostname or "localhost", url.port or PORTS[url.scheme]
    we = parseaddr(settings().mail_from)[1].rpartition("@")[2]  # the library would ask DNS who we are, and wait for it
    trusted = ssl.create_default_context()
    if url.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, we, timeout=patience, context=trusted)
    else:
        server = smtplib.SMTP(host, port, we, timeout=patience)
    try:
        server.ehlo_or_helo_if_needed()
        if url.scheme == "smtp" and (server.has_extn("starttls") or url.password):
            server.starttls(context=trusted if url.password else _untrusted())
            server.ehlo()
        if url.username and url.password:
            server.login(unquote(url.username), unquote(url.password))
    except BaseException:
        _leave(server)
        raise
    return server


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


def _answer(error: smtplib.SMTPException) -> tuple[int, str]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return code, _text(words)
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code, _text(error.smtp_error)
    return PERMANENT, str(error)  # the server knows no such addresses


def _words(error: OSError | smtplib.SMTPException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return f"{type(error).__name__}: {error}"


def _text(words: bytes | str) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words
