"""The HTTP application: its parts put together."""

import gc
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI

from api import (
    accounts,
    auth,
    badges,
    creating,
    demo,
    description,
    discovery,
    email,
    errors,
    health,
    likes,
    live,
    matches,
    matching,
    media,
    messages,
    metrics,
    notices,
    notifications,
    people,
    photos,
    privacy,
    profiles,
    prompts,
    quiz,
    review,
    safety,
    sessions,
    work,
)
from api.bodies import BodyLimits
from api.console import mount as console
from api.dependencies import Hashing
from api.listening import Hub
from api.measures import Requests
from api.middleware import Cors, RequestContext, UnexpectedErrors
from api.rates import Rates
from api.tallies import Tallies
from shared import tracing
from shared.accounts import passwords
from shared.accounts.tokens import KeyRing
from shared.database import Database, database
from shared.settings import settings


class Application(FastAPI):
    """FastAPI, with "Authorize" in the docs working behind a prefix too."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document.

        The token's address is given from the root of the host: a relative one is resolved against the server's, where
        v1 beside /api is /v1.
        """
        document = super().openapi()
        description.complete(document)
        scheme = document["components"]["securitySchemes"]["OAuth2PasswordBearer"]
        scheme["flows"]["password"]["tokenUrl"] = f"{settings().root_path}/v1/auth/token"
        return document


def _is_not_traced(scope: MutableMapping[str, Any]) -> bool:
    """What is open for hours, and what asks again and again whether we are well."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return scope["type"] != "http" or path == "/metrics" or path.startswith("/v1/health")


def create_app(db: Database | None = None) -> FastAPI:
    """The application; `db` replaces the configured database."""
    values = settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.rates = Rates(values.redis_url)
        app.state.tallies = Tallies(app.state.rates, values)
        await app.state.database.open()
        await app.state.hub.open()
        await to_thread.run_sync(passwords.dummy_hash)
        # What start-up made lives as long as the process: without looking at it again and again, the collector's
        # pauses shrink, and with them the slowest requests (p99 about a third).
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        try:
            yield
        finally:
            await app.state.hub.close()
            await app.state.database.close()
            await app.state.rates.close()

    app = Application(
        title="Delete",
        version=health.VERSION,
        description="The dating app that is built to be deleted.",
        lifespan=lifespan,
        openapi_url="/openapi.json" if values.docs_served else None,
        docs_url="/docs" if values.docs_served else None,
        redoc_url="/redoc" if values.docs_served else None,
        telemetry={
            "tracer_provider": tracing.provider(),
            "tracing": tracing.provider() is not None,
            "metrics": False,  # /metrics has them
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": _is_not_traced,
        },
    )
    app.state.database = db or database()
    app.state.hub = Hub(values.redis_url, app.state.database)
    app.state.requests = Requests()
    app.state.lookout = metrics.Lookout(app.state.database)
    app.state.keys = KeyRing(values)
    app.state.hashing = Hashing()
    errors.install(app)
    creating.install(app)
    app.add_middleware(BodyLimits)
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(
        Cors,
        allow_origins=values.cors_origins,
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-ID"],
        expose_headers=["Location", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-ID"],
        max_age=600,
    )
    app.add_middleware(RequestContext, requests=app.state.requests, strict_transport=values.is_production)
    # The hot ones first: a request is compared with one after the other, so /users/me stands before /users/{id} too.
    # They are joined as they are. `include_router` would make each a second time, when the first request looks for its
    # own, for the sake of prefixes and dependencies that they have already: 0.1 s and 2 MB (measured).
    of_people = (
        likes,
        discovery,
        matching,
        matches,
        messages,
        accounts,
        profiles,
        photos,
        prompts,
        quiz,
        badges,
        safety,
        notices,
        notifications,
        privacy,
    )
    others = (live, health, auth, sessions, email, media, work, review, people, demo, metrics)
    app.router.routes += [
        *discovery.lean.routes,
        *messages.lean.routes,
        *(route for domain in (*of_people, *others) for route in domain.router.routes),
        *discovery.admin.routes,
    ]
    if values.admin_console:
        console.mount(app)
    return app
