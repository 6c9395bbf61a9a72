"""P4: how much slower the slowest requests are than the usual ones, at 16 connections to one API process."""

import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from typing import Final

from bench.report import Figure
from dev import parts
from dev.temporary import stores

CONNECTIONS: Final = 16
ROUNDS: Final = 5
SECONDS: Final = 4.0
_LARGEST_ANSWER: Final = 64 * 1024


def measure() -> list[Figure]:
    """The median over the rounds of p99 / p50, for a signed-in read of one's own account."""
    port = parts.free_port()
    with stores() as values:
        env = {**os.environ, **values, "API_PORT": str(port), "LOG_LEVEL": "WARNING", "BCRYPT_ROUNDS": "4"}
        env["RATE_LIMIT_DEFAULT"] = "1000000/minute"
        api = subprocess.Popen([sys.executable, "-m", "api"], env=env)
        try:
            request = _request(port)
            _round(port, request, seconds=2.0)  # warm
            rounds = [_round(port, request, seconds=SECONDS) for _ in range(ROUNDS)]
        finally:
            api.terminate()
            api.wait(30)
    p50, p99, ratio, rate = (statistics.median(column) for column in zip(*rounds, strict=True))
    return [
        Figure(
            id="P4",
            what=f"GET /v1/users/me: p99 / p50 at {CONNECTIONS} connections ({rate:.0f} requests/s)",
            unit="ms",
            product=p99 * 1000,
            floor=p50 * 1000,
            ratio=ratio,
            must=4.0,
            reach=2.5,
            better="lower",
        )
    ]


def _request(port: int) -> bytes:
    """Wait for the API, sign up, and write down the request that is measured."""
    body = {"email": "bench@example.com", "password": "engines of 1843", "name": "Ada", "birth_date": "1990-12-10"}
    deadline = time.monotonic() + 60
    while not parts.answers(port):
        if time.monotonic() > deadline:
            raise SystemExit("The API did not start")
        time.sleep(0.1)
    connection = HTTPConnection(parts.HOST, port)
    connection.request("POST", "/v1/auth/signup", json.dumps(body), {"Content-Type": "application/json"})
    token = json.load(connection.getresponse())["access_token"]
    connection.close()
    return f"GET /v1/users/me HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def _round(port: int, request: bytes, *, seconds: float) -> tuple[float, float, float, float]:
    """(p50, p99, p99 / p50, requests per second) of one round, times in seconds."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    threads = [threading.Thread(target=_client, args=(port, request, until, times)) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[98], cuts[98] / cuts[49], len(times) / seconds


def _client(port: int, request: bytes, until: float, times: list[float]) -> None:
    with socket.create_connection((parts.HOST, port), timeout=10) as connection:
        while (began := time.perf_counter()) < until:
            connection.sendall(request)
            answer = connection.recv(_LARGEST_ANSWER)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"Unexpected answer: {answer[:200]!r}")
            while not answer.endswith(b"}"):
                answer = connection.recv(_LARGEST_ANSWER)
            times.append(time.perf_counter() - began)
