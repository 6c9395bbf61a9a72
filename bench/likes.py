"""P2 and P3: what a like costs the API process, and how often it goes to Postgres."""

import itertools
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import psutil
import psycopg

from bench.report import Figure
from bench.round_trips import Counter
from dev import parts
from dev.temporary import stores

PEOPLE: Final = 2000
LIKES_EACH: Final = 10
CONNECTIONS: Final = 16
ROUNDS: Final = 30
REQUESTS: Final = 600  # of each, in a round
WARM_UP: Final = 500
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def measure() -> list[Figure]:
    """CPU per like against the floor's, and round trips."""
    with stores() as values:
        env = {**os.environ, **values, "LOG_LEVEL": "WARNING", "LIKES_PER_MINUTE": "1000"}
        os.environ.update(env)
        url = values["DATABASE_URL"]
        tokens = _people(url)
        ours, floors = _likes(tokens), _likes(tokens)
        with (
            _server("api", "python -m api", env) as product,
            Counter(url) as counter,
            _server("floor", "uvicorn bench.like_floor:app", env) as floor,
        ):
            rounds = []
            for number in (WARM_UP, *[REQUESTS] * ROUNDS):
                cost = _run(product, itertools.islice(ours, number))
                _forget(url)
                rounds.append((cost, _run(floor, itertools.islice(floors, number))))
                _forget(url)
            matching = _matches(product, url, tokens)
            trips = _round_trips(counter, env, _likes(tokens))
    cost, least = (statistics.median(column) for column in zip(*rounds[1:], strict=True))
    return [
        Figure(
            id="P2",
            what=(
                f"POST /v1/matching/like with a comment: CPU of the API at {CONNECTIONS} connections"
                f" (of one that makes a match: {matching * 1e6:,.0f} us)"
            ),
            unit="us",
            product=cost * 1e6,
            floor=least * 1e6,
            ratio=least / cost,
            must=0.50,
            reach=0.60,
            better="higher",
        ),
        Figure(
            id="P3",
            what="a like: round trips to Postgres, counted on the wire",
            unit="",
            product=trips,
            must=2,
            reach=1,
            better="lower",
        ),
    ]


def _people(url: str) -> list[tuple[uuid.UUID, str]]:
    """(id, access token) of people who are signed in."""
    from shared.accounts.tokens import Claims, KeyRing  # noqa: PLC0415 - only now do the settings point at these stores
    from shared.settings import settings  # noqa: PLC0415

    keys, now = KeyRing(settings()), datetime.now(UTC)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO users (id, email, name, password_hash, birth_date, contact_hash)"
            " SELECT gen_random_uuid(), i || '@example.com', 'Ada', '!', '1990-12-10', sha256(i::text::bytea)"
            " FROM generate_series(1, %s) i",
            [PEOPLE],
        )
        signed_in = connection.execute(
            "INSERT INTO sessions (id, user_id, token_hash, idle_until, expires_at)"
            " SELECT gen_random_uuid(), id, '', now() + '1 day', now() + '1 day' FROM users RETURNING user_id, id"
        ).fetchall()
        connection.execute("ANALYZE")
    return [
        (user_id, keys.issue("access", Claims(user_id, session, "x"), issued=now, expires=now + timedelta(hours=1)))
        for user_id, session in signed_in
    ]


def _forget(url: str) -> None:
    """Both begin each round with nobody having liked anybody."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE daily_like_counts, pairs, likes, matches, match_changes, notifications")


def _likes(tokens: list[tuple[uuid.UUID, str]]) -> Iterator[bytes]:
    """Likes that nobody answers, ten a day for each person, each with words of its own."""
    chance = random.Random(1)
    while True:
        people = chance.sample(tokens, len(tokens))
        for place, (_, token) in enumerate(people):
            for step in range(1, LIKES_EACH + 1):
                yield _request(token, people[(place + step) % len(people)][0], chance)


def _request(token: str, them: uuid.UUID, chance: random.Random) -> bytes:
    comment = " ".join("".join(chance.choices(_LETTERS, k=5)) for _ in range(8))
    body = json.dumps({"user_id": str(them), "comment": comment}).encode()
    return (
        b"POST /v1/matching/like HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (token.encode(), len(body), body)
    )


def _matches(product: psutil.Process, url: str, tokens: list[tuple[uuid.UUID, str]]) -> float:
    """Processor seconds per like that answers one."""
    chance = random.Random(2)
    couples = list(zip(tokens[::2], tokens[1::2], strict=True))
    _run(product, (_request(ada[1], bob[0], chance) for ada, bob in couples))
    seconds = _run(product, (_request(bob[1], ada[0], chance) for ada, bob in couples))
    _forget(url)
    return seconds


@contextmanager
def _server(name: str, command: str, env: dict[str, str]) -> Iterator[psutil.Process]:
    """A server process that answers; its port is in `env` of the process under PORT."""
    port = parts.free_port()
    argv = [sys.executable, "-m", *command.removeprefix("python -m ").split()]
    if name == "floor":
        argv += ["--port", str(port), "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]
    process = subprocess.Popen(argv, env={**env, "API_PORT": str(port)})
    try:
        deadline = time.monotonic() + 60
        while not parts.answers(port):
            if time.monotonic() > deadline:
                message = f"The {name} did not start"
                raise SystemExit(message)
            time.sleep(0.1)
        served = psutil.Process(process.pid)
        _PORTS[served.pid] = port
        yield served
    finally:
        process.terminate()
        process.wait(30)


_PORTS: Final[dict[int, int]] = {}


def _run(process: psutil.Process, requests: Iterator[bytes]) -> float:
    """Processor seconds per request."""
    todo = list(requests)
    before = process.cpu_times()
    shares = [todo[number::CONNECTIONS] for number in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(partial(_client, _PORTS[process.pid]), shares))
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / len(todo)


def _client(port: int, requests: list[bytes]) -> None:
    with socket.create_connection((parts.HOST, port), timeout=10) as connection:
        for request in requests:
            connection.sendall(request)
            answer = connection.recv(65536)
            if not answer.startswith(b"HTTP/1.1 201"):
                message = f"Unexpected answer: {answer[:400]!r}"
                raise SystemExit(message)
            while not answer.endswith(b"}"):
                answer = connection.recv(65536)


def _round_trips(counter: Counter, env: dict[str, str], requests: Iterator[bytes]) -> float:
    """Per like, in an API process whose connections are there."""
    with _server("api", "python -m api", {**env, "DATABASE_URL": counter.url}) as api:
        _client(_PORTS[api.pid], list(itertools.islice(requests, 50)))
        before = counter.round_trips
        _client(_PORTS[api.pid], list(itertools.islice(requests, 200)))
        return (counter.round_trips - before) / 200
