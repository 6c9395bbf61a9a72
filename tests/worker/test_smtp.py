"""How a server is talked to: encrypted where it can be, and never waited for long."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.database import Database
from shared.jobs import SEND_MAIL
from tests.mail_server import Postbox
from tests.worker.mails import person, post, row, work_off
from worker import smtp

Configure = Callable[..., None]
Trust = Callable[[Path | None], None]


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trust]:
    """Trust a certificate; with none, those that everybody trusts."""

    def change(path: Path | None) -> None:
        if path is None:
            monkeypatch.delenv("SSL_CERT_FILE")
        else:
            monkeypatch.setenv("SSL_CERT_FILE", str(path))
        smtp._trusted.cache_clear()

    yield change
    smtp._trusted.cache_clear()


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """Of a server whose certificate, `cert.pem` there, nobody has signed but itself."""
    cert, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


def test_encryption_from_the_first_byte(
    committed: Database, configured: Configure, tmp_path: Path, tls: ssl.SSLContext, trust: Trust
) -> None:
    box = Postbox()
    configured(SMTP_URL=f"smtps://localhost:{box.port}", LEASE_SCALE="0.05")
    post(committed, person(committed))
    with box.open(tls, at_once=True):
        work_off(committed)
        assert box.got == []
        trust(tmp_path / "cert.pem")
        work_off(committed)
    assert len(box.got) == 1


def test_a_server_that_says_nothing_is_not_waited_for_long(committed: Database, configured: Configure) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        configured(SMTP_URL=f"smtp://127.0.0.1:{mute.getsockname()[1]}", LEASE_SCALE="0.05")
        mail_id = post(committed, person(committed))
        began = time.monotonic()
        work_off(committed)
        assert time.monotonic() - began < SEND_MAIL.soft_limit
    waits = row(committed, mail_id)
    assert waits is not None
    assert waits.due_at is not None
    assert waits.error is not None
    assert "timed out" in waits.error


def test_a_password_is_only_told_to_a_server_that_proves_who_it_is(
    committed: Database, configured: Configure, tmp_path: Path, tls: ssl.SSLContext, trust: Trust
) -> None:
    box, mail_id = Postbox(), post(committed, person(committed))
    with_password = f"smtp://ada:right%2Fone@localhost:{box.port}"
    configured(SMTP_URL=with_password)
    with box.open():
        work_off(committed)
    with box.open(tls):
        work_off(committed)
        assert (box.logins, box.got) == ([], [])
        waits = row(committed, mail_id)
        assert waits is not None
        assert waits.error is not None
        assert "certificate" in waits.error.lower()
        trust(tmp_path / "cert.pem")
        work_off(committed)
        assert box.logins == [(b"ada", b"right/one")]
        assert box.encrypted == [True]
        trust(None)
        post(committed, person(committed))
        configured(SMTP_URL=box.url)
        work_off(committed)
        assert box.encrypted == [True, True], "encrypted where it can be, also without a password"


def test_what_is_trusted_is_read_once() -> None:
    assert smtp._trusted() is smtp._trusted()
    assert smtp._untrusted() is smtp._untrusted()
    assert smtp._trusted().verify_mode == ssl.CERT_REQUIRED
