"""Signed JWTs for access, refresh and known devices (RFC 7519, RFC 8725), with a key ring so that keys can change."""

import base64
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

import jwt

from shared.errors import Refusal
from shared.settings import Settings

ISSUER: Final = "delete"
AUDIENCE: Final = "delete-clients"
Kind = Literal["access", "refresh", "device"]
SKEW: Final = 5.0  # seconds by which the clock of whoever issued a token may be ahead
_REQUIRED: Final = ["sub", "sid", "type", "exp", "iat", "jti", "iss", "aud"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says: whose it is, of which session, and its own id (for a refresh token: its secret)."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    jti: str
    expires_at: datetime | None = field(default=None, compare=False)
    """Of a token that was read."""


class KeyRing:
    """The signing key and the earlier ones that are still believed; `kid` tells them apart without giving them away."""

    def __init__(self, values: Settings) -> None:
        self._algorithm = values.algorithm
        self._keys = {_kid(key): key for key in (*values.retired_secret_keys, values.secret_key)}
        self._current = _kid(values.secret_key)
        self._successor_keys = [
            hmac.digest(key.encode(), b"refresh successor", "sha256")
            for key in (values.secret_key, *values.retired_secret_keys)
        ]

    def issue(self, kind: Kind, claims: Claims, *, issued: datetime, expires: datetime) -> str:
        """A signed token; the same arguments give the same token."""
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(claims.user_id),
            "sid": str(claims.session_id),
            "type": kind,
            "jti": claims.jti,
            "iat": int(issued.timestamp()),
            "exp": int(expires.timestamp()),
        }
        return jwt.encode(payload, self._keys[self._current], self._algorithm, headers={"kid": self._current})

    def read(self, token: str, kind: Kind) -> Claims:
        """Check everything about a token but the session it names.

        Raises:
            Refusal: `token_expired` or `token_invalid`.
        """
        try:
            key = self._keys[str(jwt.get_unverified_header(token)["kid"])]
            payload: dict[str, Any] = jwt.decode(
                token,
                key,
                [self._algorithm],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": _REQUIRED},
                leeway=SKEW,
            )
            if payload["type"] != kind:
                raise Refusal("token_invalid", f"This is not {'an' if kind == 'access' else 'a'} {kind} token.")
            expires_at = datetime.fromtimestamp(payload["exp"], UTC)
            return Claims(uuid.UUID(payload["sub"]), uuid.UUID(payload["sid"]), str(payload["jti"]), expires_at)
        except jwt.ExpiredSignatureError:
            raise Refusal("token_expired") from None
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError, AttributeError, OverflowError):
            raise Refusal("token_invalid") from None

    def successor(self, secret: str) -> str:
        """The secret that follows this one: always the same, so that a retried refresh gets the very same answer."""
        return self.successors(secret)[0]

    def successors(self, secret: str) -> list[str]:
        """The same under each key: the signing key may have changed between a refresh and its retry."""
        return [_text(hmac.digest(key, secret.encode(), "sha256")) for key in self._successor_keys]


def new_secret() -> str:
    """A fresh random secret of 256 bits."""
    return _text(secrets.token_bytes(32))


def secret_hash(secret: str) -> bytes:
    """What is stored of a secret; it is random, so a fast hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def _kid(key: str) -> str:
    return hashlib.sha256(b"kid:" + key.encode()).hexdigest()[:12]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
