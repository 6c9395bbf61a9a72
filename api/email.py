"""Routes of signing in by mail: proving an address, and choosing a new password when the old one is forgotten."""

from typing import Annotated

from fastapi import APIRouter, Request, Response, status
from pydantic import StringConstraints

from api.accounts import SIGNED_IN, Password, require_strong
from api.dependencies import Db, Me, PasswordHashing, RateLimits
from api.errors import documented
from api.rates import address
from api.shapes import Body, Email, Shape, Storable, with_example
from shared import clock
from shared.accounts import by_mail
from shared.errors import Refusal
from shared.settings import settings

router = APIRouter(prefix="/v1/auth", tags=["sign-in"])

MailedToken = Annotated[Storable, StringConstraints(min_length=1, max_length=100)]


class Forgot(Body):
    """Whose password is forgotten."""

    model_config = with_example({"email": "ada@example.com"})

    email: Email


class Reset(Body):
    """The token of the link that was mailed, and the new password."""

    model_config = with_example({"token": "q0FZ1mJqTjS0w2hQk9b3Xw", "password": "engines of 1843"})

    token: MailedToken
    password: Password


class Verification(Body):
    """The token of the link that was mailed."""

    model_config = with_example({"token": "q0FZ1mJqTjS0w2hQk9b3Xw"})

    token: MailedToken


class OnItsWay(Shape):
    """What is true of every address, whoever's it is."""

    model_config = with_example({"message": "If there is an account with this address, a mail is on its way to it."})

    message: str


@router.post(
    "/password/forgot",
    operation_id="forgot_password",
    summary="Ask for a link to choose a new password",
    status_code=status.HTTP_202_ACCEPTED,
    responses=documented("validation_error", "rate_limited"),
)
async def forgot_password(request: Request, db: Db, rates: RateLimits, body: Forgot) -> OnItsWay:
    """Always the same answer, in the same time: it tells nobody who has an account. The link is good for an hour.

    However many ask for one account, nobody is refused for that; but no more than a few mails go to it.
    """
    rate = settings().rate_limit_forgot
    await rates.check(rate, "forgot", address(request))
    try:
        await rates.check(rate, "forgot-account", body.email.lower(), told=False)
    except Refusal:  # whoever asked too often may be somebody else: their owner has mails that are as good
        pass
    else:
        await db.run(by_mail.forgot, email=body.email, now=clock.now())
    return OnItsWay(message="If there is an account with this address, a mail is on its way to it.")


@router.post(
    "/password/reset",
    operation_id="reset_password",
    summary="Choose a new password by the link",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(
        "token_invalid", "token_expired", "weak_password", "validation_error", "rate_limited", "service_unavailable"
    ),
)
async def reset_password(
    request: Request, db: Db, rates: RateLimits, hashing: PasswordHashing, body: Reset
) -> Response:
    """Good once. Logs you out everywhere; a password that is too weak leaves the link as it is."""
    await _count(request, rates)
    user = await db.run(by_mail.owner, token=body.token, purpose=by_mail.RESET, now=clock.now())
    require_strong(body.password, about=(user.email, user.username, user.name))
    new_hash = await hashing.hash(body.password)
    await db.run(by_mail.reset_password, token=body.token, new_hash=new_hash, now=clock.now())
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post(
    "/email/verify",
    operation_id="verify_email",
    summary="Prove your address by the link",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented("token_invalid", "token_expired", "validation_error", "rate_limited"),
)
async def verify_email(request: Request, db: Db, rates: RateLimits, body: Verification) -> Response:
    """Good once, for 24 hours, and for the address that it was sent to."""
    await _count(request, rates)
    await db.run(by_mail.verify, token=body.token, now=clock.now())
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post(
    "/email/resend",
    operation_id="resend_verification",
    summary="Have the link sent again",
    status_code=status.HTTP_202_ACCEPTED,
    responses=documented(*SIGNED_IN, "rate_limited"),
)
async def resend_verification(me: Me, rates: RateLimits) -> OnItsWay:
    """Earlier links stay good until they expire. With an address that is proven already nothing is sent."""
    await rates.check(settings().rate_limit_forgot, "resend", str(me.claims.user_id))
    await me.run(by_mail.resend, now=clock.now())
    return OnItsWay(message="Unless your address is confirmed already, a mail is on its way to it.")


async def _count(request: Request, rates: RateLimits) -> None:
    await rates.check(settings().rate_limit_login_address, "mailed-token", address(request))
