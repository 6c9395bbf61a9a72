"""Routes that create something, and that can be sent again under an `Idempotency-Key` without doing it twice."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Concatenate, Final, ParamSpec, TypeVar

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, StringConstraints, TypeAdapter
from sqlalchemy.orm import Session
from starlette.status import HTTP_200_OK

from api.dependencies import BearerText, SignedIn, signed_in
from api.media import absolute
from shared import clock, idempotency
from shared.accounts.models import Role, User
from shared.idempotency import Named, Replay

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=BaseModel)

HEADER: Final = "Idempotency-Key"
DESCRIPTION: Final = (
    "A name of your own for this request, for example a UUID. Sent again under it within 24 hours, nothing is done "
    "again, and the first answer comes again."
)

KeyText = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")]
KEY: Final = TypeAdapter(KeyText)


class Creator(SignedIn):
    """Somebody signed in who creates something, by a request that may have a name."""

    def __init__(self, me: SignedIn, request: Request, response: Response | None, name: str | None) -> None:
        super().__init__(me.db, me.claims, Role.USER, even_suspended=me.even_suspended)
        self._request, self._response = request, response
        self._name = name

    @property
    def _route(self) -> APIRoute:
        route: APIRoute = self._request.scope["route"]
        return route

    @property
    def is_named(self) -> bool:
        """Whether the request can come again: only then its change and its answer must be one transaction."""
        return self._name is not None

    async def create(
        self,
        shape: Callable[[T], S],
        at: str | None,
        function: Callable[Concatenate[Session, User, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> S:
        """What `run` of the function gives, in its shape; with a name it is done once, and its answer kept with it.

        `at` is where it can be read, as a format of its shape: "/v1/profile/photos/{0.id}".

        Raises:
            Replay: it was done before, under this name.
            Refusal: `idempotency_conflict`, or whatever `run` raises.
        """
        content = await self._request.body() if self.is_named else b""
        return await self.create_from(content, shape, at, function, *args, **kwargs)

    async def create_from(
        self,
        content: bytes,
        shape: Callable[[T], S],
        at: str | None,
        function: Callable[Concatenate[Session, User, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> S:
        """`create` for a body that was not kept: its hash stands for it."""
        named = None
        if self._name is not None:
            path = self._request.scope["path"]
            named = Named.of(self._name, route=self._route.unique_id, path=path, body=content)
        made, location = await self.run(self._do, named, shape, at, partial(_call, function, args, kwargs))
        if location is not None and self._response is not None:
            self._response.headers["Location"] = absolute(location, self._request)
        return made

    async def is_known(self) -> bool:
        """Whether something was created under this name before."""
        if self._name is None:
            return False
        return await self.run(_is_known, key=idempotency.key_of(self._name, route=self._route.unique_id))

    def _do(
        self,
        session: Session,
        user: User,
        named: Named | None,
        shape: Callable[[T], S],
        at: str | None,
        function: Callable[[Session, User], T],
    ) -> tuple[S, str | None]:
        if named is not None:
            idempotency.begin(session, user_id=user.id, named=named, now=clock.now())
        made = shape(function(session, user))
        location = at.format(made) if at is not None else None
        if named is not None:
            status, answer = self._route.status_code or HTTP_200_OK, made.model_dump_json()
            idempotency.finish(session, user_id=user.id, named=named, status=status, answer=answer, location=location)
        return made, location


def itself(made: S) -> S:
    """The shape of what has its shape already."""
    return made


def _call(
    function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object], session: Session, user: User
) -> T:
    return function(session, user, *args, **kwargs)


def _is_known(session: Session, user: User, *, key: bytes) -> bool:
    return idempotency.is_known(session, user_id=user.id, key=key, now=clock.now())


def _creator(*, even_suspended: bool = False) -> Callable[..., Awaitable[Creator]]:
    async def check(
        request: Request,
        response: Response,
        token: BearerText,
        key: Annotated[KeyText | None, Header(alias=HEADER, description=DESCRIPTION)] = None,
    ) -> Creator:
        me = await signed_in(request, token, Role.USER, even_suspended=even_suspended)
        return Creator(me, request, response, key)

    return check


Creating = Annotated[Creator, Depends(_creator())]
"""For routes that create. A route that takes it is described with the header, and does what it does by `create`."""
CreatingEvenSuspended = Annotated[Creator, Depends(_creator(even_suspended=True))]
"""The same for what nobody may be shut out of."""


def install(app: FastAPI) -> None:
    """Make the application give a first answer again."""

    @app.exception_handler(Replay)
    async def _again(request: Request, replay: Replay) -> Response:
        headers = {"Location": absolute(replay.location, request)} if replay.location is not None else None
        return Response(replay.answer, replay.status, headers, "application/json")
