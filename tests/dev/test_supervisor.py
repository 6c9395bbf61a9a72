"""The supervisor behind `make up`, with tiny programs."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dev.supervisor import Program, Supervisor, run_once, wait_for


def program(name: str, script: str, *, stage: int = 0, grace: float = 10) -> Program:
    return Program(name, ["sh", "-c", script], {"PATH": os.environ["PATH"]}, stage, grace=grace)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await asyncio.wait_for(scenario(), 30)
        await asyncio.sleep(0.1)  # for the event loop to close what has ended

    asyncio.run(whole())


def lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_what_ends_is_started_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        supervisor = Supervisor(tmp_path / "pids.json")
        await supervisor.start(program("short", f"echo run >> {tmp_path}/runs"))
        assert await wait_for(lambda: len(lines(tmp_path / "runs")) >= 2, timeout=10)
        await asyncio.wait_for(supervisor.stop(), 10)

    run(scenario)


def test_stages_stop_in_reverse_order(tmp_path: Path) -> None:
    def script(name: str) -> str:
        return f"trap 'sleep 0.2; echo {name} >> {tmp_path}/ended; exit' TERM; touch {tmp_path}/{name}; sleep 60 & wait"

    async def scenario() -> None:
        supervisor = Supervisor(tmp_path / "pids.json")
        for stage, name in enumerate(("store", "application", "edge")):
            await supervisor.start(program(name, script(name), stage=stage))
        assert await wait_for((tmp_path / "edge").exists, timeout=10)
        assert await wait_for((tmp_path / "store").exists, timeout=10)
        assert await wait_for((tmp_path / "application").exists, timeout=10)
        await asyncio.wait_for(supervisor.stop(), 10)

    run(scenario)
    assert lines(tmp_path / "ended") == ["edge", "application", "store"]


def test_a_stop_while_a_program_is_being_started_again_does_not_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn = Supervisor._spawn
    spawned: list[asyncio.subprocess.Process] = []

    async def scenario() -> None:
        supervisor = Supervisor(tmp_path / "pids.json")
        spawning = asyncio.Event()

        async def slowly(self: Supervisor, what: Program) -> asyncio.subprocess.Process:
            if spawned:
                spawning.set()
                await asyncio.sleep(0.3)
            spawned.append(await spawn(self, what))
            return spawned[-1]

        monkeypatch.setattr(Supervisor, "_spawn", slowly)
        await supervisor.start(program("again", f"test -e {tmp_path}/ran && exec sleep 60; touch {tmp_path}/ran"))
        await asyncio.wait_for(spawning.wait(), 10)
        await asyncio.wait_for(supervisor.stop(), 10)

    run(scenario)
    assert len(spawned) == 2
    assert all(is_gone(process.pid) for process in spawned)


def test_what_does_not_stop_is_killed_with_its_children(tmp_path: Path) -> None:
    async def scenario() -> None:
        supervisor = Supervisor(tmp_path / "pids.json")
        script = f"trap '' TERM; sh -c 'echo $$ > {tmp_path}/child; sleep 60'; sleep 60"
        await supervisor.start(program("deaf", script, grace=0.3))
        assert await wait_for(lambda: bool(lines(tmp_path / "child")), timeout=10)
        await asyncio.wait_for(supervisor.stop(), 10)

    run(scenario)
    child = int(lines(tmp_path / "child")[0])
    # Nobody of ours may be there to bury it: a zombie is dead, too.
    status = Path(f"/proc/{child}/stat")
    assert is_gone(child) or (status.exists() and status.read_text().split(")")[1].split()[0] == "Z")


def test_the_pids_are_told_and_kept_right(tmp_path: Path) -> None:
    pids = tmp_path / "pids.json"

    async def scenario() -> None:
        supervisor = Supervisor(pids)
        await supervisor.start(program("sleeper", "exec sleep 60"))
        before = json.loads(pids.read_text())
        assert set(before) == {"sleeper"}
        assert supervisor.is_up("sleeper")
        os.kill(before["sleeper"], signal.SIGKILL)
        assert await wait_for(lambda: json.loads(pids.read_text()) != before, timeout=10)
        await asyncio.wait_for(supervisor.stop(), 10)
        assert not supervisor.is_up("sleeper")

    run(scenario)
    assert not pids.exists()


def test_a_single_run_tells_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    code = asyncio.run(run_once("once", ["sh", "-c", "echo said; exit 3"], os.environ))
    assert code == 3
    assert "said" in capsys.readouterr().out


def test_a_quiet_run_has_last_words_only_when_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(run_once("once", ["sh", "-c", "echo well"], os.environ, quiet=True))
    assert capsys.readouterr().out == ""
    asyncio.run(run_once("once", ["sh", "-c", "seq 1 9; exit 1"], os.environ, quiet=True))
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["5", "6", "7", "8", "9"]


def test_a_cancelled_run_is_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        script = f"echo $$ > {tmp_path}/pid; exec sleep 60"
        task = asyncio.create_task(run_once("once", ["sh", "-c", script], os.environ))
        assert await wait_for(lambda: bool(lines(tmp_path / "pid")), timeout=10)
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled()

    run(scenario)
    assert is_gone(int(lines(tmp_path / "pid")[0]))


def test_a_stop_ends_what_runs_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        supervisor = Supervisor(tmp_path / "pids.json")
        await supervisor.start(program("stays", "sleep 60"))
        supervisor.run_beside("once", ["sh", "-c", "echo $$; exec sleep 60"], {"PATH": os.environ["PATH"]})
        supervisor.run_beside("fails", ["sh", "-c", "echo no; exit 3"], {"PATH": os.environ["PATH"]})
        said = ""

        def both_have_spoken() -> bool:
            nonlocal said
            said += capsys.readouterr().out
            return "once" in said and "fails" in said

        assert await wait_for(both_have_spoken, timeout=5)
        assert supervisor.is_up("stays")
        await supervisor.stop()
        pid = next(int(line.rpartition(" ")[2]) for line in said.splitlines() if line.startswith("once"))
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(scenario)
