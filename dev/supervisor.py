"""Starts programs, prefixes what they print, starts them again when they end, and stops them in reverse order."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_COLORS: Final = (36, 33, 32, 35, 34, 96, 93, 92)
LINE_LIMIT: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Program:
    """A command to keep running. `stage` orders: a lower one starts earlier and stops later."""

    name: str
    argv: list[str]
    env: Mapping[str, str]
    stage: int
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 30.0
    """Seconds to stop in before it is killed."""


@dataclass(slots=True)
class _Running:
    program: Program
    process: asyncio.subprocess.Process
    keeper: asyncio.Task[None] | None = None
    stopping: bool = False


@dataclass(slots=True)
class Supervisor:
    """Keeps programs running until `stop`. `pids` names a file that always tells who runs under which pid."""

    pids: Path
    _all: dict[str, _Running] = field(default_factory=dict)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _beside: set[asyncio.Task[int]] = field(default_factory=set)

    async def start(self, program: Program) -> None:
        """Start a program, and start it again whenever it ends."""
        running = _Running(program, await self._spawn(program))
        self._all[program.name] = running
        self._write_pids()
        running.keeper = asyncio.create_task(self._keep(running))

    def run_beside(self, name: str, argv: list[str], env: Mapping[str, str]) -> None:
        """Run a command once, beside the programs; how it ends is nobody's business, and `stop` ends it."""
        task = asyncio.create_task(run_once(name, argv, env))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def stop(self) -> None:
        """Stop everything, stage by stage."""
        self._stopping.set()
        for task in (beside := list(self._beside)):
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        for stage in sorted({running.program.stage for running in self._all.values()}, reverse=True):
            await asyncio.gather(
                *(self._end(running) for running in self._all.values() if running.program.stage == stage)
            )
        self.pids.unlink(missing_ok=True)

    def is_up(self, name: str) -> bool:
        """Whether a program runs right now."""
        return self._all[name].process.returncode is None

    async def _keep(self, running: _Running) -> None:
        pause = 0.5
        while True:
            began = asyncio.get_running_loop().time()
            code = await self._watch(running)
            if self._stopping.is_set():
                return
            pause = 0.5 if asyncio.get_running_loop().time() - began > 5 else min(pause * 2, 5.0)  # noqa: PLR2004
            say("up", f"{running.program.name} ended ({_how(code)}), starting it again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), timeout=pause)
                return
            running.process = await self._spawn(running.program)
            if self._stopping.is_set():  # `_end` has looked at the old process only
                _kill_group(running.process.pid)
                await self._watch(running)
                return
            self._write_pids()

    async def _watch(self, running: _Running) -> int:
        assert running.process.stdout is not None
        pump = asyncio.create_task(_pump(running.program.name, running.process.stdout))
        code = await _ended(running.process)
        _kill_group(running.process.pid)  # whatever a killed parent left behind
        # A grandchild in a group of its own may keep the pipe open; its last words are not worth waiting for.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(pump, timeout=0.5)
        return code

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *program.argv,
            env=dict(program.env),
            user=program.user,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LINE_LIMIT,
            start_new_session=True,  # Ctrl-C is for us alone: we decide who stops when
            preexec_fn=_die_with_parent(program.stop_signal),
        )

    async def _end(self, running: _Running) -> None:
        with contextlib.suppress(ProcessLookupError):
            running.process.send_signal(running.program.stop_signal)
        try:
            await asyncio.wait_for(_ended(running.process), timeout=running.program.grace)
        except TimeoutError:
            say("up", f"{running.program.name} did not stop within {running.program.grace:g} s: killed")
        _kill_group(running.process.pid)
        if running.keeper is not None:
            await running.keeper

    def _write_pids(self) -> None:
        pids = {name: running.process.pid for name, running in self._all.items()}
        fresh = self.pids.with_suffix(".new")
        fresh.write_text(json.dumps(pids))
        fresh.replace(self.pids)


async def run_once(
    name: str, argv: list[str], env: Mapping[str, str], *, user: str | None = None, quiet: bool = False
) -> int:
    """Run a command to its end; its exit code. Prints what it prints, when `quiet` only its last words if it fails.

    When this is cancelled, the command is ended.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=dict(env),
        user=user,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=LINE_LIMIT,
        start_new_session=True,  # as for programs: Ctrl-C is for us alone
        preexec_fn=_die_with_parent(signal.SIGTERM),
    )
    assert process.stdout is not None
    last_words: deque[str] = deque(maxlen=5)
    try:
        await _pump(name, process.stdout, last_words.append if quiet else None)
        code = await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_ended(process), timeout=5)
        _kill_group(process.pid)
        raise
    for line in last_words if code else ():
        say(name, line)
    return code


async def wait_for(what: Callable[[], Awaitable[bool] | bool], *, timeout: float, every: float = 0.05) -> bool:  # noqa: ASYNC109 - polls
    """Poll until it is true; False when that took too long."""
    deadline = asyncio.get_running_loop().time() + timeout
    while asyncio.get_running_loop().time() < deadline:
        result = what()
        if (await result) if isinstance(result, Awaitable) else result:
            return True
        await asyncio.sleep(every)
    return False


def say(name: str, line: str) -> None:
    """Print one line of the common log."""
    label = f"{name:<17}|"
    if sys.stdout.isatty():
        label = f"\033[{_COLORS[sum(name.encode()) % len(_COLORS)]}m{label}\033[0m"
    with contextlib.suppress(BrokenPipeError):
        print(label, line, flush=True)  # noqa: T201 - the log itself


async def _pump(name: str, stream: asyncio.StreamReader, take: Callable[[str], None] | None = None) -> None:
    while True:
        try:
            raw = await stream.readline()
        except ValueError:
            continue  # a line beyond LINE_LIMIT
        if not raw:
            return
        line = raw.decode(errors="replace").rstrip()
        if line and take is not None:
            take(line)
        elif line:
            say(name, line)


async def _ended(process: asyncio.subprocess.Process) -> int:
    """Its exit code, once it has one; on Python 3.11 `wait` waits for whoever else holds its pipe, too."""
    while process.returncode is None:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.1)
    return process.returncode


def _die_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """On Linux, have the kernel stop the program when this process is killed, so that nothing is left behind."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(how))

    return ask_kernel


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
