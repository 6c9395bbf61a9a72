"""`python -m shared.embedding`: prepare the model of EMBEDDING_MODEL in EMBEDDING_DIR, unless it is there."""

import sys
import time
import warnings
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
    except OSError as error:
        sys.exit(f"EMBEDDING_MODEL {model} cannot be prepared in EMBEDDING_DIR: {error}")
    print(f"{model} is ready in {folder}" + (f" ({time.monotonic() - began:.0f} s)" if made else ""))  # noqa: T201


def _make(folder: Path) -> None:
    warnings.simplefilter("ignore")  # tracing is full of doubts; what comes of it is compared with the original
    from shared.embedding.export import export  # noqa: PLC0415 - takes seconds and half a gigabyte

    export(settings().embedding_model, folder)


main()
