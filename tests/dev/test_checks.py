"""What `make check` promises to find."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DANGERS = {
    "S105": 'PASSWORD = "engines of 1843"',
    "S113": "import httpx\n\nhttpx.get('https://example.com', timeout=None)",
    "S301": "import pickle\n\npickle.loads(b'')",
    "S307": "eval(input())",
    "S324": "import hashlib\n\nhashlib.md5(b'')",
    "S501": "import httpx\n\nhttpx.get('https://example.com', verify=False)",
    "S506": "import yaml\n\nyaml.load('', Loader=yaml.Loader)",
    "S602": "import subprocess\n\nsubprocess.run(input(), shell=True)",
    "S608": "def find(session, name):\n    return session.execute(f\"SELECT * FROM users WHERE name = '{name}'\")",
    "S701": "import jinja2\n\njinja2.Environment()",
}


@pytest.mark.parametrize("folder", ["api", "beat", "worker", "shared", "shared/accounts"])
def test_the_rules_of_bandit_hold_in_what_is_deployed(folder: str) -> None:
    code = "\n".join(DANGERS.values())
    command = [sys.executable, "-m", "ruff", "check", "--output-format", "concise", "--stdin-filename"]
    done = subprocess.run(
        [*command, f"{folder}/new.py", "-"], cwd=ROOT, input=code, capture_output=True, text=True, check=False
    )
    assert [rule for rule in DANGERS if f" {rule} " not in done.stdout] == []


def test_the_quick_checks_look_for_known_vulnerabilities() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    assert all(tool in recipe for tool in ("ruff check", "mypy", "lint-imports", "dev.audit"))
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert "dev.audit --required" in workflow
    assert "cron" in workflow
