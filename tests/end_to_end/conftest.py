"""A running system for the tests that change nothing about it, and a folder for those that start their own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.stack import ROOT, Stack

LEASE_SCALE = 0.2  # six seconds for a photo


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    poison = f"{Path(__file__).parent}/poison{os.pathsep}{ROOT}"  # it imports from here before the command does
    with open_folder() as folder:
        stack = Stack(folder, {"PYTHONPATH": poison, "LEASE_SCALE": str(LEASE_SCALE)})
        stack.start()
        yield stack
        stack.stop()


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that others can enter, as Postgres needs where we are root; pytest's own are closed."""
    with TemporaryDirectory(prefix="delete-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)
