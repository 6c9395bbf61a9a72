"""Routes of signing up, and of logging in and out."""

import uuid
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request, Response, status
from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, StringConstraints
from sqlalchemy.orm import Session

from api.accounts import (
    ACCOUNT_EXAMPLE,
    SIGNED_IN,
    Name,
    OwnAccount,
    Password,
    ProfileFields,
    own_account,
    require_strong,
)
from api.dependencies import BearerText, Db, Hashing, Keys, Me, PasswordHashing, RateLimits
from api.errors import documented
from api.guesses import Guesses
from api.media import absolute
from api.rates import Rates, address
from api.shapes import Body, Email, Line, Shape, Storable, with_example
from shared import clock
from shared.accounts import service, sign_in
from shared.accounts.models import Status
from shared.accounts.returning import come_back
from shared.accounts.sign_in import TokenPair
from shared.accounts.tokens import KeyRing
from shared.database import Database
from shared.errors import Refusal
from shared.settings import settings

router = APIRouter(prefix="/v1/auth", tags=["sign-in"])


def _written_out(value: object) -> object:
    """A date as text only: a number would be taken for seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("must be a date such as 1990-12-10")  # noqa: TRY004 - pydantic turns only these into answers
    return value


Login = Annotated[Line, StringConstraints(min_length=1, max_length=254)]
BirthDate = Annotated[date, BeforeValidator(_written_out), Field(ge=date(1900, 1, 1))]
RefreshTokenText = Annotated[Storable, StringConstraints(max_length=4096)]
DeviceToken = Annotated[Storable, StringConstraints(max_length=4096)]


class SignUp(ProfileFields):
    """What an account begins with."""

    model_config = with_example(
        {"email": "ada@example.com", "password": "engines of 1843", "name": "Ada", "birth_date": "1990-12-10"}
    )

    email: Email
    password: Password
    name: Name
    birth_date: BirthDate


class LogIn(Body):
    """An e-mail address or username, and the password."""

    model_config = with_example({"username": "ada@example.com", "password": "engines of 1843"})

    username: Login = Field(validation_alias=AliasChoices("username", "email"))
    password: Password
    device_token: DeviceToken | None = Field(
        None,
        description="From an earlier login on this device, or the token of the link by which you just chose a new "
        "password: with it, nobody who guesses elsewhere can keep you from logging in",
    )


class LogInForm(BaseModel):
    """The OAuth2 password form."""

    model_config = with_example({"username": "ada@example.com", "password": "engines of 1843"})

    grant_type: Storable = Field("password", pattern="^password$")
    username: Login
    password: Password
    scope: Storable = ""
    client_id: Storable | None = None
    client_secret: Storable | None = None


class Refresh(Body):
    """A refresh token."""

    model_config = with_example({"refresh_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6…"})

    refresh_token: RefreshTokenText


_TOKENS_EXAMPLE: Final[dict[str, Any]] = {
    "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6…",
    "refresh_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6…",
    "token_type": "bearer",
    "expires_in": 1800,
}


class Tokens(Shape):
    """An access token for requests and a refresh token, good once, for the next pair."""

    model_config = with_example(_TOKENS_EXAMPLE)

    access_token: str
    refresh_token: str
    token_type: str = "bearer"  # noqa: S105 - RFC 6750's name
    expires_in: int = Field(description="Seconds until the access token expires")


_LOGIN_EXAMPLE: Final = _TOKENS_EXAMPLE | {
    "device_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6…",
    "user": ACCOUNT_EXAMPLE,
}


class TokensWithUser(Tokens):
    """Tokens, and whose they are."""

    model_config = with_example(_LOGIN_EXAMPLE)

    device_token: str = Field(description="Opens nothing. Keep it on this device, also after logging out, for `log_in`")
    user: OwnAccount


class LoggedIn(TokensWithUser):
    """The same, and whether the account was being deleted."""

    model_config = with_example(_LOGIN_EXAMPLE | {"restored": False})

    restored: bool = Field(
        description="Whether this login has brought back an account that was being deleted; its matches stay ended"
    )


class SignInParts:
    """What logging in needs, gathered by FastAPI."""

    def __init__(self, request: Request, db: Db, keys: Keys, hashing: PasswordHashing, rates: RateLimits) -> None:
        self.db: Database = db
        self.keys: KeyRing = keys
        self.hashing: Hashing = hashing
        self.rates: Rates = rates
        self.address = address(request)
        self.device = "".join(char for char in request.headers.get("user-agent", "") if char.isprintable())

    async def log_in(self, login: str, password: str, device_token: str | None = None) -> LoggedIn:
        """Verify and open a session. An unknown account takes as long and gets the same answer."""
        user_id, stored, renewed = await self.verified(login, password, device_token)
        # Of its own: whatever comes of the login, whoever wanted to come back has.
        restored = await self.db.run(come_back, user_id=user_id, verified_hash=stored, now=clock.now())
        opened = await self.db.run(self._open, user_id=user_id, verified_hash=stored, renewed_hash=renewed)
        if isinstance(opened, Refusal):  # an outcome, since an exception would take the session back
            raise opened
        return LoggedIn(**opened.model_dump(), restored=restored)

    async def verified(self, login: str, password: str, device_token: str | None) -> tuple[uuid.UUID, str, str | None]:
        """(whose login this is, the hash it was verified against, a stronger one to store instead), counting the try.

        Raises:
            Refusal: `invalid_credentials`, `rate_limited`.
        """
        await self.rates.check(settings().rate_limit_login_address, "login-address", self.address)
        await self.rates.check(
            settings().rate_limit_login, "login", self.address, login.lower(), without_redis=self._count_in_postgres
        )
        found = await self.db.run(
            sign_in.credentials, login=login, device_token=device_token, keys=self.keys, now=clock.now()
        )
        guesses = Guesses(self.rates, self.db, found)
        await guesses.require_left()
        user_id, stored = found.user_id, found.password_hash
        right, renewed = await self.hashing.verify(password, stored)
        if user_id is None or stored is None or not right:
            await guesses.count()
            raise Refusal("invalid_credentials")
        return user_id, stored, renewed

    async def sign_up(self, body: SignUp) -> TokensWithUser:
        """Create the account and its first session, both or neither."""
        await self.rates.check(settings().rate_limit_signup, "signup", self.address)
        require_strong(body.password, about=(body.email, body.username, body.name))
        hashed = await self.hashing.hash(body.password)
        return await self.db.run(self._sign_up, body=body, password_hash=hashed)

    def _sign_up(self, session: Session, *, body: SignUp, password_hash: str) -> TokensWithUser:
        columns = body.columns(only_sent=False)
        user = service.sign_up(session, password_hash=password_hash, now=clock.now(), columns=columns)
        opened = self._open(session, user_id=user.id, verified_hash=password_hash, renewed_hash=None)
        assert not isinstance(opened, Refusal)
        return opened

    def _open(
        self, session: Session, *, user_id: uuid.UUID, verified_hash: str, renewed_hash: str | None
    ) -> TokensWithUser | Refusal:
        user, pair = sign_in.open_session(
            session,
            user_id=user_id,
            verified_hash=verified_hash,
            renewed_hash=renewed_hash,
            device=self.device,
            keys=self.keys,
            now=clock.now(),
        )
        tokens = _tokens(pair)
        if user.status == Status.SUSPENDED:
            # With this token alone, notices can be read and objected to, and one's data taken along.
            return sign_in.suspended(user, access_token=tokens["access_token"], expires_in=tokens["expires_in"])
        return TokensWithUser(**tokens, device_token=pair.device_token, user=own_account(session, user))

    async def _count_in_postgres(self, key: str) -> int:
        return await self.db.run(sign_in.count_attempt, key=key, now=clock.now())


SignIn = Annotated[SignInParts, Depends()]


@router.post(
    "/signup",
    operation_id="sign_up",
    summary="Create an account",
    status_code=status.HTTP_201_CREATED,
    responses=documented(
        "email_taken",
        "username_taken",
        "forbidden",
        "underage",
        "weak_password",
        "validation_error",
        "rate_limited",
        "service_unavailable",
    ),
)
async def sign_up(request: Request, response: Response, sign_in_parts: SignIn, body: SignUp) -> TokensWithUser:
    """Join, and be logged in. Only adults can."""
    created = await sign_in_parts.sign_up(body)
    response.headers["Location"] = absolute("/v1/users/me", request)
    return created


@router.post(
    "/login",
    operation_id="log_in",
    summary="Log in",
    responses=documented(
        "invalid_credentials", "account_suspended", "validation_error", "rate_limited", "service_unavailable"
    ),
)
async def log_in(sign_in_parts: SignIn, body: LogIn) -> LoggedIn:
    """With an e-mail address or a username.

    Somebody suspended gets `account_suspended`, whose details hold an access token for `/v1/notices` and little else.
    Within some days after an account was deleted, this brings it back as it was, but for its matches.
    After many wrong passwords for an account, from wherever, only devices that it knows can try for a while.
    """
    return await sign_in_parts.log_in(body.username, body.password, body.device_token)


@router.post(
    "/token",
    operation_id="log_in_by_form",
    summary="Log in by the OAuth2 password form",
    responses=documented(
        "invalid_credentials", "account_suspended", "validation_error", "rate_limited", "service_unavailable"
    ),
)
async def log_in_by_form(sign_in_parts: SignIn, form: Annotated[LogInForm, Form()]) -> LoggedIn:
    """The same as `login`, in the form that "Authorize" in the documentation sends."""
    return await sign_in_parts.log_in(form.username, form.password)


@router.post(
    "/refresh",
    operation_id="refresh",
    summary="Trade a refresh token for a new pair",
    responses=documented(
        "token_expired", "token_invalid", "token_reused", "account_suspended", "validation_error", "rate_limited"
    ),
)
async def refresh(request: Request, db: Db, keys: Keys, rates: RateLimits, body: Refresh) -> Tokens:
    """Each refresh token is good once.

    For ten seconds a repeated one gets the same successor again, in case the answer got lost; later it is taken for
    stolen, and the login ends.
    """
    await rates.check(settings().rate_limit_refresh, "refresh", address(request))
    claims = keys.read(body.refresh_token, "refresh")
    outcome = await db.run(sign_in.refresh, claims=claims, keys=keys, now=clock.now())
    if isinstance(outcome, str):
        raise Refusal(outcome)
    return Tokens(**_tokens(outcome))


@router.post(
    "/logout",
    operation_id="log_out",
    summary="Log out here",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented("not_authenticated", "token_expired", "token_invalid", "validation_error", "rate_limited"),
)
async def log_out(
    request: Request, db: Db, keys: Keys, rates: RateLimits, token: BearerText, body: Refresh | None = None
) -> Response:
    """Ends the login of the refresh token in the body (which may be all that is left), or else of the access token."""
    await rates.check(settings().rate_limit_logout, "logout", address(request))
    if body is not None:
        claims = keys.read(body.refresh_token, "refresh")
    elif token:
        claims = keys.read(token, "access")
    else:
        raise Refusal("not_authenticated")
    await db.run(sign_in.log_out, claims=claims, now=clock.now())
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post(
    "/logout-all",
    operation_id="log_out_everywhere",
    summary="Log out everywhere",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(*SIGNED_IN, "rate_limited"),
)
async def log_out_everywhere(request: Request, me: Me, rates: RateLimits) -> Response:
    """Ends every login of yours, this one too."""
    await rates.check(settings().rate_limit_logout, "logout", address(request))
    await me.run(sign_in.end_all_sessions, now=clock.now())
    return Response(status_code=status.HTTP_204_NO_CONTENT)


def _tokens(pair: TokenPair) -> dict[str, Any]:
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "expires_in": settings().access_token_expire_minutes * 60,
    }
