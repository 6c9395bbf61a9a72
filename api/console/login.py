"""Logging in at the console and out of it."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.status import HTTP_303_SEE_OTHER
from starlette.templating import Jinja2Templates
from starlette_admin.auth import AdminUser, BaseAuthProvider

from api.auth import SignInParts
from api.console.deeds import Deed, Given, route_of
from api.console.guard import COOKIE, Guard, Refused
from shared import clock
from shared.accounts import console_login, sign_in
from shared.accounts.devices import KNOWN_FOR
from shared.accounts.models import User
from shared.accounts.rules import PASSWORD_LENGTHS
from shared.accounts.seal import Seal
from shared.errors import Refusal

LOGIN_LENGTH: Final = 254
TOKEN_LENGTH: Final = 4096
DEVICE_COOKIE: Final = "console_device"  # opens nothing: it is counted apart from whoever guesses elsewhere


class Door(BaseAuthProvider):
    """The library's word for who decides about logins."""

    def __init__(self, api: FastAPI, seal: Seal, refused: Refused) -> None:
        super().__init__()
        self._api, self._seal, self._refused = api, seal, refused

    async def authenticate(self, request: Request) -> AdminUser | None:
        """Whoever the guard has let in."""
        user: AdminUser | None = getattr(request.state, "admin_user", None)
        return user

    def get_middleware(self) -> Middleware:
        """The guard, instead of the library's."""
        return Middleware(Guard, db=self._api.state.database, seal=self._seal, refused=self._refused)

    def get_routes(self, templates: Jinja2Templates) -> list[Route]:
        """The page to log in, and the button to log out."""

        async def page(request: Request) -> Response:
            return templates.TemplateResponse(request, "login.html", {"next": request.query_params.get("next", "")})

        async def log_in(request: Request) -> Response:
            form = await request.form(max_files=0, max_fields=10)
            login, password, following = (str(form.get(name) or "") for name in ("username", "password", "next"))
            try:
                opened = await self._opened(request, login, password)
            except Refusal as refusal:
                told = {"next": following, "error": refusal.message, "username": login[:LOGIN_LENGTH]}
                return templates.TemplateResponse(request, "login.html", told, refusal.status, refusal.headers)
            answer = RedirectResponse(_following(request, following), HTTP_303_SEE_OTHER)
            session_id = str(opened.session_id)
            self._give_cookie(request, answer, COOKIE, f"{session_id}.{self._seal.sign('cookie', session_id)}")
            self._give_cookie(request, answer, DEVICE_COOKIE, opened.device_token, lasting=KNOWN_FOR)
            return answer

        out = Deed("/logout", "logout", _log_out, back=lambda request: str(request.url_for("admin:login")))
        return [
            Route("/login", page, methods=["GET"], name="login"),
            Route("/login", log_in, methods=["POST"], name="log_in"),
            route_of(out, self._api.state.database, self._seal),
        ]

    async def _opened(self, request: Request, login: str, password: str) -> console_login.Opened:
        """A new session, by the same rules and rates as at the API, and with the same answer whatever is wrong."""
        if (
            not 0 < len(login) <= LOGIN_LENGTH
            or not 0 < len(password) <= PASSWORD_LENGTHS[1]
            or "\0" in login + password
        ):
            raise Refusal("invalid_credentials")
        state = self._api.state
        parts = SignInParts(request, state.database, state.keys, state.hashing, state.rates)
        device_token = request.cookies.get(DEVICE_COOKIE, "")[:TOKEN_LENGTH] or None
        user_id, verified_hash, renewed_hash = await parts.verified(login, password, device_token)
        return await parts.db.run(
            console_login.open_session,
            user_id=user_id,
            verified_hash=verified_hash,
            renewed_hash=renewed_hash,
            keys=parts.keys,
            now=clock.now(),
        )

    @staticmethod
    def _give_cookie(
        request: Request, answer: Response, name: str, value: str, *, lasting: timedelta | None = None
    ) -> None:
        """A cookie for the console alone; unless it is lasting, it ends with the browser."""
        answer.set_cookie(
            name,
            value,
            max_age=None if lasting is None else int(lasting.total_seconds()),
            path=request.scope["root_path"],
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )


async def _log_out(given: Given) -> str:
    await given.run(_end, session_id=given.staff.session_id, now=clock.now())
    return ""


def _end(session: Session, user: User, *, session_id: uuid.UUID, now: datetime) -> None:
    sign_in.end_session(session, user, session_id=session_id, now=now)


def _following(request: Request, path: str) -> str:
    """Where they were going: a page of the console, whatever the form says."""
    base = str(request.url_for("admin:index"))
    return base.rstrip("/") + path if path.startswith("/") else base
