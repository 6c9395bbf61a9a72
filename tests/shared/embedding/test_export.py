"""What a model is exported to, and that engines are judged by their vectors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.embedding import prepared
from shared.embedding.prepared import Unusable
from shared.embedding.quantize import quantized
from shared.embedding.rules import FP32, INT8, INT8_LEAST
from tests.models import small_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model"))


@pytest.mark.filterwarnings("ignore")  # of tracing
def test_engines_are_written_with_how_near_they_are(model: Path, tmp_path: Path) -> None:
    from shared.embedding.export import export  # noqa: PLC0415 - loads torch

    description = export(str(model), tmp_path)
    assert prepared.description(tmp_path).max_tokens == description.max_tokens == 128
    assert list(description.engines) == [INT8, FP32]
    mean, least = description.engines[INT8]
    assert INT8_LEAST <= least <= mean <= 1.0001


@pytest.mark.filterwarnings("ignore")
def test_a_bad_integer_engine_is_not_used(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.embedding import export  # noqa: PLC0415

    def clumsy(graph: Any, peaks: dict[str, Any]) -> Any:
        chance = np.random.default_rng(1)
        return quantized(graph, {name: peak * 10 ** chance.normal(0, 4, len(peak)) for name, peak in peaks.items()})

    monkeypatch.setattr(export, "quantized", clumsy)
    assert list(export.export(str(model), tmp_path).engines) == [FP32]
    assert not prepared.graph(tmp_path, INT8).exists()


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_runs_otherwise_here_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.embedding import export  # noqa: PLC0415

    monkeypatch.setattr(export, "_nearness", lambda *_: (0.9, 0.5))
    with pytest.raises(Unusable, match="gives other vectors here than it should"):
        export.export(str(model), tmp_path)


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    from shared.embedding.export import export  # noqa: PLC0415

    with pytest.raises(Unusable, match=r"EMBEDDING_MODEL .*nothing cannot be loaded"):
        export(str(tmp_path / "nothing"), tmp_path)
