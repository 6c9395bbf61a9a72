"""What routes are given: the database, the signed-in person, the rates, and a bounded place to hash passwords."""

import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Concatenate, Final, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request, Security
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from api.rates import Rates
from api.tallies import Tallies
from shared import clock, log
from shared.accounts import passwords, sign_in
from shared.accounts.models import Role, User
from shared.accounts.tokens import Claims, KeyRing
from shared.database import Database
from shared.errors import Refusal

P = ParamSpec("P")
T = TypeVar("T")

_log = log.logger(__name__)
WAITING: Final = 40  # for each core: some ten seconds of hashing
_bearer: Final = OAuth2PasswordBearer("v1/auth/token", auto_error=False)


class SignedIn:
    """Somebody with a good access token, for whom domain functions can be run."""

    def __init__(self, db: Database, claims: Claims, least: Role, *, even_suspended: bool = False) -> None:
        self.db = db
        self._least = least
        self.even_suspended = even_suspended
        self.claims = claims

    async def run(self, function: Callable[Concatenate[Session, User, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`function(session, user, …)` in one transaction that begins by checking that the session still lives.

        Raises:
            Refusal: `token_invalid`, `account_suspended`, `forbidden`, or what the function raises.
        """
        now = clock.now()
        result, last_active_at = await self.db.run(self._call, function, args, kwargs, now)
        await self.was_here(last_active_at, now)
        return result

    async def was_here(self, last_active_at: datetime, now: datetime) -> None:
        """Note now and then that they are active. What they asked for is done, so its answer is not lost for this."""
        if now - last_active_at <= sign_in.ACTIVITY_STEP:
            return
        try:
            await self.db.run(sign_in.was_here, user_id=self.claims.user_id, now=now)
        except SQLAlchemyError as error:
            _log.warning("could not note that somebody is active", error=type(error).__name__)

    def _call(
        self,
        session: Session,
        function: Callable[..., T],
        args: tuple[object, ...],
        kwargs: dict[str, object],
        now: datetime,
    ) -> tuple[T, datetime]:
        user = sign_in.authenticate(
            session, claims=self.claims, least=self._least, now=now, even_suspended=self.even_suspended
        )
        last_active_at = user.last_active_at
        if now - last_active_at > sign_in.ACTIVITY_STEP:
            set_committed_value(user, "last_active_at", now)  # as it is about to be
        return function(session, user, *args, **kwargs), last_active_at


class Hashing:
    """Hashes passwords on threads, as many at once as there are cores: logins could exhaust the machine.

    A bounded number waits; who would wait longer than is of use is asked to come again.
    """

    def __init__(self) -> None:
        cores = os.cpu_count() or 1
        self._limiter = CapacityLimiter(cores)
        self._places = cores + WAITING * cores

    async def hash(self, password: str) -> str:
        """The hash to store.

        Raises:
            Refusal: `service_unavailable` when too many wait.
        """
        return await self._run(partial(passwords.hash_password, password))

    async def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """(whether it is right, a stronger hash to store instead); without an account it takes as long.

        Raises:
            Refusal: `service_unavailable` when too many wait.
        """
        return await self._run(partial(passwords.verify_password, password, stored))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._places == 0:
            raise Refusal("service_unavailable", headers={"Retry-After": "2"})
        self._places -= 1
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._places += 1


async def _database(request: Request) -> Database:
    db: Database = request.app.state.database
    return db


async def _keys(request: Request) -> KeyRing:
    keys: KeyRing = request.app.state.keys
    return keys


async def _rates(request: Request) -> Rates:
    rates: Rates = request.app.state.rates
    return rates


async def _hashing(request: Request) -> Hashing:
    hashing: Hashing = request.app.state.hashing
    return hashing


BearerText = Annotated[str | None, Security(_bearer)]
Db = Annotated[Database, Depends(_database)]
Keys = Annotated[KeyRing, Depends(_keys)]
RateLimits = Annotated[Rates, Depends(_rates)]
PasswordHashing = Annotated[Hashing, Depends(_hashing)]


async def signed_in(request: Request, token: str | None, least: Role, *, even_suspended: bool = False) -> SignedIn:
    """Whoever has this access token; whether its session still lives shows with the first thing that is run.

    Raises:
        Refusal: `not_authenticated`, `token_expired`, `token_invalid`, `rate_limited`.
    """
    if not token:
        raise Refusal("not_authenticated")
    state = request.app.state
    keys: KeyRing = state.keys
    tallies: Tallies = state.tallies
    claims = keys.read(token, "access")
    await tallies.count_request(request, claims.user_id)
    return SignedIn(state.database, claims, least, even_suspended=even_suspended)


def _signed_in(least: Role, *, even_suspended: bool = False) -> Callable[..., Awaitable[SignedIn]]:
    async def check(request: Request, token: BearerText) -> SignedIn:
        return await signed_in(request, token, least, even_suspended=even_suspended)

    return check


Me = Annotated[SignedIn, Depends(_signed_in(Role.USER))]
MeEvenSuspended = Annotated[SignedIn, Depends(_signed_in(Role.USER, even_suspended=True))]
"""For what nobody may be kept from: reading why they are suspended, objecting, taking their data and leaving."""
Moderator = Annotated[SignedIn, Depends(_signed_in(Role.MODERATOR))]
Admin = Annotated[SignedIn, Depends(_signed_in(Role.ADMIN))]
