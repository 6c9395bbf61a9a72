"""`make up`: the whole system on this machine, in the foreground, with one log."""

import asyncio
import contextlib
import fcntl
import http.client
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dev import parts
from dev.demo.cast import PASSWORD, STARS
from dev.supervisor import Program, Supervisor, run_once, say, wait_for
from shared.jobs import QUEUES
from shared.settings import Settings, settings

STORES, APPLICATIONS = 0, 1
PYTHON: Final = sys.executable
PATIENCE: Final = 60.0  # seconds for a part to answer; a first start on a slow disk takes a while


def main() -> None:
    """Start everything and stay until Ctrl-C or SIGTERM."""
    began = time.monotonic()
    values = settings()
    folder = Path(values.dev_dir).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "media").mkdir(mode=0o700, exist_ok=True)
        (folder / ".writable").touch()
    except OSError as error:
        sys.exit(f"Cannot write {folder} ({error.strerror}): make it writable, or choose another: make up DEV_DIR=…")
    with _only_one(folder):
        _require_ports(values)
        (folder / "stack.env").unlink(missing_ok=True)  # of one that was killed
        sys.exit(asyncio.run(_run(values, folder, began)))


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(f"Another `make up` uses {folder}: stop it, or choose another: make up DEV_DIR=…")
        os.set_inheritable(lock.fileno(), False)  # noqa: FBT003 - its only argument
        yield


def _require_ports(values: Settings) -> None:
    for name, host, port in (
        ("API_PORT", values.api_host, values.api_port),
        ("FLOWER_PORT", values.flower_host, values.flower_port),
    ):
        if not parts.port_is_free(host, port):
            sys.exit(f"Port {port} is in use: stop what uses it, or choose another: make up {name}={port + 1}")


async def _run(values: Settings, folder: Path, began: float) -> int:
    supervisor = Supervisor(folder / "pids.json")
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    starting = asyncio.create_task(_start(supervisor, values, folder, began))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    problem = None
    if not starting.done():
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
    elif starting.exception() is not None or (problem := starting.result()) is not None:
        stop.set()
    await stop.wait()
    say("up", problem or "stopping")
    await supervisor.stop()
    (folder / "stack.env").unlink(missing_ok=True)
    if starting.done() and not starting.cancelled() and (error := starting.exception()) is not None:
        raise error
    say("up", "stopped" if problem is None else "stopped, because it could not start")
    return 0 if problem is None else 1


async def _start(supervisor: Supervisor, values: Settings, folder: Path, began: float) -> str | None:
    """Start the stores, bring the schema up to date, start the rest; what went wrong, if anything, in one line."""
    stack = {"STORAGE_URL": f"file://{folder}/media", "MAIL_DIR": f"{folder}/mail"}
    for name in ("storage_url", "mail_dir"):
        if name in values.model_fields_set:
            stack[name.upper()] = getattr(values, name)
    try:
        problem = await _start_stores(supervisor, values, folder, stack)
    except parts.Missing as missing:
        problem = str(missing)
    if problem is not None:
        return problem
    (folder / "stack.env").write_text("".join(f"{name}={value}\n" for name, value in stack.items()))
    here = values.public_url if "public_url" in values.model_fields_set else f"http://localhost:{values.api_port}"
    env = parts.environment(**stack, PUBLIC_URL=here, FLOWER_PERSISTENT="true", FLOWER_DB=str(folder / "flower"))
    if await run_once("migrate", [PYTHON, "-m", "alembic", "upgrade", "head"], env):
        return "The migrations failed; what they said is above"
    for program in _applications(values, env):
        await supervisor.start(program)
    if not await wait_for(lambda: asyncio.to_thread(_is_live, values), timeout=PATIENCE):
        return "The API did not answer; what it said is above"
    _greet(values, time.monotonic() - began, mail=stack["MAIL_DIR"])
    if makes_demo(values):
        supervisor.run_beside("demo", [PYTHON, "-m", "dev.demo"], env)
    return None


def makes_demo(values: Settings) -> bool:
    """Whether people for a demo are made: in development, and in somebody's own database only when that was said."""
    own = "database_url" in values.model_fields_set and "demo_people" not in values.model_fields_set
    return values.environment == "development" and values.demo_people > 0 and not own


async def _start_stores(supervisor: Supervisor, values: Settings, folder: Path, stack: dict[str, str]) -> str | None:
    """Start the embedded stores that no URL replaces, and put the URLs of both into `stack`."""
    env = parts.environment()
    stack["DATABASE_URL"], stack["REDIS_URL"] = values.database_url, values.redis_url
    embedded = "database_url" not in values.model_fields_set
    if embedded:
        with parts.new_cluster(folder / "postgres") as made:
            if made is not None and await run_once("postgres", made[0], env, user=made[1], quiet=True):
                raise parts.Missing("The data of Postgres could not be made; the last words are above")
        await asyncio.to_thread(parts.end_left_over, folder / "postgres")
        part = parts.postgres(folder / "postgres", port=parts.free_port())
        stack["DATABASE_URL"] = part.url
        # SIGINT: end the sessions, write everything down, stop; SIGTERM would wait for clients.
        await supervisor.start(Program("postgres", part.argv, env, STORES, part.user, signal.SIGINT))
    if "redis_url" not in values.model_fields_set:
        part = parts.redis(folder / "redis", port=parts.free_port())
        stack["REDIS_URL"] = part.url
        await supervisor.start(Program("redis", part.argv, env, STORES))
    database, redis = stack["DATABASE_URL"], stack["REDIS_URL"]
    database_answers = parts.ensure_database if embedded else parts.database_answers
    if not await wait_for(lambda: asyncio.to_thread(database_answers, database), timeout=PATIENCE):
        return f"Postgres does not answer at {parts.shown(database)}"
    if not await wait_for(lambda: asyncio.to_thread(parts.redis_answers, redis), timeout=PATIENCE):
        return f"Redis does not answer at {parts.shown(redis)} (if it is our own, see {folder}/redis/redis.log)"
    return None


def _applications(values: Settings, env: dict[str, str]) -> list[Program]:
    celery = [PYTHON, "-m", "celery", "--quiet"]
    programs = [Program("api", [PYTHON, "-m", "api"], env, APPLICATIONS)]
    # One node of one process per core is 1.6 times one node with two processes. The model is held by one of its own.
    general = ",".join(queue for queue in QUEUES if queue != "embeddings")
    nodes = {f"worker{number}": general for number in range(1, (values.dev_workers or os.cpu_count() or 1) + 1)}
    for number, (name, queues) in enumerate({**nodes, "worker_embeddings": "embeddings"}.items()):
        worker = [*celery, "-A", "worker", "worker", "-Q", queues, "-c", "1", "-n", f"{name}@%h"]
        flags = ["--without-gossip", "--without-mingle", "-l", values.log_level]
        port = values.worker_metrics_port
        own = {} if port is None else {"WORKER_METRICS_PORT": str(port + number)}
        programs.append(Program(name, [*worker, *flags], {**env, **own}, APPLICATIONS))
    programs.append(Program("beat", [*celery, "-A", "beat", "beat", "-l", values.log_level], env, APPLICATIONS))
    flower = [*celery, "-A", "beat", "flower", "--conf=beat/flower.py"]
    programs.append(Program("flower", flower, env, APPLICATIONS))
    return programs


def _is_live(values: Settings) -> bool:
    connection = http.client.HTTPConnection(values.api_host, values.api_port, timeout=1)
    try:
        connection.request("GET", "/v1/health/live")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def _greet(values: Settings, seconds: float, *, mail: str) -> None:
    host = "localhost" if values.api_host in {"127.0.0.1", "0.0.0.0"} else values.api_host  # noqa: S104 - compared
    demo: tuple[str, ...] = ()
    if makes_demo(values):
        logins = " or ".join(star.username for star in STARS)
        demo = (f"  demo    http://{host}:{values.api_port}/demo  (log in as {logins}, password {PASSWORD})",)
    for line in (
        "",
        f"Delete is up ({seconds:.1f} s). Ctrl-C stops it; its data stays in {values.dev_dir}",
        f"  API     http://{host}:{values.api_port}/v1/health",
        f"  docs    http://{host}:{values.api_port}/docs",
        f"  console http://{host}:{values.api_port}/admin  (README, For operators: how the first admin is made)",
        *demo,
        f"  Flower  http://{host}:{values.flower_port}  (user {values.flower_user}, password {values.flower_password})",
        f"  mail    {mail}" if values.smtp_url is None else "  mail    to the server of SMTP_URL",
        "",
    ):
        say("up", line)


if __name__ == "__main__":
    main()
