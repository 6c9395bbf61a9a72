"""Clients of live events: a real server in a process of its own, and WebSockets and streams to it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from dev import parts
from tests.stack import ROOT

WITHIN = 10.0  # seconds in which whatever is waited for must come


@dataclass
class Api:
    """An API process."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop it as an operator does, unless it has ended."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(45)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextmanager
def api(**env: str) -> Iterator[Api]:
    """An API on the stores of the test."""
    port = parts.free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "api"], cwd=ROOT, env={**os.environ, "API_PORT": str(port), "LOG_LEVEL": "ERROR", **env}
    )
    running = Api(process, port)
    try:
        deadline = time.monotonic() + 60
        while not parts.answers(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield running
    finally:
        running.stop()


@dataclass
class Socket:
    """A WebSocket of somebody, and all that has come."""

    connection: ClientConnection
    frames: list[dict[str, Any]] = field(default_factory=list)

    def read(self, kind: str | None = None, *, within: float = WITHIN) -> dict[str, Any]:
        """The next frame, or the next of a type."""
        deadline = time.monotonic() + within
        while True:
            frame: dict[str, Any] = json.loads(self.connection.recv(max(0.01, deadline - time.monotonic())))
            self.frames.append(frame)
            if kind in {None, frame["type"]}:
                return frame

    def is_silent(self, seconds: float = 0.5) -> bool:
        """Whether nothing comes."""
        try:
            self.frames.append(json.loads(self.connection.recv(seconds)))
        except TimeoutError:
            return True
        return False

    def closed(self, *, within: float = WITHIN) -> tuple[int, str]:
        """(code, reason) with which the server closes it."""
        with suppress(ConnectionClosed):
            while True:
                self.connection.recv(within)
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""

    def say(self, **frame: Any) -> None:
        self.connection.send(json.dumps(frame))


@contextmanager
def websocket(running: Api, token: str, **opening: Any) -> Iterator[Socket]:
    """A WebSocket that begins with a frame: a `since` in it asks what was missed."""
    with connect(f"ws://127.0.0.1:{running.port}/v1/ws", ping_interval=None) as connection:
        socket = Socket(connection)
        socket.say(type="auth", token=token, **opening)
        if "since" in opening:
            socket.read("ready")
        yield socket


@contextmanager
def stream(running: Api, token: str, **headers: str) -> Iterator[Iterator[dict[str, str]]]:
    """Server-sent events, each as its fields."""
    with (
        httpx2.Client(timeout=WITHIN) as client,
        client.stream(
            "GET", f"{running.url}/v1/events", headers={"Authorization": f"Bearer {token}", **headers}
        ) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
        elif fields:
            yield fields
            fields = {}
