"""What is told of processors."""

import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.embedding import processor


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    processor.multiplies_integers.cache_clear()
    yield
    processor.multiplies_integers.cache_clear()


@pytest.mark.parametrize(
    ("system", "machine", "line", "expected"),
    [
        ("linux", "x86_64", "flags\t\t: fpu sse4_2 avx avx2 bmi2", True),
        ("linux", "x86_64", "flags\t\t: fpu sse4_2 avx", False),
        ("linux", "aarch64", "Features\t: fp asimd asimddp", True),
        ("linux", "aarch64", "Features\t: fp asimd", False),
        ("linux", "riscv64", "isa\t: rv64 avx2", False),
        ("darwin", "arm64", "", True),
        ("darwin", "x86_64", "", False),
    ],
)
def test_processors(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    line: str,
    expected: bool,
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"processor : 0\n{line}\n")
    assert processor.multiplies_integers() is expected


def test_a_system_that_does_not_say() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(OSError))
        assert not processor._flags()
