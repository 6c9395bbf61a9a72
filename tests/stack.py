"""The whole system in real processes, as `make up` starts it, for tests that kill parts of it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg

from dev import parts
from tests.people import PASSWORD
from tests.unlimited import UNLIMITED

ROOT = Path(__file__).parent.parent
OWN_SETTINGS = (
    "DATABASE_URL",
    "REDIS_URL",
    "STORAGE_URL",
    "MAIL_DIR",
)  # of the tests around it, which the stack must not share


@dataclass(frozen=True)
class Memory:
    """MB that are resident now, and that were at most (known on Linux only; elsewhere the same as now)."""

    resident: float
    peak: float

    @classmethod
    def of(cls, process: psutil.Process) -> "Memory":
        """Of one process, without its children."""
        resident = process.memory_info().rss / 1024**2
        status = Path(f"/proc/{process.pid}/status")
        peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
        return cls(resident, int(peak[1]) / 1024 if peak else resident)


@dataclass
class Stack:
    """One `make up` in a folder of its own, on free ports."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    clients: list["LiveClient"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api_port, self.flower_port = parts.free_port(), parts.free_port()
        self.url = f"http://127.0.0.1:{self.api_port}"

    def start(self, *, seconds: float = 90) -> None:
        """Start, and wait until it says that it is up."""
        inherited = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS}
        env = {
            **inherited,
            **UNLIMITED,
            "DEV_DIR": str(self.folder),
            "API_PORT": str(self.api_port),
            "FLOWER_PORT": str(self.flower_port),
            "BCRYPT_ROUNDS": "4",
            "DEMO_PEOPLE": "0",
            **self.env,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dev.up"], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_for(lambda: self.process.poll() is not None or self.said("Delete is up"), seconds=seconds)
        assert self.process.poll() is None, self.log()

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Stop as Ctrl-C does; the exit code."""
        for client in self.clients:
            client.http.close()
        self.process.send_signal(how)
        code = self.process.wait(60)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def said(self, pattern: str) -> bool:
        """Whether a line of the log matches."""
        return any(re.search(pattern, line) for line in list(self.lines))

    def log(self) -> str:
        """The log so far."""
        return "\n".join(self.lines)

    def pids(self) -> dict[str, int]:
        """Who runs under which pid now."""
        pids: dict[str, int] = json.loads((self.folder / "pids.json").read_text())
        return pids

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to one part (for workers, to the whole process group, children too)."""
        pid = self.pids()[name]
        if name.startswith("worker") and how == signal.SIGKILL:
            os.killpg(pid, how)
        else:
            os.kill(pid, how)

    def workers(self) -> list[str]:
        """The names of the worker nodes."""
        return [name for name in self.pids() if name.startswith("worker")]

    def memory(self) -> dict[str, "Memory"]:
        """What each process of each part holds and has held."""
        found = {}
        for name, pid in self.pids().items():
            for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
                found[f"{name}/{process.pid}"] = Memory.of(process)
        return found

    def addresses(self) -> dict[str, str]:
        """The URLs of the stores."""
        return dict(line.split("=", 1) for line in (self.folder / "stack.env").read_text().splitlines())

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a command against the stack."""
        process = self.popen(*argv)
        stdout, stderr = process.communicate(timeout=120)
        return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)

    def popen(self, *argv: str) -> subprocess.Popen[str]:
        """Start a command against the stack."""
        env = {**os.environ, **self.env, **self.addresses()}
        return subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        with psycopg.connect(self.addresses()["DATABASE_URL"], connect_timeout=5) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def client(self) -> "LiveClient":
        """Somebody new, signed up over HTTP."""
        self.clients.append(LiveClient(self.url))
        return self.clients[-1]

    @staticmethod
    def wait_for(what: Callable[[], bool], *, seconds: float, every: float = 0.1) -> None:
        """Poll until it is true."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, "this took too long"
            time.sleep(every)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            self.lines.append(raw.decode(errors="replace").rstrip())


class LiveClient:
    """Somebody who talks to a running API."""

    def __init__(self, url: str) -> None:
        self.http = httpx2.Client(base_url=url, timeout=30)
        body = {
            "email": f"{uuid.uuid4().hex}@example.com",
            "password": PASSWORD,
            "name": "Ada",
            "birth_date": "1990-12-10",
        }
        answer = self.http.post("/v1/auth/signup", json=body)
        assert answer.status_code == 201, answer.text
        self.email = body["email"]
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def upload(self, data: bytes) -> httpx2.Response:
        """Upload a photo."""
        return self.http.post("/v1/profile/photos", files={"file": ("photo.jpg", data, "image/jpeg")})

    def photo(self, photo_id: str) -> dict[str, Any]:
        """One photo as the API shows it now."""
        answer = self.http.get(f"/v1/profile/photos/{photo_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def processed(self, photo_id: str, *, seconds: float = 60) -> dict[str, Any]:
        """The photo once it is no longer processing."""
        Stack.wait_for(lambda: self.photo(photo_id)["status"] != "processing", seconds=seconds, every=0.2)
        return self.photo(photo_id)
