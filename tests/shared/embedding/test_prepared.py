"""Preparing a model: once, whoever comes first, and anew when somebody was killed meanwhile."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.embedding import prepared
from shared.embedding.engine import Embedder, embedder, engine_name
from shared.embedding.prepared import Unusable, ensure, location, prepare
from shared.embedding.rules import DIMENSIONS
from tests.models import small_model


@pytest.fixture
def another(configured: Callable[..., None], tmp_path: Path) -> Iterator[Callable[[str | Path], None]]:
    """Configure another model, prepared in a folder of this test."""

    def configure(model: str | Path) -> None:
        configured(EMBEDDING_MODEL=str(model), EMBEDDING_DIR=str(tmp_path / "prepared"))
        embedder.cache_clear()

    yield configure
    embedder.cache_clear()


def _fill(folder: Path) -> None:
    (folder / "made").write_text("whole")


def _fill_slowly(folder: Path) -> None:
    (folder / "made").write_text("half")
    time.sleep(60)


def _slowly() -> None:
    prepare(_fill_slowly)


def _quickly(made: "multiprocessing.Queue[bool]") -> None:
    made.put(prepare(_fill))


def test_another_model_by_its_folder(another: Callable[[Path], None], tmp_path: Path) -> None:
    folder = small_model(tmp_path)
    another(folder)
    one, two = embedder().embed(["Coffee first.", "Tea first."])
    assert (embedder().model, embedder().engine) == (str(folder), engine_name())
    assert len(one) == len(two) == DIMENSIONS
    assert one != two


def test_a_model_of_other_dimensions_is_refused(another: Callable[[Path], None], tmp_path: Path) -> None:
    another(small_model(tmp_path, dimensions=64))
    with pytest.raises(Unusable, match="makes vectors of 64 dimensions, but the database holds vectors of 384"):
        embedder()
    assert not location().exists()


def test_without_the_library_it_says_what_to_do(
    another: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    another("some-model")
    monkeypatch.setattr(prepared, "find_spec", lambda _: None)
    with pytest.raises(
        Unusable, match=r"sentence-transformers.* is not installed: install requirements/embeddings.txt"
    ):
        prepare(_fill)


def test_what_is_prepared_stays(another: Callable[[str], None]) -> None:
    another("some-model")
    assert prepare(_fill)
    assert not prepare(_fill_slowly)
    assert (ensure() / "made").read_text() == "whole"


def test_each_model_has_a_folder_of_its_own(another: Callable[[str], None]) -> None:
    places = set()
    for name in ("a/b", "a-b", "/srv/models/a b", "ä", "../.."):
        another(name)
        places.add(location())
        assert location().parent == location().parent.resolve()
    assert len(places) == 5


def test_one_that_was_killed_is_made_anew(another: Callable[[str], None]) -> None:
    another("some-model")
    maker = multiprocessing.get_context("fork").Process(target=_slowly)
    maker.start()
    half = location().with_name(f"{location().name}.unfinished") / "made"
    while not half.exists():
        assert maker.is_alive()
        time.sleep(0.01)
    assert not location().exists()
    assert maker.pid is not None
    os.kill(maker.pid, signal.SIGKILL)
    maker.join()
    assert prepare(_fill)
    assert (location() / "made").read_text() == "whole"
    assert not half.exists()


def test_of_two_at_once_one_prepares(another: Callable[[str], None]) -> None:
    another("some-model")
    context = multiprocessing.get_context("fork")
    made: multiprocessing.Queue[bool] = context.Queue()
    makers = [context.Process(target=_quickly, args=(made,)) for _ in range(4)]
    for maker in makers:
        maker.start()
    assert sorted(made.get(timeout=10) for _ in makers) == [False, False, False, True]
    for maker in makers:
        maker.join()


def test_a_process_that_dies_without_a_word_is_told_of(
    another: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    another("some-model")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Unusable, match="Preparing some-model failed"):
        ensure()


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_it_goes_on_when_who_asked_is_interrupted(
    another: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    another("some-model")
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\nsleep 1\nmkdir -p '{location()}'\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))

    def interrupt(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with pytest.raises(TimeoutError):
        ensure()
    assert not location().exists()
    while not location().exists():
        time.sleep(0.05)
    assert ensure() == location()


def test_an_embedder_needs_a_whole_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Embedder(tmp_path, model="", engine="")
