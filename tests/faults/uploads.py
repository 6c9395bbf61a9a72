"""Uploads while everything around them is killed, and what became of each."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import redis

from tests.pictures import camera_photo
from tests.stack import LiveClient, Stack

AT_ONCE = 4

# Written down by the database itself, so that a result stored twice cannot hide.
COUNT_RESULTS = """
CREATE TABLE results (photo_id uuid, status text);
CREATE FUNCTION count_result() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO results VALUES (NEW.id, NEW.status); RETURN NEW; END $$;
CREATE TRIGGER count_results AFTER UPDATE OF processed_at ON photos FOR EACH ROW EXECUTE FUNCTION count_result();
"""


@dataclass
class Outcome:
    """What happened to the uploads and to the system."""

    uploads: int = 0
    accepted: int = 0
    answers_lost: int = 0
    """Photos that were taken in although their sender was told of an error, and so sent another."""
    statuses: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    errors_while_postgres_was_up: list[str] = field(default_factory=list)
    stored_twice: int = 0
    never_stored: int = 0
    ledger_left: int = 0
    files_missing: int = 0
    faults: list[str] = field(default_factory=list)
    slowest_accepted: float = 0.0
    drained_after: float = 0.0
    largest_peak_mb: float = 0.0

    @property
    def held(self) -> bool:
        """Whether every upload was accepted in the end and every promise kept, also one whose answer was lost."""
        return (
            self.accepted == self.uploads
            and self.statuses == Counter(ready=self.accepted + self.answers_lost)
            and not self.errors_while_postgres_was_up
            and not (self.stored_twice or self.never_stored or self.ledger_left or self.files_missing)
        )


@dataclass(frozen=True)
class Plan:
    """How many uploads, over how long, and when what breaks."""

    uploads: int = 200
    seconds: float = 75.0
    redis_stopped: float = 30.0
    lease_scale: float = 1.0
    settle: float = 180.0


def run(folder: Path, plan: Plan, say: Callable[[str], None]) -> Outcome:
    """Start a system, break it while uploading, and count."""
    stack = Stack(folder, {"LEASE_SCALE": str(plan.lease_scale)})
    stack.start()
    try:
        return _Run(stack, plan, say).run()
    finally:
        stack.stop()


class _Run:
    def __init__(self, stack: Stack, plan: Plan, say: Callable[[str], None]) -> None:
        self.stack, self.plan, self.say = stack, plan, say
        self.outcome = Outcome(uploads=plan.uploads)
        self.accepted: list[tuple[LiveClient, str]] = []
        self.postgres_down = threading.Event()
        self.lock = threading.Lock()
        self.began = time.monotonic()

    def run(self) -> Outcome:
        self.stack.rows(COUNT_RESULTS)
        # One for each upload: that whoever sends another after a lost answer meets no limit, and is told apart.
        people = [self.stack.client() for _ in range(self.plan.uploads)]
        self.began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE + 1) as pool:
            breaking = pool.submit(self._break)
            for uploaded in [pool.submit(self._upload, people, number) for number in range(self.plan.uploads)]:
                uploaded.result()
            breaking.result()
        self._settle()
        self._count(people)
        return self.outcome

    def _upload(self, people: list[LiveClient], number: int) -> None:
        """Upload one picture; when it is not accepted, try with another one, as a person would."""
        person = people[number]
        at = self.began + number * self.plan.seconds / self.plan.uploads
        time.sleep(max(0.0, at - time.monotonic()))
        for attempt in range(100):
            picture = camera_photo(1600, 1200, seed=number + 1000 * attempt)
            was_down = self.postgres_down.is_set()
            sent = time.monotonic()
            try:
                answer = person.upload(picture)
            except httpx2.HTTPError as error:
                self._note_error(f"{type(error).__name__}: {error}", excused=False)
                continue
            with self.lock:
                self.outcome.answers[str(answer.status_code)] += 1
            if answer.status_code == 202:
                with self.lock:
                    self.outcome.slowest_accepted = max(self.outcome.slowest_accepted, time.monotonic() - sent)
                    self.accepted.append((person, answer.json()["id"]))
                return
            excused = answer.status_code == 503 and (was_down or self.postgres_down.is_set())
            self._note_error(f"{answer.status_code}: {answer.text[:200]}", excused=excused)
            time.sleep(0.5)

    def _note_error(self, what: str, *, excused: bool) -> None:
        if not excused:
            with self.lock:
                self.outcome.errors_while_postgres_was_up.append(what)

    def _break(self) -> None:
        """Everything that goes wrong, spread over the uploads."""
        step = self.plan.seconds / 12
        self._at(1 * step, "kill -9 every worker", self._kill_workers)
        self._at(2 * step, "flush Redis", self._flush)
        self._at(
            3 * step, f"stop Redis for {self.plan.redis_stopped:g} s", lambda: self._signal("redis", signal.SIGSTOP)
        )
        self._at(4 * step, "kill -9 every worker again", self._kill_workers)
        self._at(3 * step + self.plan.redis_stopped, "Redis goes on", lambda: self._signal("redis", signal.SIGCONT))
        self._at(max(10 * step, 3 * step + self.plan.redis_stopped + step), "restart Postgres", self._restart_postgres)

    def _at(self, second: float, what: str, do: Callable[[], None]) -> None:
        time.sleep(max(0.0, self.began + second - time.monotonic()))
        do()
        self.outcome.faults.append(f"{time.monotonic() - self.began:5.1f} s  {what}")
        self.say(self.outcome.faults[-1])

    def _kill_workers(self) -> None:
        for name in self.stack.workers():
            self.stack.kill(name)

    def _signal(self, name: str, how: signal.Signals) -> None:
        self.stack.kill(name, how)

    def _flush(self) -> None:
        redis.Redis.from_url(self.stack.addresses()["REDIS_URL"]).flushall()

    def _restart_postgres(self) -> None:
        self.postgres_down.set()
        self.stack.kill("postgres", signal.SIGQUIT)  # immediate: as if the machine lost power
        self.stack.wait_for(self._answers, seconds=60)
        # Requests that began before still hold connections of the old server.
        threading.Timer(2.0, self.postgres_down.clear).start()

    def _answers(self) -> bool:
        try:
            return bool(httpx2.get(f"{self.stack.url}/v1/health", timeout=10).json().get("db") == "ok")
        except httpx2.HTTPError:
            return False

    def _settle(self) -> None:
        ended = time.monotonic()
        deadline = ended + self.plan.settle
        while time.monotonic() < deadline:
            (left,) = self.stack.rows("SELECT count(*) FROM photos WHERE status = 'processing'")[0]
            if not left:
                break
            time.sleep(0.5)
        self.outcome.drained_after = time.monotonic() - ended
        self.outcome.largest_peak_mb = max(
            memory.peak for name, memory in self.stack.memory().items() if name.startswith(("worker", "api"))
        )

    def _count(self, people: list[LiveClient]) -> None:
        outcome, media = self.outcome, self.stack.folder / "media"
        outcome.accepted = len(self.accepted)
        results = Counter(str(photo_id) for (photo_id,) in self.stack.rows("SELECT photo_id FROM results"))
        held = [photo for person in people for photo in person.http.get("/v1/profile/photos").json()["items"]]
        told = {photo_id for _, photo_id in self.accepted}
        outcome.answers_lost = sum(photo["id"] not in told for photo in held)
        outcome.never_stored = len(told - {photo["id"] for photo in held})
        for photo in held:
            photo_id = photo["id"]
            outcome.statuses[photo["status"]] += 1
            outcome.stored_twice += results[photo_id] > 1
            outcome.never_stored += results[photo_id] == 0
            folder = media / "photos" / photo_id.replace("-", "")[:2] / photo_id
            outcome.files_missing += len(list(folder.glob("*"))) != 4
        outcome.ledger_left = self.stack.rows("SELECT count(*) FROM work WHERE kind = 'photos.process'")[0][0]
        sample = random.Random(0).sample(self.accepted, min(5, len(self.accepted)))
        for person, photo_id in sample:
            for url in person.photo(photo_id)["urls"].values():
                outcome.files_missing += httpx2.get(url).status_code != 200
