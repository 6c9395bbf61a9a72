"""Signing what the admin console leaves with a browser, with keys that are good for nothing else."""

import hashlib
import hmac
from typing import Final, Literal

from shared.settings import Settings

Purpose = Literal["cookie", "flash", "form"]

_DERIVED: Final = b"admin console"


class Seal:
    """Signatures under keys derived from SECRET_KEY and the retired ones, so that a new one logs nobody out."""

    def __init__(self, values: Settings) -> None:
        keys = [
            hmac.digest(key.encode(), _DERIVED, "sha256") for key in (values.secret_key, *values.retired_secret_keys)
        ]
        self._keys = {_name(key): key for key in keys}
        self._current = _name(keys[0])

    def sign(self, purpose: Purpose, text: str) -> str:
        """A signature of this text that is good for this purpose only."""
        return f"{self._current}.{_mac(self._keys[self._current], purpose, text)}"

    def genuine(self, purpose: Purpose, text: str, signature: str) -> bool:
        """Whether one of the keys has signed this text for this purpose."""
        name, _, mac = signature.partition(".")
        key = self._keys.get(name)
        return key is not None and hmac.compare_digest(
            _mac(key, purpose, text).encode(), mac.encode("utf-8", "replace")
        )


def _mac(key: bytes, purpose: Purpose, text: str) -> str:
    return hmac.new(key, f"{purpose}\n{text}".encode(), "sha256").hexdigest()


def _name(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:12]
