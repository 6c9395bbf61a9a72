"""Texts to vectors. Only workers import this: it loads the model, by ONNX Runtime, without the library it came from."""

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnxruntime import InferenceSession, SessionOptions
from tokenizers import Encoding, Tokenizer

from shared.embedding import prepared
from shared.embedding.processor import multiplies_integers
from shared.embedding.rules import DIMENSIONS, INT8, groups
from shared.settings import settings

Inputs = Mapping[str, npt.NDArray[np.int64]]


class Embedder:
    """A model that is loaded. `model` and `engine` belong to each vector that it makes."""

    def __init__(self, folder: Path, *, model: str, engine: str) -> None:
        self.model = model
        self.engine = engine
        self._description = prepared.description(folder)
        self._tokenizer = tokenizer(folder, max_tokens=self._description.max_tokens)
        self._session = session(prepared.graph(folder, engine))

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector of DIMENSIONS numbers and unit length for each text, in their order.

        What else is embedded with a text does not matter to its vector, beyond rounding.
        """
        encodings = self._tokenizer.encode_batch_fast([self._description.prefix + text for text in texts])
        vectors = np.empty((len(texts), DIMENSIONS), np.float32)
        for group in groups([len(encoding.ids) for encoding in encodings]):
            batch = inputs([encodings[index] for index in group], pad_id=self._description.pad_id)
            vectors[group] = run(self._session, batch)[0]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: list[list[float]] = (vectors / np.maximum(lengths, np.finfo(np.float32).tiny)).tolist()
        return unit


@lru_cache
def embedder() -> Embedder:
    """The configured model, with the fastest engine for this machine.

    Raises:
        Unusable: as `prepared.ensure`.
    """
    return Embedder(prepared.ensure(), model=settings().embedding_model, engine=engine_name())


def engine_name() -> str:
    """The engine that `embedder` takes here: the fastest that is near enough to the model and suits the processor.

    Raises:
        Unusable: as `prepared.ensure`.
    """
    engines = prepared.description(prepared.ensure()).engines
    return next(engine for engine in engines if engine != INT8 or multiplies_integers())


def tokenizer(folder: Path, *, max_tokens: int) -> Tokenizer:
    """What splits texts, without padding them."""
    # A process is for one core, and forked ones cannot share the tokenizer's threads.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    made = Tokenizer.from_file(str(folder / prepared.TOKENIZER))
    made.enable_truncation(max_tokens)
    made.no_padding()
    return made


def session(graph: Path | bytes) -> InferenceSession:
    """A graph ready to run in one thread: there is a process for each core."""
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def inputs(encodings: Sequence[Encoding], *, pad_id: int) -> Inputs:
    """What a run takes, padded to the longest."""
    shape = len(encodings), max(len(encoding.ids) for encoding in encodings)
    ids = np.full(shape, pad_id, np.int64)
    mask = np.zeros(shape, np.int64)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros(shape, np.int64)}


def run(graph: InferenceSession, batch: Inputs) -> list[npt.NDArray[np.float32]]:
    """All outputs of one run."""
    outputs: list[Any] = graph.run(None, {wanted.name: batch[wanted.name] for wanted in graph.get_inputs()})
    return outputs
