"""Commands against a running `make up`, when there is none."""

import os
import subprocess
import sys
from pathlib import Path

from tests.stack import ROOT


def run(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return subprocess.run(
        [sys.executable, "-m", "dev.run", "sh", "-c", "echo $DATABASE_URL"],
        cwd=ROOT,
        env={**ours, "DEV_DIR": str(folder), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_stack_and_without_urls_a_line_says_so(tmp_path: Path) -> None:
    ended = run(tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        f"make up is not running with {tmp_path}: start it, or set DATABASE_URL and REDIS_URL"
    ]


def test_a_url_of_ones_own_is_enough_and_wins(tmp_path: Path) -> None:
    assert run(tmp_path, DATABASE_URL="postgresql://here/x").stdout == "postgresql://here/x\n"
    (tmp_path / "stack.env").write_text("DATABASE_URL=postgresql://stack/x\n")
    assert run(tmp_path).stdout == "postgresql://stack/x\n"
    assert run(tmp_path, DATABASE_URL="postgresql://here/x").stdout == "postgresql://here/x\n"
