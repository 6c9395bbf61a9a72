"""Read by Python at its start when this folder is on PYTHONPATH: a picture that ends in POISON kills its worker."""

import os
import signal
import sys

if "worker" in sys.orig_argv:
    from shared.photos import processing
    from shared.photos.rules import MIN_SIDE

    _process = processing.process

    def process(data: bytes, *, least_side: int = MIN_SIDE) -> processing.Processed:
        """Die as by a decoder's crash, or process as ever."""
        if data.endswith(b"POISON"):
            os.kill(os.getpid(), signal.SIGKILL)
        return _process(data, least_side=least_side)

    processing.process = process
