"""Looks whether anything we install has a known vulnerability: `make audit`, and as a part of `make check`.

What is asked is the OSV database, by `pip-audit`. Where it cannot be reached nobody knows, and this says so; that is a
failure only when the answer is `--required`, so that one can work without a network.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
EVERYTHING: Final = ROOT / "requirements" / "dev.txt"  # holds what the other files hold
CONTROL: Final = "pyyaml==5.3"  # known to be vulnerable since 2020: who does not know that knows nothing
PATIENCE: Final = 300  # seconds for the whole


@dataclass(frozen=True, slots=True)
class Ignored:
    """Why an advisory does not concern us, and the day on which somebody has to look at that again."""

    why: str
    until: date


IGNORED: Final[Mapping[str, Ignored]] = {}
"""By the id of the advisory, as it is printed."""


class Unknown(Exception):  # noqa: N818 - it is an answer
    """There was no answer; the text says why."""


def findings(requirements: Path, *, service: str | None) -> list[dict[str, Any]]:
    """What is known of the pinned packages of a file: name, version, and each advisory with its ids and fixes.

    Raises:
        Unknown: the service did not answer for all of them.
    """
    command = [sys.executable, "-m", "pip_audit", "-r", str(requirements), "--disable-pip", "--no-deps"]
    options = ["--progress-spinner", "off", "--format", "json", "--vulnerability-service", "osv"]
    if service is not None:
        options += ["--osv-url", service]
    try:
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=PATIENCE, check=False)
        packages = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        raise Unknown(f"no answer within {PATIENCE} seconds") from None
    except ValueError:  # it says so only by ending without a result
        said = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise Unknown(said.rpartition("Caused by ")[2][:200]) from None
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped or not packages:
        raise Unknown(f"no answer for {', '.join(skipped) or 'anything'}")
    return [package for package in packages if package["vulns"]]


def everything_known(requirements: Path, *, service: str | None) -> list[dict[str, Any]]:
    """`findings`, of a service that has shown that it knows something.

    Raises:
        Unknown: it did not answer, or knows nothing.
    """
    with TemporaryDirectory() as folder:
        control = Path(folder, "control.txt")
        control.write_text(f"{CONTROL}\n")
        if not findings(control, service=service):
            raise Unknown(f"the service knows nothing of {CONTROL}")
    return findings(requirements, service=service)


def open_advisories(found: Sequence[Mapping[str, Any]], ignored: Mapping[str, Ignored], *, today: date) -> list[str]:
    """A line for each advisory that is not ignored, or not any more."""
    lines = []
    for package in found:
        for advisory in package["vulns"]:
            ids = {advisory["id"], *advisory["aliases"]}
            if any(reason.until > today for name, reason in ignored.items() if name in ids):
                continue
            fixed = ", ".join(advisory["fix_versions"]) or "nothing yet"
            lines.append(f"{package['name']} {package['version']}: {advisory['id']}, fixed in {fixed}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is known; the exit code."""
    parser = ArgumentParser(prog="python -m dev.audit", description=__doc__)
    parser.add_argument("--required", action="store_true", help="fail where the service cannot be reached")
    parser.add_argument("--service", help="the address of another OSV service")
    parser.add_argument("--requirements", default=EVERYTHING, type=Path, help="a file of pinned packages")
    chosen = parser.parse_args(arguments)
    try:
        found = everything_known(chosen.requirements, service=chosen.service)
    except Unknown as reason:
        print(f"Known vulnerabilities: NOT CHECKED, since no advisory service could be asked ({reason})")
        return int(chosen.required)
    lines = open_advisories(found, IGNORED, today=datetime.now(UTC).date())
    print(f"Known vulnerabilities: {len(lines) or 'none'}", *lines, sep="\n  ")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
