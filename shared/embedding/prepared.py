"""Where prepared models lie, and preparing one: once, whoever comes first, in a process that ends afterwards."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from shared.embedding.rules import FORMAT
from shared.settings import settings

TOKENIZER: Final = "tokenizer.json"
_DESCRIPTION: Final = "model.json"


class Unusable(Exception):  # noqa: N818 - reads as what happened
    """The model that is configured cannot be used; the words say what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the tokenizer and the graphs do not say themselves."""

    prefix: str
    """What the model wants before each text."""
    max_tokens: int
    pad_id: int
    engines: dict[str, tuple[float, float]]
    """Those that may be used, the fastest first, with their mean and least cosine to fp32."""


def location() -> Path:
    """The folder of the configured model in its prepared form. It is there as a whole or not at all."""
    model = settings().embedding_model
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", model).strip("-.")[-60:]
    digest = hashlib.sha256(model.encode()).hexdigest()[:8]
    return Path(settings().embedding_dir).expanduser() / f"{name}-{digest}-{FORMAT}"


def graph(folder: Path, engine: str) -> Path:
    """The file of one engine's graph."""
    return folder / f"{engine}.onnx"


def describe(folder: Path, description: Description) -> None:
    """Write down what is to be known."""
    (folder / _DESCRIPTION).write_text(json.dumps(asdict(description), indent=1), encoding="utf-8")


def description(folder: Path) -> Description:
    """What `describe` wrote."""
    return Description(**json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8")))


def ensure() -> Path:
    """The folder of the configured model, prepared now if it was not yet, which takes a quarter of a minute.

    The libraries that prepare a model take ten times the memory of running it, so another process does it.

    Raises:
        Unusable: there is no such model, or it does not fit, or the libraries are missing.
    """
    folder = location()
    if folder.exists():
        return folder
    command = [sys.executable, "-m", "shared.embedding"]
    values = {"EMBEDDING_MODEL": settings().embedding_model, "EMBEDDING_DIR": settings().embedding_dir}
    with TemporaryFile("w+", encoding="utf-8") as said:
        # Goes on when we are interrupted, as by a task's time limit: who asks next finds it done, or waits for it.
        making = subprocess.Popen(  # noqa: S603 - ourselves
            command, env={**os.environ, **values}, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
        )
        if making.wait():
            said.seek(0)
            lines = said.read().strip().splitlines()
            raise Unusable(lines[-1] if lines else f"Preparing {settings().embedding_model} failed without a word")
    return folder


def prepare(make: Callable[[Path], None]) -> bool:
    """Let `make` fill the folder of the configured model, unless somebody has; False when there was nothing to do.

    Processes that come at once wait for the first. One that is killed leaves only what the next clears away.

    Raises:
        Unusable: the library that it comes from is not installed.
    """
    folder = location()
    if folder.exists():
        return False
    if find_spec("sentence_transformers") is None:
        raise Unusable(
            f"EMBEDDING_MODEL {settings().embedding_model} is not prepared in {folder.parent}, and "
            "sentence-transformers, which prepares it, is not installed: install requirements/embeddings.txt, or "
            "prepare the model elsewhere by `python -m shared.embedding` and copy its folder here"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(f"{folder.name}.lock")):
        if folder.exists():
            return False
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            make(unfinished)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process, however it ends
        yield
