"""`python -m shared.embedding`: prepare the model of EMBEDDING_MODEL in EMBEDDING_DIR, unless it is there."""

import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

from shared.embedding.prepared import Unusable, location, prepare
from shared.settings import settings


def main() -> None:
    """Prepare the model and say so, or say why it cannot be done."""
    model, folder, began = settings().embedding_model, location(), time.monotonic()
    if not folder.exists():
        print(f"Preparing {model} in {folder} (once; a quarter of a minute)", flush=True)  # noqa: T201
    try:
        made = prepare(_make)
    except Unusable as error:
        sys.exit(str(error))
    print(f"{model} is ready in {folder}" + (f" ({time.monotonic() - began:.0f} s)" if made else ""))  # noqa: T201


def _make(folder: Path) -> None:
    model = settings().embedding_model
    if find_spec("sentence_transformers") is None:
        raise Unusable(
            f"EMBEDDING_MODEL {model} is not prepared in {folder.parent}, and sentence-transformers, which prepares "
            "it, is not installed: install requirements/embeddings.txt, or prepare the model elsewhere by `python -m "
            "shared.embedding` and copy its folder here"
        )
    warnings.simplefilter("ignore")  # tracing is full of doubts; what comes of it is compared with the original
    from shared.embedding.export import export  # noqa: PLC0415 - takes seconds and half a gigabyte

    export(model, folder)


main()
