"""A system of its own, in real processes, with a way to break each part of it."""

import asyncio
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import psutil
from redis import Redis

from dev import parts
from dev.supervisor import Program, Supervisor, run_once, wait_for
from tests.faults.proxy import Proxy
from tests.mail_server import Postbox, text_of, token_of
from tests.stack import Stack
from tests.unlimited import UNLIMITED
from tests.wire import Lost, Wire

DISK_MB = 256
ENVIRONMENT = {
    **UNLIMITED,
    "LIKES_PER_DAY": "1000",
    "LIKES_PER_MINUTE": "1000",
    "REFUSALS_UNTIL_PAUSE": "100",
    "REPORTERS_UNTIL_HIDDEN": "100",
    "MOVES_PER_DAY": "1000",
    "QUIZ_RETAKE_DAYS": "0",
    "REFRESH_GRACE_SECONDS": "120",  # somebody tries as long as a fault and what follows it can last
    "MAIL_AFTER_MINUTES": "1",
    "EXPORTS_PER_DAY": "100",
    "ERASURE_GRACE_DAYS": "0",
    "LOG_LEVEL": "WARNING",
}


@dataclass
class System:
    """Everything that runs. The stores are its own; the applications reach them through proxies."""

    folder: Path
    stack: Stack
    stores: Supervisor
    database_url: str
    redis_url: str
    database: Proxy
    redis: Proxy
    box: Postbox
    disk: "Disk"
    posted: list[tuple[str, float]] = field(default_factory=list)
    """(Message-ID, when) of each mail that the server took."""
    mailed: dict[str, list[str]] = field(default_factory=dict)
    """Tokens of the links in them, by address."""
    _mail: ExitStack = field(default_factory=ExitStack)

    @property
    def media(self) -> Path:
        return self.disk.folder / "media"

    def kill_store(self, name: str, how: signal.Signals) -> None:
        """Send a signal to Postgres or Redis; one that ends is started again."""
        os.kill(json.loads(self.stores.pids.read_text())[name], how)

    def flush(self) -> None:
        """Redis forgets everything."""
        with Redis.from_url(self.redis_url) as client:
            client.flushall()

    def limit_redis(self, most: int) -> None:
        """Redis takes nothing more beyond so many bytes; 0: as before."""
        with Redis.from_url(self.redis_url) as client:
            client.config_set("maxmemory", most)

    def take_mail(self, message: EmailMessage) -> None:
        """The server has one more."""
        self.posted.append((str(message["Message-ID"]), time.monotonic()))
        if "?token=" in text_of(message):
            self.mailed.setdefault(str(message["To"]), []).append(token_of(message))

    def open_mail(self) -> None:
        """The mail server is there."""
        self._mail.enter_context(self.box.open())

    def close_mail(self) -> None:
        """The mail server is away."""
        self._mail.close()

    async def until_api_answers(self) -> None:
        """Wait until the API serves, database and all."""
        wire = Wire(self.stack.api_port, timeout=5)

        async def serves() -> bool:
            with suppress(Lost):
                answer = await wire.ask("GET", "/v1/health")
                return answer.status == 200 or answer.json["error"]["details"]["db"] == "ok"
            return False

        assert await wait_for(serves, timeout=60, every=0.2), "the API did not come back"
        wire.close()


class Disk:
    """A disk that can be full: a small file system where we may mount one, else a limit on how long files may be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "faults", str(folder)]
        self.is_own = os.geteuid() == 0 and not subprocess.run(mount, check=False, capture_output=True).returncode

    def fill(self, stack: Stack) -> None:
        """No room for another byte."""
        if not self.is_own:
            self._limit(stack, 0)
            return
        free = shutil.disk_usage(self.folder).free
        with suppress(OSError), (self.folder / "ballast").open("wb") as ballast:
            for _ in range(free // 1_000_000 + 1):
                ballast.write(bytes(1_000_000))

    def free(self, stack: Stack) -> None:
        """Room again."""
        if not self.is_own:
            self._limit(stack, resource.RLIM_INFINITY)
            return
        (self.folder / "ballast").unlink(missing_ok=True)

    def remove(self) -> None:
        """Take it away."""
        if self.is_own:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)

    @staticmethod
    def _limit(stack: Stack, size: int) -> None:
        if sys.platform != "linux":  # where there is no way to limit another process
            return
        for name, pid in stack.pids().items():
            if name.startswith(("api", "worker")):
                for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
                    with suppress(psutil.Error):
                        _, most = process.rlimit(psutil.RLIMIT_FSIZE)
                        process.rlimit(psutil.RLIMIT_FSIZE, (size, most))


@asynccontextmanager
async def running(folder: Path, env: dict[str, str], *, seed: int) -> AsyncIterator[System]:
    """Start everything, and stop it at the end."""
    stores = Supervisor(folder / "stores.json")
    disk = Disk(folder / "disk")
    try:
        with parts.new_cluster(folder / "postgres") as made:
            assert made is not None
            assert not await run_once("initdb", made[0], parts.environment(), user=made[1], quiet=True)
        postgres = parts.postgres(folder / "postgres", port=parts.free_port())
        redis = parts.redis(folder / "redis", port=parts.free_port())
        for name, part, how in (("postgres", postgres, signal.SIGINT), ("redis", redis, signal.SIGTERM)):
            quiet = ["sh", "-c", f'exec "$@" >> {folder}/{name}.log 2>&1', "sh", *part.argv]
            (folder / f"{name}.log").touch()
            (folder / f"{name}.log").chmod(0o666)
            await stores.start(Program(name, quiet, parts.environment(), 0, part.user, how))
        assert await wait_for(lambda: asyncio.to_thread(parts.ensure_database, postgres.url), timeout=60)
        assert await wait_for(lambda: asyncio.to_thread(parts.redis_answers, redis.url), timeout=60)
        async with Proxy(_port(postgres.url), seed=seed) as database, Proxy(_port(redis.url), seed=seed) as messenger:
            box = Postbox()
            settings = {
                **ENVIRONMENT,
                "DATABASE_URL": postgres.url.replace(str(_port(postgres.url)), str(database.port)),
                "REDIS_URL": redis.url.replace(str(_port(redis.url)), str(messenger.port)),
                "STORAGE_URL": f"file://{disk.folder}/media",
                "SMTP_URL": box.url,
                **env,
            }
            stack = Stack(folder / "dev", settings)
            system = System(folder, stack, stores, postgres.url, redis.url, database, messenger, box, disk)
            box.on_data = system.take_mail
            system.open_mail()
            await asyncio.to_thread(stack.start)
            try:
                yield system
            finally:
                await asyncio.to_thread(stack.stop)
                system.close_mail()
    finally:
        await stores.stop()
        disk.remove()


def second_beat(stack: Stack) -> subprocess.Popen[str]:
    """Start another beat beside the one that runs."""
    return stack.popen(sys.executable, "-m", "celery", "--quiet", "-A", "beat", "beat", "-l", "ERROR")


def _port(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])
