"""Files in a local folder or an S3-compatible bucket. The object comes first, then the row that names it."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore, S3Store, from_url

from shared import clock
from shared.settings import settings

MEDIA_PATH: Final = "/media/"
_SIGNATURE_BYTES: Final = 16
_PART: Final = 5 * 1024 * 1024  # bytes that a bucket takes at a time, at the least
_PIECE: Final = 256 * 1024
_BLOCK: Final = 64  # bytes, of SHA-256

# The signature of `key` in Postgres, which has SHA-256 but no HMAC: RFC 2104 with the keys of `Signing`.
SIGNATURE_SQL: Final = f"""translate(encode(substr(sha256(:outer || sha256(:inner || convert_to({{key}}, 'UTF8'))),
    1, {_SIGNATURE_BYTES}), 'base64'), '+/=', '-_')"""


@dataclass(frozen=True, slots=True)
class Signing:
    """Until when links are good, and the two keys of HMAC that sign them."""

    expires: int
    inner: bytes
    outer: bytes


class Storage:
    """The files of one STORAGE_URL. Keys are relative paths that we make; a client's name is never part of one."""

    def __init__(self, url: str, *, secret: str, link_life: timedelta) -> None:
        self._secret = secret.encode()
        self._life = link_life
        self._folder: Path | None = None
        self._signing: Signing | None = None
        parts = urlsplit(url)
        if parts.scheme == "file":
            self._folder = Path(unquote(parts.path))
            self._store: LocalStore | S3Store = LocalStore(self._folder, automatic_cleanup=True, mkdir=True)
        elif parts.scheme == "s3":
            # The library's own patience is three minutes, which no request has.
            store = from_url(url, retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=10)})
            assert isinstance(store, S3Store)
            self._store = store
        else:
            raise SystemExit(f"STORAGE_URL must begin with file:/// or s3://, not {url}")

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Store the bytes; replaces what was there."""
        obstore.put(self._store, key, data, attributes=self._attributes(media_type))

    async def put_stream(self, key: str, chunks: AsyncIterable[bytes], media_type: str) -> None:
        """Store the chunks as they come; when the source raises, nothing is stored."""
        await obstore.put_async(self._store, key, aiter(chunks), attributes=self._attributes(media_type))

    def put_download(self, key: str, chunks: Iterable[bytes], media_type: str, *, name: str) -> None:
        """Store chunks as they come, to be downloaded under a name; when the source raises, nothing is stored.

        What is held of them does not grow with their number.
        """
        attributes = self._attributes(media_type)
        if attributes is not None:
            attributes |= {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        obstore.put(self._store, key, iter(chunks), attributes=attributes, chunk_size=_PART, max_concurrency=1)

    def get(self, key: str) -> bytes:
        """The whole object.

        Raises:
            FileNotFoundError: there is none.
        """
        return bytes(obstore.get(self._store, key).bytes())

    async def get_async(self, key: str) -> bytes:
        """`get`, without blocking the event loop."""
        return bytes(await (await obstore.get_async(self._store, key)).bytes_async())

    def chunks(self, key: str) -> Iterator[bytes]:
        """The object piece by piece.

        Raises:
            FileNotFoundError: there is none; at once, and not when the first piece is taken.
        """
        return (bytes(chunk) for chunk in obstore.get(self._store, key).stream(min_chunk_size=_PIECE))

    async def chunks_async(self, key: str) -> tuple[int, AsyncIterator[bytes]]:
        """(its bytes, the object piece by piece), without blocking the event loop.

        Raises:
            FileNotFoundError: there is none.
        """
        found = await obstore.get_async(self._store, key)
        return found.meta["size"], (bytes(chunk) async for chunk in found.stream(min_chunk_size=_PIECE))

    def delete(self, keys: Sequence[str]) -> None:
        """Delete the objects; those that are gone already are no error."""
        for key in keys:
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                continue

    def delete_unfinished(self, prefix: str, age: timedelta) -> None:
        """Delete what uploads left behind that ended with their process.

        In a local folder that is a file `name#number`, which `list` does not show. A bucket does it by itself, given a
        lifecycle rule that aborts incomplete multipart uploads.
        """
        if self._folder is not None:
            for path in (self._folder / prefix).glob("*#*"):
                if older_than(datetime.fromtimestamp(path.stat().st_mtime, UTC), age):
                    path.unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """(key, last modified) of everything below a folder."""
        for batch in obstore.list(self._store, prefix):
            for entry in batch:
                yield entry["path"], entry["last_modified"]

    def url(self, key: str) -> str:
        """A link that is good for between half and the whole of the link life.

        A bucket's presigned URL, or for a local folder a path below the API's root. The local expiry is rounded, so
        that a picture keeps its address for a while and caches can work.
        """
        if isinstance(self._store, S3Store):
            return obstore.sign(self._store, "GET", key, self._life)
        expires = self._expires()
        return f"{MEDIA_PATH}{key}?expires={expires}&signature={self._sign(key, expires)}"

    def link(self, key: str, *, until: datetime) -> str:
        """A link that is good until a moment, to the second."""
        if isinstance(self._store, S3Store):
            return obstore.sign(self._store, "GET", key, max(until - clock.now(), timedelta(seconds=1)))
        expires = int(until.timestamp())
        return f"{MEDIA_PATH}{key}?expires={expires}&signature={self._sign(key, expires)}"

    def signing(self) -> "Signing | None":
        """What Postgres needs to make the links of a whole page; None where links are a bucket's.

        The key is good for links that expire at this one moment, so that whoever sees it, in a log of statements for
        example, cannot make others.
        """
        if not self.is_local:
            return None
        expires = self._expires()
        if self._signing is None or self._signing.expires != expires:
            key = self._key(expires).ljust(_BLOCK, b"\0")
            self._signing = Signing(expires, *(bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C)))
        return self._signing

    def seconds_left(self, key: str, *, expires: int, signature: str) -> int | None:
        """How long a local link is still good; None when it is not, or never was."""
        left = expires - int(clock.now().timestamp())
        genuine = hmac.compare_digest(self._sign(key, expires).encode(), signature.encode("utf-8", "replace"))
        return left if genuine and left > 0 else None

    @property
    def is_local(self) -> bool:
        """Whether the API serves the files itself."""
        return isinstance(self._store, LocalStore)

    def _expires(self) -> int:
        half = int(self._life.total_seconds() / 2)
        return (int(clock.now().timestamp()) // half + 2) * half

    def _key(self, expires: int) -> bytes:
        return hmac.digest(self._secret, f"media\n{expires}".encode(), "sha256")

    def _sign(self, key: str, expires: int) -> str:
        digest = hmac.digest(self._key(expires), key.encode(), "sha256")
        return base64.urlsafe_b64encode(digest[:_SIGNATURE_BYTES]).rstrip(b"=").decode()

    def _attributes(self, media_type: str) -> dict[str, str] | None:
        return None if self.is_local else {"Content-Type": media_type, "Cache-Control": "private"}


def older_than(moment: datetime, age: timedelta) -> bool:
    """Whether a file's modification lies at least `age` back."""
    return clock.now() - moment.astimezone(UTC) >= age


@lru_cache
def storage() -> Storage:
    """The storage of this process."""
    values = settings()
    derived = hashlib.sha256(b"media:" + values.secret_key.encode()).hexdigest()
    return Storage(
        values.storage_url, secret=values.media_secret or derived, link_life=timedelta(hours=values.media_url_hours)
    )
