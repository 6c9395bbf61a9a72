"""Answers, the quiz and badges in real processes: how soon, and that nothing is lost."""

import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.embeddings import Plan, run
from tests.models import small_model
from tests.stack import LiveClient, Stack

ANSWERS = "/v1/profile/prompts"


def say(person: LiveClient, text: str, *, question: int = 0) -> dict[str, Any]:
    prompts = person.http.get("/v1/prompts").json()["items"]
    answer = person.http.post(ANSWERS, json={"question_id": prompts[question]["id"], "answer": text})
    assert answer.status_code == 201, answer.text
    said: dict[str, Any] = answer.json()
    return said


def embedded(person: LiveClient, answer_id: str) -> bool:
    return bool(person.http.get(f"{ANSWERS}/{answer_id}").json()["status"] == "embedded")


def take_quiz(person: LiveClient) -> None:
    quiz = person.http.get("/v1/profile/quiz").json()
    answers = {question["id"]: question["options"][0]["id"] for question in quiz["questions"]}
    answer = person.http.post("/v1/profile/quiz", json={"version": quiz["version"], "answers": answers})
    assert answer.status_code == 202, answer.text


@pytest.mark.xdist_group("stack")
def test_an_answer_is_embedded_soon_and_so_is_what_it_is_changed_to(stack: Stack) -> None:
    """Within a second where nothing else runs; beside other tests it takes longer."""
    person = stack.client()
    said = say(person, "I bake rye bread on Sundays.", question=1)
    Stack.wait_for(lambda: embedded(person, said["id"]), seconds=20, every=0.05)
    changed = person.http.put(f"{ANSWERS}/{said['id']}", json={"answer": "I bake rye bread every night."})
    assert changed.json()["status"] == "pending"
    Stack.wait_for(lambda: embedded(person, said["id"]), seconds=20, every=0.05)


@pytest.mark.xdist_group("stack")
def test_badges_follow_from_answers_and_the_quiz(stack: Stack) -> None:
    person = stack.client()
    say(person, "Cooking for everybody I love, in a kitchen full of steam and garlic.", question=3)
    take_quiz(person)
    Stack.wait_for(lambda: bool(person.http.get("/v1/profile/badges").json()["items"]), seconds=20)
    badge = person.http.get("/v1/profile/badges").json()["items"][0]
    assert badge["reason"]
    icon = person.http.get(badge["icon"])
    assert (icon.status_code, icon.headers["Content-Type"]) == (200, "image/svg+xml")


@pytest.mark.xdist_group("stack")
def test_the_api_holds_no_model_and_little_memory(stack: Stack) -> None:
    memory = {name: memory.resident for name, memory in stack.memory().items() if name.startswith("api")}
    assert max(memory.values()) < 150, memory
    loaded = Path(f"/proc/{stack.pids()['api']}/maps").read_text()
    assert not re.search(r"libtorch|onnxruntime|tokenizers|numpy", loaded)


@pytest.mark.xdist_group("second start")
def test_killing_the_worker_loses_no_answer_and_a_new_model_takes_all_over(folder: Path, tmp_path: Path) -> None:
    outcome = run(folder, Plan(answers=300, kill_after=100, lease_scale=0.2), print)
    assert outcome.held, outcome
    assert outcome.kills
    model = str(small_model(tmp_path / "model"))
    stack = Stack(folder, {"EMBEDDING_MODEL": model, "EMBEDDING_DIR": str(tmp_path), "LEASE_SCALE": "0.2"})
    stack.start()
    try:
        moving = stack.popen(
            sys.executable, "-m", "celery", "-A", "worker", "reindex", "embeddings", "--stale", "--wait"
        )
        person = stack.client()
        while moving.poll() is None:
            assert person.http.get("/v1/prompts").status_code == 200
            time.sleep(0.1)
        said, bars = moving.communicate()
        assert moving.returncode == 0, bars
        assert "Asking to reindex embeddings: 100%" in bars
        assert "Reindexing embeddings: 100%" in bars
        assert "Done: 300 embeddings" in said
        assert stack.rows("SELECT model, count(*) FROM prompt_answers GROUP BY model") == [(model, 300)]
        assert stack.rows("SELECT DISTINCT model FROM profile_vectors") == [(model,)]
    finally:
        stack.stop()
