"""The floor that a like is measured against: bare Starlette, the same JWT check, and one statement, with no rules."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from shared.accounts.tokens import KeyRing
from shared.settings import settings

LIKE: Final = """
WITH counted AS (
    INSERT INTO daily_like_counts AS c (user_id, day, used) VALUES (%(me)s, current_date, 1)
    ON CONFLICT (user_id, day) DO UPDATE SET used = c.used + 1 WHERE c.used < %(limit)s RETURNING c.used
),
liked AS (
    INSERT INTO likes (id, liker_id, liked_id, comment, created_at)
    SELECT %(id)s, %(me)s, %(them)s, %(comment)s, now() FROM counted ON CONFLICT DO NOTHING RETURNING id
),
mutual AS (SELECT FROM likes, liked WHERE likes.liker_id = %(them)s AND likes.liked_id = %(me)s),
matched AS (
    INSERT INTO matches (id, low_id, high_id, state, created_at, state_changed_at, active_at)
    SELECT gen_random_uuid(), least(%(me)s, %(them)s), greatest(%(me)s, %(them)s), 'active', now(), now(), now()
    FROM mutual RETURNING id
)
SELECT (SELECT used FROM counted), (SELECT id FROM liked), (SELECT id FROM matched)
"""


async def like(request: Request) -> JSONResponse:
    """The least that a like could be."""
    claims = request.app.state.keys.read(request.headers["authorization"][7:], "access")
    body = await request.json()
    like_id, them = uuid.uuid4(), uuid.UUID(body["user_id"])
    values = {"me": claims.user_id, "them": them, "id": like_id, "comment": body["comment"], "limit": 10}
    async with request.app.state.pool.connection() as connection:
        used, liked, match = await (await connection.execute(LIKE, values)).fetchone()
    if liked is None:
        return JSONResponse({"error": "limit"}, 429)
    return JSONResponse({"id": str(liked), "match_id": match and str(match), "used": used}, 201)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.keys = KeyRing(settings())
    async with AsyncConnectionPool(
        settings().database_url, min_size=1, max_size=4, kwargs={"autocommit": True}
    ) as pool:
        app.state.pool = pool
        yield


app = Starlette(routes=[Route("/v1/matching/like", like, methods=["POST"])], lifespan=_lifespan)
