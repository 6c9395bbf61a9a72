"""What real processes tell those who watch: Prometheus, a collector of traces, and Sentry."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from dev import parts
from shared import ledger, queue
from shared.database import Database
from shared.discovery.models import DiscoveryRun
from shared.jobs import DELETE_FILES
from shared.queue import Hint
from tests.pictures import small_photo
from tests.stack import ROOT, LiveClient, Stack
from tests.watchers import Span, Watchers, watchers

SECRETS = ("ada@secret.example", "planted-password-1843", "52.520008", "planted-cookie", "planted-words")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}  # other samples are called as their metric
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())
RULES: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@dataclass
class Watched:
    """An API and a worker that tell everything."""

    url: str
    worker_url: str
    worker: psutil.Process
    watchers: Watchers

    def spans(self, service: str, trace_id: str) -> list[Span]:
        """Those of a trace."""
        return [span for span in self.watchers.spans if (span.service, span.trace_id) == (service, trace_id)]

    def worker_metrics(self) -> dict[tuple[str, ...], float]:
        """Of the worker."""
        return samples(httpx2.get(f"{self.worker_url}/metrics").text)

    def reported(self, **tags: str) -> list[dict[str, Any]]:
        """What was told to Sentry with these tags."""
        return [one for one in self.watchers.reports if tags.items() <= one["tags"].items()]


def names(expression: str) -> set[str]:
    """The metrics that PromQL asks for."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', " ", expression)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", " ", bare)
    return set(re.findall(r"\b[a-z_]\w*\b(?!\s*\()", bare)) - {"and", "or", "unless"}


def samples(metrics: str) -> dict[tuple[str, ...], float]:
    """Each sample's value by its name and the values of its labels, in the order of their names."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
    }


@contextmanager
def running(env: dict[str, str], *argv: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", *argv], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    poison = f"{Path(__file__).parent}/poison{os.pathsep}{ROOT}"
    with watchers() as listening:
        port, worker_port = parts.free_port(), parts.free_port()
        env = {**os.environ, **listening.settings, "API_PORT": str(port), "PYTHONPATH": poison, "LOG_LEVEL": "WARNING"}
        env |= {"WORKER_METRICS_PORT": str(worker_port), "PYTHONWARNINGS": "ignore"}
        worker = ("celery", "--quiet", "-A", "worker", "worker", "-Q", "default,photos", "-c", "1")
        with running(env, "api"), running(env, *worker, "--without-gossip", "--without-mingle") as parent:
            Stack.wait_for(lambda: parts.answers(port) and parts.answers(worker_port), seconds=60)
            yield Watched(
                f"http://127.0.0.1:{port}", f"http://127.0.0.1:{worker_port}", psutil.Process(parent.pid), listening
            )


@pytest.fixture
def person(watched: Watched) -> Iterator[LiveClient]:
    somebody = LiveClient(watched.url)
    yield somebody
    somebody.http.close()


def all_spans_of(watched: Watched, trace_id: str, *, ended: Callable[[Span], bool]) -> list[Span]:
    """A trace, once the span that ends last is there."""
    Stack.wait_for(lambda: any(ended(span) for span in watched.spans("worker", trace_id)), seconds=30)
    return [*watched.spans("api", trace_id), *watched.spans("worker", trace_id)]


@pytest.mark.xdist_group("watched")
def test_an_upload_and_its_task_are_one_trace(watched: Watched, committed: Database, person: LiveClient) -> None:
    person.http.headers["X-Request-ID"] = "watched-0001"
    trace_id = os.urandom(16).hex()
    person.http.headers["traceparent"] = f"00-{trace_id}-{os.urandom(8).hex()}-01"
    photo = person.upload(small_photo(seed=1)).json()
    del person.http.headers["traceparent"]
    assert person.processed(photo["id"])["status"] == "ready"
    spans = all_spans_of(watched, trace_id, ended=lambda span: span.name == "photos.process")
    request = next(span for span in spans if span.name == "POST /v1/profile/photos")
    task = next(span for span in spans if span.name == "photos.process")
    assert task.parent_id in {span.span_id for span in spans if span.service == "api"}
    assert (task.attributes["work.key"], task.attributes["work.outcome"]) == (photo["id"], "done")
    assert request.attributes["request.id"] == task.attributes["request.id"] == "watched-0001"
    for process, parent in (("api", request), ("worker", task)):
        statements = [span for span in spans if span.service == process and "db.query.text" in span.attributes]
        assert {"INSERT", "UPDATE"} & {span.name for span in statements}
        assert {span.parent_id for span in statements} <= {parent.span_id, *(span.span_id for span in spans)}
    assert any(span.name == "redis hints" and span.parent_id == request.span_id for span in spans)
    assert not watched.watchers.heard(person.email)
    assert not watched.watchers.heard(trace_id)  # as text: ids travel as bytes


@pytest.mark.xdist_group("watched")
def test_what_follows_a_question_mark_is_in_no_trace(watched: Watched, committed: Database) -> None:
    before = len(watched.watchers.spans)
    httpx2.get(f"{watched.url}/v1/discovery", params={"near": SECRETS[2]})
    httpx2.get(f"{watched.url}/v1/health/live", params={"near": SECRETS[2]})
    Stack.wait_for(
        lambda: any(span.name == "GET /v1/discovery" for span in watched.watchers.spans[before:]), seconds=10
    )
    assert not watched.watchers.heard(SECRETS[2])
    assert not [span for span in watched.watchers.spans if "health" in span.name]


@pytest.mark.xdist_group("watched")
def test_an_error_is_told_once_and_without_anybodys_words(watched: Watched, committed: Database) -> None:
    words = "ALTER TABLE users ADD CONSTRAINT planted CHECK (name <> 'planted-words')"
    with committed.transaction() as session:
        session.execute(text(words))
    try:
        body = {"email": SECRETS[0], "password": SECRETS[1], "name": SECRETS[4], "birth_date": "1990-12-10"}
        for number in (1, 2, 3):
            answer = httpx2.post(
                f"{watched.url}/v1/auth/signup",
                params={"near": SECRETS[2]},
                json=body,
                headers={"X-Request-ID": f"planted-{number}", "Cookie": SECRETS[3], "Authorization": "Bearer planted"},
            )
            assert answer.status_code == 500
    finally:
        with committed.transaction() as session:
            session.execute(text("ALTER TABLE users DROP CONSTRAINT planted"))
    assert httpx2.get(f"{watched.url}/v1/users/me").status_code == 401  # a refusal, and nothing to tell
    Stack.wait_for(lambda: bool(watched.reported(said="unexpected error")), seconds=10)
    (report,) = watched.reported(said="unexpected error")
    assert report["tags"]["request_id"] == "planted-1"
    assert report["tags"]["process"] == "api"
    assert report["tags"]["route"] == "/v1/auth/signup"
    assert report["environment"] == "development"
    assert report["release"].startswith("delete@")
    assert "IntegrityError" in {error["type"] for error in report["exception"]["values"]}
    frames = [frame for error in report["exception"]["values"] for frame in error["stacktrace"]["frames"]]
    assert any(frame["filename"] == "shared/database.py" for frame in frames)
    assert not [frame for frame in frames if "vars" in frame]
    assert not {"request", "user", "breadcrumbs", "extra", "contexts"} & report.keys()
    for secret in (*SECRETS, "Bearer", "$bcrypt"):
        assert not watched.watchers.heard(secret), secret


@pytest.mark.xdist_group("watched")
def test_work_that_is_given_up_is_told_and_what_comes_back_is_not(watched: Watched, committed: Database) -> None:
    with committed.transaction() as session:
        ledger.ask(session, DELETE_FILES, "no id")
    Stack.wait_for(lambda: attempts(watched, "photos.delete_files", "retried") == 1, seconds=20)
    with committed.transaction() as session:
        session.execute(text("UPDATE work SET attempts = :most - 1, due_at = now()"), {"most": DELETE_FILES.attempts})
    assert not watched.reported(job="photos.delete_files")
    with committed.transaction() as session:
        queue.note(session, Hint(DELETE_FILES, "no id"))
    Stack.wait_for(lambda: attempts(watched, "photos.delete_files", "given_up") == 1, seconds=20)
    Stack.wait_for(lambda: bool(watched.reported(job="photos.delete_files")), seconds=10)
    (report,) = watched.reported(job="photos.delete_files")
    assert (report["tags"]["key"], report["tags"]["process"]) == ("no id", "worker")
    assert [error["type"] for error in report["exception"]["values"]] == ["ValueError"]


@pytest.mark.xdist_group("watched")
def test_a_workers_figures_outlive_the_processes_that_do_the_work(
    watched: Watched, committed: Database, person: LiveClient
) -> None:
    before = watched.worker_metrics()
    done = ("work_attempts_total", "photos.process", "done")
    person.processed(person.upload(small_photo(seed=2)).json()["id"])
    Stack.wait_for(lambda: watched.worker_metrics().get(done, 0) == before.get(done, 0) + 1, seconds=10)
    person.upload(small_photo(seed=3) + b"POISON")
    killed = ("tasks_total", "killed", "photos.process")
    Stack.wait_for(lambda: watched.worker_metrics().get(killed) == 1, seconds=30)
    person.processed(person.upload(small_photo(seed=4)).json()["id"])
    Stack.wait_for(lambda: watched.worker_metrics().get(done, 0) == before.get(done, 0) + 2, seconds=10)
    after = watched.worker_metrics()
    kept = [socket.status for child in watched.worker.children() for socket in child.net_connections()]
    assert psutil.CONN_LISTEN not in kept, "whoever is started in its parent's place could not have the port"
    assert after["task_duration_seconds_count", "photos.process"] >= 2
    assert after["tasks_total", "done", "photos.process"] >= 2
    assert after["process_resident_memory_bytes",] > 0


def attempts(watched: Watched, kind: str, outcome: str) -> float:
    return watched.worker_metrics().get(("work_attempts_total", kind, outcome), 0)


@pytest.mark.xdist_group("watched")
def test_the_dashboard_and_the_alerts_ask_for_what_there_is(watched: Watched, committed: Database) -> None:
    now = datetime.now(UTC)
    night = DiscoveryRun(day=now.date(), started_at=now, finished_at=now, regions=0, yes_given=[], yes_received=[])
    with committed.transaction() as session:
        session.add(night)
    Stack.wait_for(lambda: "discovery_night_gini" in httpx2.get(f"{watched.url}/metrics").text, seconds=10, every=0.5)
    told = "".join(httpx2.get(f"{url}/metrics").text for url in (watched.url, watched.worker_url))
    types = re.findall(r"^# TYPE (\S+) (\S+)$", told, re.MULTILINE)
    known = {"up"} | {name + suffix for name, kind in types for suffix in SUFFIXES.get(kind, ("",))}
    asked = {target["expr"] for panel in PANELS for target in panel["targets"]} | {rule["expr"] for rule in ALERTS}
    for expression in asked:
        assert names(expression) - known == set(), expression
