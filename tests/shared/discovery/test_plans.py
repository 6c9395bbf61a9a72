"""How Postgres goes about it among 100,000 people: by indexes, and never past all of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import RawCursor
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.accounts.tokens import Claims
from shared.database import one
from shared.discovery import candidates, funnel, loading, pages, queues, why
from shared.discovery.page_statement import PAGE
from shared.settings import settings
from tests.likes import signed_in

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PEOPLE = 100_000
ABOUT_PEOPLE = {"users", "candidates", "photos", "discovery_queues", "user_trait_scores", "profile_vectors", "pairs"}

# A third of all live in one city, the others in ever smaller ones.
_USERS = """
INSERT INTO users (id, email, name, password_hash, birth_date, gender, sought_genders, min_age, max_age,
    max_distance_km, latitude, longitude)
SELECT gen_random_uuid(), n || '@example.com', 'Ada', '!', date '1970-01-01' + (n * 7919 % 13000),
    (ARRAY['woman', 'man'])[1 + n % 2], ARRAY[(ARRAY['man', 'woman'])[1 + n % 2]],
    18 + n % 20, 40 + n % 40, (ARRAY[10, 25, 50, 100, 500, NULL])[1 + n % 6],
    40 + city * 0.37 + n % 1000 * 0.0003, -5 + city * 0.71 % 30 + n % 997 * 0.0003
FROM (SELECT n, floor(40 * power((n * 7717 % 100000) / 100000.0, 3)) AS city FROM generate_series(1, :people) n) made
"""
_FILL = (
    """INSERT INTO photos (id, user_id, position, status, renditions)
    SELECT gen_random_uuid(), id, 0, 'ready', '{"320": "photos/a.webp"}' FROM users""",
    """INSERT INTO pairs (low_id, high_id, likes) SELECT id, lead(id) OVER (ORDER BY id), 1 FROM users
    ORDER BY id LIMIT 99999""",
    """INSERT INTO user_trait_scores (user_id, version, scores) SELECT id, 1, '[0.5,0.4,0.3,0.6,0.7,0.2]' FROM users""",
    """INSERT INTO profile_vectors (user_id, vector, model)
    SELECT id, array_fill(0.05::real, ARRAY[384])::halfvec, 'all-MiniLM-L6-v2' FROM users""",
    """INSERT INTO discovery_queues (user_id, ids, parts, wishes, computed_at)
    SELECT id, '{}', '', gen_random_uuid(), now() FROM users""",
    "ANALYZE",
)


@pytest.fixture(scope="module")
def crowd() -> Iterator[Connection]:
    """A connection that sees 100,000 people, who vanish with it."""
    engine = create_engine(settings().sqlalchemy_url)
    with engine.connect() as connection:
        transaction = connection.begin()
        connection.execute(text("SET LOCAL statement_timeout TO 0"))
        connection.execute(text(_USERS), {"people": PEOPLE})
        for statement in _FILL:
            connection.execute(text(statement))
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            ids = session.scalars(text("SELECT id FROM users")).all()
            candidates.make(session, user_ids=ids, now=NOW)
            session.commit()
        connection.execute(text("ANALYZE candidates"))
        yield connection
        transaction.rollback()
    engine.dispose()


def scanned(plan: dict[str, Any]) -> set[str]:
    """The tables that a plan reads from end to end."""
    found = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return found.union(*(scanned(part) for part in plan.get("Plans", ())))


@pytest.fixture
def plans(crowd: Connection) -> Iterator[dict[str, set[str]]]:
    """Statement to the tables about people that it reads from end to end, of what is run on the crowd's connection."""
    found: dict[str, set[str]] = {}

    def explain(_connection: object, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")):
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            ((answer,),) = cursor.fetchall()
            found[statement] = scanned(answer[0]["Plan"]) & ABOUT_PEOPLE

    event.listen(crowd, "before_cursor_execute", explain)
    yield found
    event.remove(crowd, "before_cursor_execute", explain)


@pytest.fixture
def session(crowd: Connection) -> Iterator[Session]:
    savepoint = crowd.begin_nested()
    with Session(crowd, join_transaction_mode="create_savepoint") as session:
        yield session
    savepoint.rollback()


def viewer(session: Session, limit: int | None) -> User:
    """Somebody in the large city who looks so far."""
    wanted = text(
        "SELECT c.user_id FROM candidates c JOIN users u ON u.id = c.user_id WHERE c.cell = "
        "(SELECT cell FROM candidates GROUP BY cell ORDER BY count(*) DESC LIMIT 1) "
        "AND u.max_distance_km IS NOT DISTINCT FROM :limit LIMIT 1"
    )
    return session.get_one(User, session.scalar(wanted, {"limit": limit}))


@pytest.mark.parametrize("limit", [10, 50, 500, None])
def test_one_person_s_queue_and_their_funnel(session: Session, plans: dict[str, set[str]], limit: int | None) -> None:
    user = viewer(session, limit)
    plans.clear()
    assert queues.refresh(session, user_id=user.id, now=NOW) == settings().discovery_queue
    funnel.funnel(session, user, now=NOW)
    shown = session.scalars(text("SELECT ids FROM discovery_queues WHERE user_id = :id"), {"id": user.id}).one()
    why.why(session, user, user_id=shown[0], now=NOW)
    assert len(plans) > 6
    assert {statement: tables for statement, tables in plans.items() if tables} == {}


def test_a_page(session: Session) -> None:
    user = viewer(session, 50)
    queues.refresh(session, user_id=user.id, now=NOW)
    claims: Claims = signed_in(session, user)
    session.flush()
    asked = pages.parameters(claims, after=pages.After(), limit=20, base="", now=NOW)
    assert pages.read(one(session, PAGE, asked)).shown == 20
    driver = session.connection().connection.driver_connection
    assert driver is not None
    explained = RawCursor(driver).execute(b"EXPLAIN (FORMAT JSON) " + PAGE._sql, PAGE._ordered(asked)).fetchone()
    assert explained is not None
    assert scanned(explained[0][0]["Plan"]) & ABOUT_PEOPLE == set()


def test_a_small_region(session: Session, plans: dict[str, set[str]]) -> None:
    region = session.scalars(text("SELECT region FROM candidates GROUP BY region ORDER BY count(*) LIMIT 1")).one()
    plans.clear()
    candidates.make(session, user_ids=candidates.of_region(session, region=region), now=NOW)
    candidates.offer(session, region=region)
    candidates.offer_far(session)
    assert {statement: tables for statement, tables in plans.items() if tables} == {}
    assert len(loading.load(session, region=region, now=NOW).viewers) > 0
