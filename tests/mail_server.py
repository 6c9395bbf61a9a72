"""A mail server for tests, which misbehaves towards whom it is told to, and mails as their readers see them."""

import asyncio
import email
import logging
import re
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from dev import parts

OK = "250 OK"
logging.getLogger("mail.log").setLevel(logging.ERROR)  # its words are not ours, and tell every address


class Postbox:
    """What a server was given, and how it behaves, by what an address begins with.

    `answers` to RCPT, and how `slow` it is after a whole mail, are for once; to the `silent` it never answers then.
    """

    def __init__(self) -> None:
        self.port = parts.free_port()
        self.got: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.answers: dict[str, list[str]] = {}
        self.slow: dict[str, float] = {}
        self.silent: set[str] = set()
        self.encrypted: list[bool] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.on_data: Callable[[EmailMessage], None] | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answers = self.answers.get(address.partition("@")[0], [])
        answer = answers.pop(0) if answers else OK
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer.format(address=address)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.got.append(message)
        self.raw.append(envelope.content)
        self.encrypted.append(session.ssl is not None)
        if self.on_data is not None:
            await asyncio.to_thread(self.on_data, message)
        if envelope.rcpt_tos[0].partition("@")[0] in self.silent:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        await asyncio.sleep(self.slow.pop(envelope.rcpt_tos[0].partition("@")[0], 0))
        return OK

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"right/one")

    def to(self) -> Counter[str]:
        """How many each address got."""
        return Counter(str(message["To"]) for message in self.got)

    @contextmanager
    def open(self, tls: ssl.SSLContext | None = None, *, at_once: bool = False) -> Iterator["Postbox"]:
        """With `tls` encryption is offered; with `at_once` it begins with the first byte."""
        more: dict[str, Any] = {}
        if tls:
            more = {"ssl_context": tls} if at_once else {"tls_context": tls, "authenticator": self.authenticate}
        controller = Controller(self, hostname="127.0.0.1", port=self.port, **more)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()


def text_of(message: EmailMessage) -> str:
    """Its plain part."""
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html_of(message: EmailMessage) -> str:
    """Its other part."""
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def token_of(message: EmailMessage) -> str:
    """The token of its link, which both parts have."""
    found = re.search(r"\?token=([\w-]+)", text_of(message))
    assert found is not None
    assert f"?token={found[1]}" in html_of(message)
    return found[1]
