"""People for benchmarks: as many as wanted, in cities of very uneven size, with realistic wishes."""

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import psycopg
from numpy.typing import NDArray
from tqdm import tqdm

from shared.embedding.rules import DIMENSIONS
from shared.settings import settings

CITIES: Final = 150
BATCH: Final = 50_000
_DAY: Final = timedelta(days=1)
_GENDERS: Final = ("woman", "man", "nonbinary")
_LIMITS: Final = (10, 25, 50, 100, 200, 500, None)
_LIMIT_SHARES: Final = (0.10, 0.25, 0.30, 0.15, 0.07, 0.03, 0.10)
_OTHER: Final = {"woman": "man", "man": "woman", "nonbinary": "nonbinary"}


def populate(url: str, people: int, *, seed: int = 1) -> None:
    """Fill an empty database with so many people: accounts, photos, traits and vectors. Shows its progress."""
    random = np.random.default_rng(seed)
    centres = np.column_stack([random.uniform(37, 58, CITIES), random.uniform(-9, 30, CITIES)])
    shares = 1 / np.arange(1, CITIES + 1)
    tastes = random.normal(size=(60, DIMENSIONS))
    with psycopg.connect(url, autocommit=True) as connection, tqdm(total=people, unit=" people", desc="Making") as bar:
        for start in range(0, people, BATCH):
            count = min(BATCH, people - start)
            ids = [uuid.UUID(bytes=raw.tobytes()) for raw in random.integers(0, 256, (count, 16), dtype=np.uint8)]
            homes = random.choice(CITIES, count, p=shares / shares.sum())
            _copy_users(connection, ids, _places(random, centres, homes), random)
            _copy_photos(connection, ids, random)
            _copy_traits(connection, ids, random)
            _copy_vectors(connection, ids, tastes, random)
            bar.update(count)
        connection.execute("ANALYZE")


def decide(url: str, decisions: int, *, seed: int = 2) -> None:
    """Let people like and pass at random: so many decisions, a third of them likes."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT setseed(%s)", [seed / 100])
        connection.execute(
            "CREATE TEMPORARY TABLE everybody AS SELECT id, row_number() OVER (ORDER BY id) AS number FROM users"
        )
        pairs = """SELECT DISTINCT one.id AS a, other.id AS b
            FROM (
                SELECT 1 + floor(random() * everybody)::bigint AS one, 1 + floor(random() * everybody)::bigint AS other
                FROM (SELECT count(*) AS everybody FROM everybody) counted, generate_series(1, %s)
            ) drawn
            JOIN everybody one ON one.number = drawn.one JOIN everybody other ON other.number = drawn.other"""
        connection.execute(
            f"""WITH chosen AS MATERIALIZED (SELECT a, b FROM ({pairs}) p WHERE a <> b),
            liked AS (
                INSERT INTO likes (id, liker_id, liked_id, created_at)
                SELECT gen_random_uuid(), a, b, now() FROM chosen ON CONFLICT DO NOTHING
            )
            INSERT INTO pairs (low_id, high_id, likes)
            SELECT least(a, b), greatest(a, b), bit_or(CASE WHEN a < b THEN 1 ELSE 2 END) FROM chosen GROUP BY 1, 2
            ON CONFLICT DO NOTHING""",
            [decisions // 3],
        )
        week = datetime.now(UTC).date() + 28 * _DAY
        week -= week.weekday() * _DAY
        connection.execute(
            f"""CREATE TABLE IF NOT EXISTS passes_{week:%Y%m%d} PARTITION OF passes
            FOR VALUES FROM ('{week}') TO ('{week + 7 * _DAY}')"""
        )
        connection.execute(
            f"""INSERT INTO passes (passer_id, passed_id, expires_on, expires_at, created_at)
            SELECT a, b, '{week}', '{week} 12:00Z', now() FROM ({pairs}) p WHERE a <> b ON CONFLICT DO NOTHING""",
            [decisions - decisions // 3],
        )
        connection.execute("ANALYZE")


def _places(random: np.random.Generator, centres: NDArray[np.float64], homes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Most live in their city or around it, some anywhere in the country."""
    spread = random.choice([4, 12, 40], len(homes), p=[0.5, 0.35, 0.15])[:, None] / 111
    return centres[homes] + random.normal(size=(len(homes), 2)) * spread * [1, 1.5]


def _copy_users(
    connection: psycopg.Connection,
    ids: list[uuid.UUID],
    places: NDArray[np.float64],
    random: np.random.Generator,
) -> None:
    count, now = len(ids), datetime.now(UTC)
    ages = np.clip(18 + random.gamma(2.2, 6, count), 18, 80)
    genders = random.choice(_GENDERS, count, p=[0.48, 0.50, 0.02])
    seeks = random.choice(["other", "same", "all"], count, p=[0.86, 0.07, 0.07])
    widths = random.integers(3, 15, (count, 2))
    limits = random.choice(len(_LIMITS), count, p=_LIMIT_SHARES)
    joined, away = random.exponential(200, count), random.exponential(6, count)
    columns = (
        "id, email, email_verified_at, name, password_hash, birth_date, gender, bio, latitude, longitude, time_zone, "
        "sought_genders, min_age, max_age, max_distance_km, created_at, last_active_at"
    )
    with connection.cursor().copy(f"COPY users ({columns}) FROM STDIN") as copy:
        for n, user_id in enumerate(ids):
            gender, age = str(genders[n]), int(ages[n])
            sought = {"other": [_OTHER[gender]], "same": [gender], "all": list(_GENDERS)}[str(seeks[n])]
            copy.write_row(
                (
                    user_id,
                    f"{user_id.hex}@example.com",
                    now,
                    "Ada",
                    "!",
                    now.date() - (age * 365.25 + random.integers(0, 365)) * _DAY,
                    gender,
                    "Writes letters to machines, and bakes bread on Sundays.",
                    places[n, 0],
                    places[n, 1],
                    "Europe/Berlin",
                    sought,
                    max(18, age - int(widths[n, 0])),
                    max(18, min(99, age + int(widths[n, 1]))),
                    _LIMITS[limits[n]],
                    now - joined[n] * _DAY,
                    now - min(away[n], joined[n]) * _DAY,
                )
            )


def _copy_photos(connection: psycopg.Connection, ids: list[uuid.UUID], random: np.random.Generator) -> None:
    counts = random.integers(1, 4, len(ids))
    columns = "id, user_id, position, status, width, height, thumbhash, color, renditions"
    with connection.cursor().copy(f"COPY photos ({columns}) FROM STDIN") as copy:
        for user_id, count in zip(ids, counts, strict=True):
            for position in range(count):
                stem = f"photos/{user_id.hex[:2]}/{user_id.hex}{position}"
                keys = ",".join(f'"{variant}":"{stem}-{variant}.webp"' for variant in ("320", "640", "1080"))
                renditions = f'{{{keys},"jpeg":"{stem}-1080.jpg"}}'
                thumb = "1QcSHQRnh493V4dIh4eXh1h4kJUI"
                copy.write_row((uuid.uuid4(), user_id, position, "ready", 1080, 1350, thumb, "#7f6a4f", renditions))


def _copy_traits(connection: psycopg.Connection, ids: list[uuid.UUID], random: np.random.Generator) -> None:
    scores = np.round(random.beta(2.5, 2.5, (len(ids), 6)) * 15) / 15
    taken = random.random(len(ids)) < 0.9
    with connection.cursor().copy("COPY user_trait_scores (user_id, version, scores) FROM STDIN") as copy:
        for user_id, theirs, has in zip(ids, scores, taken, strict=True):
            if has:
                copy.write_row((user_id, 1, str(theirs.tolist())))


def _copy_vectors(
    connection: psycopg.Connection,
    ids: list[uuid.UUID],
    tastes: NDArray[np.float64],
    random: np.random.Generator,
) -> None:
    """Vectors that gather around some tastes, in the binary form of COPY."""
    vectors = tastes[random.integers(0, len(tastes), len(ids))] + 1.2 * random.normal(size=(len(ids), DIMENSIONS))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    model = settings().embedding_model.encode()
    rows = np.zeros(
        len(ids),
        [
            *(("fields", ">i2"), ("id_size", ">i4"), ("id", "V16"), ("vector_size", ">i4"), ("dimensions", ">i2")),
            *(("unused", ">i2"), ("vector", ">f2", DIMENSIONS), ("model_size", ">i4"), ("model", f"S{len(model)}")),
        ],
    )
    rows["fields"], rows["id_size"], rows["vector_size"], rows["dimensions"] = 3, 16, 4 + 2 * DIMENSIONS, DIMENSIONS
    rows["id"] = np.frombuffer(b"".join(user_id.bytes for user_id in ids), "V16")
    rows["vector"], rows["model_size"], rows["model"] = vectors, len(model), model
    with connection.cursor().copy(
        "COPY profile_vectors (user_id, vector, model) FROM STDIN WITH (FORMAT binary)"
    ) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        copy.write(rows.tobytes())
        copy.write(b"\xff\xff")


def project(url: str) -> float:
    """Make what ranking knows of everybody; the seconds it took."""
    began = time.perf_counter()
    from shared.database import database  # noqa: PLC0415 - settings are those of the benchmark by now
    from shared.discovery import candidates  # noqa: PLC0415

    with psycopg.connect(url) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM users ORDER BY id")]
    for chunk in _chunks(ids, 5000):
        with database().transaction() as session:
            candidates.make(session, user_ids=chunk, now=datetime.now(UTC))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE candidates")
    return time.perf_counter() - began


def _chunks(ids: list[uuid.UUID], size: int) -> Iterator[list[uuid.UUID]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
