"""`make mail`: makes the templates that workers fill in from the mails of dev/mail. It needs node; nothing else does.

Beside the compiled files lie digests of what they were made from, so that anybody can tell without node whether they
are in step.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
SOURCES: Final = ROOT / "dev" / "mail"
COMPILED: Final = ROOT / "shared" / "mail" / "templates"
DIGESTS: Final = SOURCES / "compiled.json"


def main() -> None:
    """Compile every mail and note what from."""
    if shutil.which("npm") is None:
        sys.exit("No npm: install node, which compiling mails needs")
    if not (SOURCES / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=SOURCES, check=True)
    for source in sources(SOURCES):
        (COMPILED / f"{source.stem}.html").write_bytes(compiled(source))
    DIGESTS.write_text(json.dumps(digests(SOURCES, COMPILED), indent=2) + "\n")


def compiled(source: Path) -> bytes:
    """What MJML makes of a source.

    Raises:
        subprocess.CalledProcessError: it is not right; what is wrong was said.
    """
    options = ["--config.allowIncludes=true", "--config.validationLevel=strict"]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.html"
        mjml = SOURCES / "node_modules" / ".bin" / "mjml"
        subprocess.run([str(mjml), *options, str(source), "-o", str(made)], cwd=source.parent, check=True)
        return b"\n".join(line.rstrip() for line in made.read_bytes().strip().splitlines()) + b"\n"


def sources(folder: Path) -> list[Path]:
    """The mails; files that begin with an underscore are parts of them."""
    return sorted(path for path in folder.glob("*.mjml") if not path.name.startswith("_"))


def digests(folder: Path, into: Path) -> dict[str, dict[str, str]]:
    """Of each mail: the digests of all that it is made from (the parts and the compiler too), and of what was made."""
    parts = [*sorted(folder.glob("_*.mjml")), folder / "package-lock.json"]
    return {
        source.stem: {"source": _digest(source, *parts), "html": _digest(into / f"{source.stem}.html")}
        for source in sources(folder)
    }


def out_of_step(folder: Path, into: Path) -> list[str]:
    """Mails whose source, or whose compiled form, is another than when they were compiled."""
    noted = json.loads((folder / DIGESTS.name).read_text())
    now = digests(folder, into)
    return sorted(kind for kind in noted.keys() | now.keys() if noted.get(kind) != now.get(kind))


def _digest(*paths: Path) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.read_bytes() if path.exists() else b"")
        whole.update(b"\0")
    return whole.hexdigest()


if __name__ == "__main__":
    main()
