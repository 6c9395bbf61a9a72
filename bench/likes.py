"""P2 and P3: what a like costs the API process, and how often it goes to Postgres."""

import itertools
import json
import os
import random
import statistics
import uuid
from collections.abc import Iterator
from typing import Final

import psycopg

from bench import serving
from bench.report import Figure
from bench.round_trips import Counter
from bench.serving import CONNECTIONS, Server
from dev.temporary import stores

PEOPLE: Final = 2000
LIKES_EACH: Final = 10
ROUNDS: Final = 30
REQUESTS: Final = 600  # of each, in a round
WARM_UP: Final = 500
CREATED: Final = 201
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
            serving.api(env) as product,
            Counter(url) as counter,
            serving.floor("bench.like_floor:app", env) as floor,
        ):
            rounds = []
            for number in (WARM_UP, *[REQUESTS] * ROUNDS):
                cost = product.run(itertools.islice(ours, number), status=CREATED)
                _forget(url)
                rounds.append((cost, floor.run(itertools.islice(floors, number), status=CREATED)))
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
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO users (id, email, name, password_hash, birth_date, contact_hash)"
            " SELECT gen_random_uuid(), i || '@example.com', 'Ada', '!', '1990-12-10', sha256(i::text::bytea)"
            " FROM generate_series(1, %s) i",
            [PEOPLE],
        )
        tokens = serving.sign_in(connection, "SELECT id FROM users")
        connection.execute("ANALYZE")
    return tokens


def _forget(url: str) -> None:
    """Both begin each round with nobody having liked anybody."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE daily_like_counts, pairs, likes, matches, match_changes, notifications CASCADE")


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


def _matches(product: Server, url: str, tokens: list[tuple[uuid.UUID, str]]) -> float:
    """Processor seconds per like that answers one."""
    chance = random.Random(2)
    couples = list(zip(tokens[::2], tokens[1::2], strict=True))
    product.run((_request(ada[1], bob[0], chance) for ada, bob in couples), status=CREATED)
    seconds = product.run((_request(bob[1], ada[0], chance) for ada, bob in couples), status=CREATED)
    _forget(url)
    return seconds


def _round_trips(counter: Counter, env: dict[str, str], requests: Iterator[bytes]) -> float:
    """Per like, in an API process whose connections are there."""
    with serving.api({**env, "DATABASE_URL": counter.url}) as api:
        api.send(itertools.islice(requests, 50), status=CREATED)
        before = counter.round_trips
        api.send(itertools.islice(requests, 200), status=CREATED)
        return (counter.round_trips - before) / 200
