"""Servers under test: started, sent many requests at once, and asked what processor time that took."""

import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psutil
import psycopg

from dev import parts

CONNECTIONS: Final = 16
_START: Final = 60.0  # seconds until a server must answer


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    process: psutil.Process
    port: int

    def run(self, requests: Iterable[bytes], *, status: int) -> float:
        """Send requests on many connections; the processor seconds that each took the server."""
        todo = list(requests)
        before = self.process.cpu_times()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            shares = [todo[number::CONNECTIONS] for number in range(CONNECTIONS)]
            list(pool.map(lambda share: self.send(share, status=status), shares))
        after = self.process.cpu_times()
        return (after.user + after.system - before.user - before.system) / len(todo)

    def send(self, requests: Iterable[bytes], *, status: int) -> list[float]:
        """Send requests one after the other on one connection; how many seconds each took."""
        return [seconds for seconds, _ in self._exchange(requests, status)]

    def read(self, request: bytes) -> bytes:
        """The body of the answer to one request."""
        return next(iter(self._exchange([request], 200)))[1]

    def _exchange(self, requests: Iterable[bytes], status: int) -> Iterator[tuple[float, bytes]]:
        """(seconds, body) of each."""
        with socket.create_connection((parts.HOST, self.port), timeout=30) as connection:
            for request in requests:
                began = time.perf_counter()
                connection.sendall(request)
                head, _, body = connection.recv(262_144).partition(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 %d" % status):
                    message = f"Unexpected answer: {head[:200]!r} {body[:200]!r}"
                    raise SystemExit(message)
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                while len(body) < size:
                    body += connection.recv(262_144)
                yield time.perf_counter() - began, body


@contextmanager
def api(env: dict[str, str]) -> Iterator[Server]:
    """The product's API."""
    with _server([sys.executable, "-m", "api"], env) as server:
        yield server


@contextmanager
def floor(application: str, env: dict[str, str]) -> Iterator[Server]:
    """What it is measured against: an application of this package on the same server program."""
    options = ["--log-level", "warning", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    with _server([sys.executable, "-m", "uvicorn", application, *options], env, port_option=True) as server:
        yield server


@contextmanager
def _server(argv: list[str], env: dict[str, str], *, port_option: bool = False) -> Iterator[Server]:
    port = parts.free_port()
    if port_option:
        argv = [*argv, "--port", str(port)]
    process = subprocess.Popen(argv, env={**env, "API_PORT": str(port)})
    try:
        deadline = time.monotonic() + _START
        while not parts.answers(port):
            if time.monotonic() > deadline:
                message = f"{' '.join(argv)} did not start"
                raise SystemExit(message)
            time.sleep(0.1)
        yield Server(psutil.Process(process.pid), port)
    finally:
        process.terminate()
        process.wait(30)


def sign_in(connection: psycopg.Connection, people: str, *, hours: int = 1) -> list[tuple[uuid.UUID, str]]:
    """(id, access token) of those whom a query gives, who are signed in from now on for so long."""
    from shared.accounts.tokens import Claims, KeyRing  # noqa: PLC0415 - only now do the settings point at these stores
    from shared.settings import settings  # noqa: PLC0415

    keys, now = KeyRing(settings()), datetime.now(UTC)
    signed_in = connection.execute(
        "INSERT INTO sessions (id, user_id, token_hash, idle_until, expires_at)"
        f" SELECT gen_random_uuid(), id, '', now() + '1 day', now() + '1 day' FROM ({people}) p RETURNING user_id, id"
    ).fetchall()
    return [
        (user_id, keys.issue("access", Claims(user_id, session, "x"), issued=now, expires=now + timedelta(hours=hours)))
        for user_id, session in signed_in
    ]
