"""Thousands of answers that wait to be embedded while the worker that holds the model is killed again and again."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from sqlalchemy import create_engine, update
from sqlalchemy.orm import Session

from shared.embedding.engine import embedder
from shared.ledger import Work
from tests.answers import corpus, say
from tests.people import make_user
from tests.stack import Stack

PER_PERSON = 3
SAMPLE = 200  # answers whose vectors are made again, to be compared
ALIKE = 0.98  # cosine: the same text in another company of texts


@dataclass(frozen=True)
class Plan:
    """How many answers, and after how many the worker is killed: by time, it might be killed before it ever works."""

    answers: int = 5000
    kill_after: int = 300
    lease_scale: float = 1.0
    patience: float = 600.0


@dataclass
class Outcome:
    """What became of the answers."""

    answers: int = 0
    kills: int = 0
    seconds: float = 0.0
    not_embedded: int = 0
    wrong_vectors: int = 0
    people: int = 0
    people_without_vector: int = 0
    failed: int = 0

    @property
    def held(self) -> bool:
        """Whether every answer has the vector of its text, and every person theirs."""
        return self.answers > 0 and not (
            self.not_embedded or self.wrong_vectors or self.people_without_vector or self.failed
        )


def run(folder: Path, plan: Plan, say_line: Callable[[str], None]) -> Outcome:
    """Start a system, let answers wait in it, kill the worker until all are embedded, and count."""
    stack = Stack(folder, {"LEASE_SCALE": str(plan.lease_scale)})
    stack.start()
    try:
        return _run(stack, plan, say_line)
    finally:
        stack.stop()


def _run(stack: Stack, plan: Plan, say_line: Callable[[str], None]) -> Outcome:
    outcome = Outcome(answers=plan.answers)
    _write(stack, plan.answers)
    say_line(f"{plan.answers} answers wait")
    began, killed_at = time.monotonic(), plan.answers
    while (left := _count(stack, "prompt_answers WHERE vector IS NULL")) and time.monotonic() < began + plan.patience:
        if killed_at - left >= plan.kill_after:
            stack.kill("worker_embeddings")
            killed_at = left
            outcome.kills += 1
            say_line(f"{time.monotonic() - began:5.1f} s  kill -9; {left} wait")
        time.sleep(0.1)
    outcome.seconds = time.monotonic() - began
    stack.wait_for(lambda: not _count(stack, "work WHERE due_at IS NOT NULL"), seconds=plan.patience, every=0.5)
    outcome.not_embedded = left
    outcome.failed = _count(stack, "work")
    outcome.people = _count(stack, "users")
    outcome.people_without_vector = outcome.people - _count(stack, "profile_vectors")
    outcome.wrong_vectors = _wrong_vectors(stack)
    return outcome


def _write(stack: Stack, number: int) -> None:
    """Answers that wait with nobody having hinted at them, all from one moment on."""
    texts = islice(cycle(one["answer"] for one in corpus()), number)
    engine = create_engine(stack.addresses()["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))
    with Session(engine) as session, session.begin():
        for place, text in enumerate(texts):
            if place % PER_PERSON == 0:
                person = make_user(session)
            say(session, person, text, question=place % PER_PERSON)
        session.execute(update(Work).values(hinted_at=None))
    engine.dispose()


def _count(stack: Stack, what: str) -> int:
    return int(stack.rows(f"SELECT count(*) FROM {what}")[0][0])


def _wrong_vectors(stack: Stack) -> int:
    rows = stack.rows("SELECT answer, vector::text FROM prompt_answers WHERE vector IS NOT NULL")
    sample = random.Random(0).sample(rows, min(SAMPLE, len(rows)))
    stored = np.array([[float(part) for part in vector.strip("[]").split(",")] for _, vector in sample])
    made = np.array(embedder().embed([text for text, _ in sample]))
    return int(((stored * made).sum(axis=1) < ALIKE).sum())
