"""What the console's buttons do: each is a form of its own that calls one function of the domain."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.status import HTTP_303_SEE_OTHER
from starlette_admin.flash import flash

from api.console.guard import TOKEN, Staff
from shared import clock
from shared.accounts import console_login
from shared.accounts.models import Role, User
from shared.accounts.seal import Seal
from shared.database import Database
from shared.errors import Refusal

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
MOST_FIELDS: Final = 200
MOST_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Given:
    """What a deed is done with: the form, and whoever has sent it."""

    request: Request
    form: Mapping[str, str]
    staff: Staff
    db: Database
    least: Role

    async def run(self, function: Callable[Concatenate[Session, User, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`function(session, user, …)` in one transaction that begins by checking that they may do this still."""
        return await self.db.run(self._call, function, args, kwargs)

    def _call(
        self, session: Session, function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]
    ) -> T:
        user = console_login.authenticate(session, session_id=self.staff.session_id, least=self.least, now=clock.now())
        return function(session, user, *args, **kwargs)

    def id(self, name: str) -> uuid.UUID:
        """The id in the path.

        Raises:
            Refusal: `not_found` for what is none.
        """
        try:
            return uuid.UUID(self.request.path_params[name])
        except ValueError:
            raise Refusal("not_found") from None

    def chosen(self, name: str) -> uuid.UUID | None:
        """An id that was chosen in the form, if one was."""
        try:
            return uuid.UUID(self.form[name])
        except (KeyError, ValueError):
            return None

    def one_of(self, name: str, values: type[E]) -> E:
        """A value that the form offers.

        Raises:
            Refusal: `validation_error` for any other.
        """
        try:
            return values(self.form.get(name, ""))
        except ValueError:
            raise Refusal("validation_error", f"Choose one for “{name}”.") from None

    def number(self, name: str, *, most: int) -> int:
        """A whole number from the form.

        Raises:
            Refusal: `validation_error` for what is none, or too large.
        """
        text = self.form.get(name, "").strip()
        if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS and int(text) <= most):
            raise Refusal("validation_error", f"“{name}” is a number of at most {most}.")
        return int(text)

    def text(self, name: str, *, most: int = 2000) -> str:
        """A field of the form, tidied.

        Raises:
            Refusal: `validation_error` for what is too long, or no text that can be kept.
        """
        value = self.form.get(name, "").strip().replace("\r\n", "\n")
        if len(value) > most or "\0" in value:
            raise Refusal("validation_error", f"A text has at most {most} characters.")
        return value


@dataclass(frozen=True, slots=True)
class Deed:
    """One button: where its form goes, what is done, who may, and which page is shown afterwards."""

    path: str
    name: str
    do: Callable[[Given], Awaitable[str]]
    """Returns what was done, in words, where that is worth saying."""
    back: Callable[[Request], str]
    least: Role = Role.MODERATOR


def route_of(deed: Deed, db: Database, seal: Seal) -> Route:
    """The route of a deed: only by POST, only with the token of a form that was shown to this session."""

    async def endpoint(request: Request) -> Response:
        staff: Staff = request.state.admin_user
        form = await request.form(max_files=0, max_fields=MOST_FIELDS)
        texts: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, str)}
        if not seal.genuine("form", str(staff.session_id), texts.get(TOKEN, "")):
            raise Refusal("forbidden", "This form is out of date. Please go back, load the page again and repeat it.")
        if deed.least == Role.ADMIN and not staff.is_admin:
            raise Refusal("forbidden", "Only admins may do this.")
        try:
            if said := await deed.do(Given(request, texts, staff, db, deed.least)):
                flash(request, said, "success")
        except Refusal as refusal:
            if refusal.code == "not_authenticated":
                raise
            flash(request, refusal.message, "error")
        return RedirectResponse(deed.back(request), HTTP_303_SEE_OTHER)

    return Route(deed.path, endpoint, methods=["POST"], name=deed.name)
