"""P1 and P17: what a page of discovery costs the API process, and how long somebody without a queue waits for one."""

import json
import os
import random
import statistics
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import psycopg
from tqdm import tqdm

from bench import population, serving
from bench.report import Figure
from bench.serving import CONNECTIONS, Server
from dev.temporary import stores

PEOPLE: Final = 100_000
VIEWERS: Final = 300
ROUNDS: Final = 15
REQUESTS: Final = 480  # of each, in a round
OK: Final = 200

# Two answers and two badges for everybody, so that cards are as full as real ones.
_FURNISH: Final = (
    """INSERT INTO prompt_answers (id, user_id, prompt_id, answer, position)
    SELECT gen_random_uuid(), u.id, p.id,
        'Fish soup all day, a walk along the river in the rain, and somebody who laughs at the same bad films.', p.place
    FROM users u CROSS JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM prompts LIMIT 2) p""",
    """INSERT INTO user_badges (user_id, slug, reason, strength, position, awarded_at)
    SELECT u.id, b.slug, 'You say a thing as it is, and people know where they stand with you.', 0.9, b.place, now()
    FROM users u CROSS JOIN unnest(%s::text[]) WITH ORDINALITY AS b (slug, place)""",
)


def measure() -> list[Figure]:
    """CPU per page against the floor's, and the wait of somebody without a queue."""
    with stores() as values:
        env = {**os.environ, **values, "LOG_LEVEL": "WARNING"}
        os.environ.update(env)
        url = values["DATABASE_URL"]
        population.populate(url, PEOPLE)
        population.project(url)
        tokens = _viewers(url)
        with serving.api(env) as product, serving.floor("bench.page_floor:app", env) as floor:
            _fill_floor(product, url, tokens)
            pages, floors = _requests(tokens), _requests(tokens)
            rounds = []
            for number in tqdm(range(ROUNDS + 1), desc="Reading", unit=" rounds"):
                cost = product.run([next(pages) for _ in range(REQUESTS)], status=OK)
                least = floor.run([next(floors) for _ in range(REQUESTS)], status=OK)
                rounds += [(cost, least)] if number else []  # the first one warms up
            stored, made = _waits(product, url, tokens)
    cost, least = (statistics.median(column) for column in zip(*rounds, strict=True))
    return [
        Figure(
            id="P1",
            what=f"GET /v1/discovery, 20 cards: CPU of the API at {CONNECTIONS} connections",
            unit="us",
            product=cost * 1e6,
            floor=least * 1e6,
            ratio=least / cost,
            must=0.60,
            reach=0.85,
            better="higher",
        ),
        Figure(
            id="P17",
            what=f"a person with no queue, {PEOPLE:,} people: p50 of the first page against that of a stored queue",
            unit="ms",
            product=made * 1e3,
            floor=stored * 1e3,
            ratio=made / stored,
            must=80,
            reach=60,
            better="lower",
        ),
    ]


def _viewers(url: str) -> list[tuple[uuid.UUID, str]]:
    """(id, access token) of people with queues."""
    from shared.badges.catalogue import BADGES  # noqa: PLC0415 - only now do the settings point at these stores
    from shared.database import database  # noqa: PLC0415
    from shared.discovery import queues  # noqa: PLC0415

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FURNISH[0])
        connection.execute(_FURNISH[1], [[badge.slug for badge in BADGES[:2]]])
        connection.execute("ANALYZE")
        tokens = serving.sign_in(connection, f"SELECT id FROM users ORDER BY id LIMIT {2 * VIEWERS}")
    full = []
    for user_id, token in tqdm(tokens, desc="Queues", unit=" people"):
        if database().call(queues.refresh, user_id=user_id, now=datetime.now(UTC), tell=False) >= 20:  # a whole page
            full.append((user_id, token))
    return full[:VIEWERS]


def _fill_floor(product: Server, url: str, tokens: list[tuple[uuid.UUID, str]]) -> None:
    """Lay the very same cards ready for the floor."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE bench_cards (viewer_id uuid, place integer, card text, PRIMARY KEY (viewer_id, place))"
        )
        with connection.cursor().copy("COPY bench_cards FROM STDIN") as copy:
            for user_id, token in tokens:
                items = json.loads(product.read(_request(token)))["items"]
                for place, card in enumerate(items):
                    copy.write_row((user_id, place, json.dumps(card, ensure_ascii=False, separators=(",", ":"))))
        connection.execute("ANALYZE bench_cards")


def _requests(tokens: list[tuple[uuid.UUID, str]]) -> Iterator[bytes]:
    chance = random.Random(1)
    while True:
        yield _request(chance.choice(tokens)[1])


def _request(token: str) -> bytes:
    return b"GET /v1/discovery HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n\r\n" % token.encode()


def _waits(product: Server, url: str, tokens: list[tuple[uuid.UUID, str]]) -> tuple[float, float]:
    """Median seconds of a page from a stored queue, and of the first page of somebody without one."""
    stored, made = [], []
    with psycopg.connect(url, autocommit=True) as connection:
        for user_id, token in tokens:
            connection.execute("DELETE FROM discovery_queues WHERE user_id = %s", [user_id])
            made += product.send([_request(token)], status=OK)
            stored += product.send([_request(token)], status=OK)
    return statistics.median(stored), statistics.median(made)
