"""Who may see a page of the console: nobody from another site, and nobody without a living session of their own."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from psycopg import OperationalError as DriverError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_admin.auth import AdminUser

from shared import clock, log
from shared.accounts import console_login
from shared.accounts.models import Role
from shared.accounts.seal import Seal
from shared.console.lists import Viewer
from shared.database import Database
from shared.errors import Refusal
from shared.settings import settings

COOKIE: Final = "console"
TOKEN: Final = "csrftoken"  # noqa: S105 - the name of a form's field, the library's
SAFE: Final = frozenset({"GET", "HEAD"})
AWAY: Final = (OperationalError, InterfaceError, PoolTimeout, DriverError)
_log = log.logger(__name__)

Refused = Callable[[Request, Refusal], Response]
"""The page that tells a refusal."""


@dataclass(kw_only=True)
class Staff(AdminUser):
    """The moderator or admin who is here."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    role: Role

    @property
    def is_admin(self) -> bool:
        """Whether they may do what only admins may."""
        return self.role == Role.ADMIN

    @property
    def viewer(self) -> Viewer:
        """Whoever this is, as the lists know them."""
        return Viewer(self.user_id, self.is_admin)


class Guard:
    """Lets a request through to the pages, or answers it itself."""

    def __init__(self, app: ASGIApp, db: Database, seal: Seal, refused: Refused) -> None:
        self._app, self._db, self._seal, self._refused = app, db, seal, refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, started = Request(scope), False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            answer = await self._stopped(request)
            if answer is None:
                await self._app(scope, receive, watched)
                return
        except Refusal as refusal:
            if started:
                raise
            answer = self._refused(request, refusal)
        except AWAY as error:
            if started:
                raise
            _log.error("the database does not answer", error=str(error.__cause__ or error).strip())
            answer = self._refused(request, Refusal("service_unavailable"))
        await answer(scope, receive, send)

    async def _stopped(self, request: Request) -> Response | None:
        """The answer to a request that must not go on."""
        if _foreign(request):
            raise Refusal("forbidden", "This was asked for by another site, so nothing was done.")
        path = below(request)
        if path == "/login" or path.startswith("/static/"):
            return None
        session_id = session_of(request, self._seal)
        if session_id is None:
            return RedirectResponse(_login(request), HTTP_303_SEE_OTHER)
        try:
            user = await self._db.run(
                console_login.authenticate, session_id=session_id, least=Role.MODERATOR, now=clock.now()
            )
        except Refusal:
            return RedirectResponse(_login(request), HTTP_303_SEE_OTHER)
        request.state.admin_user = Staff(
            username=user.name, user_id=user.id, session_id=session_id, role=Role(user.role)
        )
        request.state.is_anonymous = False
        request.state.csrf_token = self._seal.sign("form", str(session_id))
        return None


def below(request: Request) -> str:
    """The path below that of the console."""
    return str(request.scope["path"]).removeprefix(request.scope["root_path"])


def session_of(request: Request, seal: Seal) -> uuid.UUID | None:
    """The session of the request's cookie, if it is one of ours."""
    session_id, _, signature = request.cookies.get(COOKIE, "").partition(".")
    if not seal.genuine("cookie", session_id, signature):
        return None
    return uuid.UUID(session_id)


def _login(request: Request) -> str:
    """The page to log in, which leads back to where they were going."""
    login = str(request.url_for("admin:login"))
    here = below(request) + (f"?{request.url.query}" if request.url.query else "")
    return login if request.method not in SAFE or here in {"", "/"} else f"{login}?{urlencode({'next': here})}"


def _foreign(request: Request) -> bool:
    """Whether a page of another site has made the browser send this. Links from elsewhere are none of that.

    Browsers say it in Sec-Fetch-Site, over http only in Origin; what changes something must say either. Our apps are
    other sites in this: what runs in them must not read the console.
    """
    is_safe, site, origin = request.method in SAFE, request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_link = site == "none" or request.headers.get("sec-fetch-mode") == "navigate"
        return site != "same-origin" and not (is_safe and is_link)
    return not is_safe if origin is None else urlsplit(origin).netloc not in _own(request)


def _own(request: Request) -> set[str]:
    return {request.headers.get("host", ""), urlsplit(settings().public_url).netloc} - {""}
