"""The floor that a page of discovery is measured against: bare Starlette, the same JWT check, one indexed SELECT."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import orjson
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.accounts.tokens import KeyRing
from shared.settings import settings

PAGE: Final = "SELECT card FROM bench_cards WHERE viewer_id = %s ORDER BY place LIMIT 20"


async def page(request: Request) -> Response:
    """The least that a page could be: its cards lie there as text."""
    claims = request.app.state.keys.read(request.headers["authorization"][7:], "access")
    async with request.app.state.pool.connection() as connection:
        rows = await (await connection.execute(PAGE, [claims.user_id])).fetchall()
    content = {"items": [orjson.Fragment(card) for (card,) in rows], "next_cursor": None}
    return Response(orjson.dumps(content), media_type="application/json")


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.keys = KeyRing(settings())
    async with AsyncConnectionPool(
        settings().database_url, min_size=1, max_size=4, kwargs={"autocommit": True}
    ) as pool:
        app.state.pool = pool
        yield


app = Starlette(routes=[Route("/v1/discovery", page)], lifespan=_lifespan)
