"""A client that costs little: HTTP/1.1 on one connection, one request at a time, that tells an answer from none."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1"
IDLE = 30.0  # seconds after which a connection is not trusted any more: the server may be closing it just now
BOUNDARY = "b0undary"


class Lost(Exception):  # noqa: N818 - not a fault of ours
    """No answer came. Whether the request was done, nobody knows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said, and how long it took."""

    status: int
    headers: dict[str, str]
    content: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        """The code of an error in the standard form; empty for anything else."""
        try:
            error = self.json["error"]
            whole = set(error) == {"code", "message", "details", "request_id"}
            return str(error["code"]) if whole and error["request_id"] == self.headers["x-request-id"] else ""
        except (ValueError, KeyError, TypeError):
            return ""


class Wire:
    """One connection, opened when it is needed."""

    def __init__(self, port: int, *, timeout: float) -> None:
        self._port, self._timeout = port, timeout
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used = 0.0

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str = "", picture: bytes | None = None, key: str = ""
    ) -> Answer:
        """Send, under an Idempotency-Key if there is one, and wait for the answer.

        Raises:
            Lost: there was none.
        """
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._exchange(_request(method, path, body, token, picture, key), began)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
            self.close()
            raise Lost(f"{type(error).__name__}: {error}") from None
        except asyncio.CancelledError:
            self.close()
            raise
        self._used = time.monotonic()
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._stream is not None:
            self._stream[1].transport.abort()
            self._stream = None

    async def _exchange(self, request: bytes, began: float) -> Answer:
        if self._stream is None or time.monotonic() - self._used > IDLE or self._stream[0].at_eof():
            self.close()
            self._stream = await asyncio.open_connection(HOST, self._port)
        reader, writer = self._stream
        writer.write(request)
        await writer.drain()
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(lines[0].split()[1]), headers, content, time.monotonic() - began)


def _request(method: str, path: str, body: Any, token: str, picture: bytes | None, key: str) -> bytes:
    content, kind = b"", "application/json"
    if picture is not None:
        disposition = 'form-data; name="file"; filename="photo.jpg"'
        head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\nContent-Type: image/jpeg\r\n\r\n"
        content = head.encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={BOUNDARY}"
    elif body is not None:
        content = json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if key:
        lines.append(f"Idempotency-Key: {key}")
    if content:
        lines.append(f"Content-Type: {kind}")
    if content or method != "GET":
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content
