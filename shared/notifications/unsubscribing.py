"""Signed tokens by which a mail program, or a person, switches one kind of mail off without logging in (RFC 8058).

They are good for ever, and for nothing else: an old mail's link must still work.
"""

import base64
import hmac
import uuid
from typing import Final

from shared.notifications.rules import Mailed
from shared.settings import Settings

_MAC: Final = 16  # bytes


def token_for(user_id: uuid.UUID, kind: Mailed, values: Settings) -> str:
    """The token for a person and a kind."""
    said = user_id.bytes + kind.encode()
    return base64.urlsafe_b64encode(_sign(said, values.secret_key) + said).rstrip(b"=").decode()


def read(token: str, values: Settings) -> tuple[uuid.UUID, Mailed] | None:
    """Whom and what a token names; None when it is not one of ours. Retired keys are honoured."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        mac, said = raw[:_MAC], raw[_MAC:]
        found = uuid.UUID(bytes=said[:16]), Mailed(said[16:].decode())
    except ValueError:
        return None
    keys = (values.secret_key, *values.retired_secret_keys)
    return found if any(hmac.compare_digest(mac, _sign(said, key)) for key in keys) else None


def _sign(said: bytes, secret: str) -> bytes:
    return hmac.digest(hmac.digest(secret.encode(), b"unsubscribe", "sha256"), said, "sha256")[:_MAC]
