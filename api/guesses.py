"""Slows down whoever guesses an account's password, from however many addresses, without keeping its owner out.

Failures are counted per account: those on all devices that it does not know together, and those on each one that it
knows apart. An unknown account has a count too, so that nobody can tell it from another.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Final

from limits import parse

from api.rates import Rates
from shared import clock
from shared.accounts import sign_in
from shared.accounts.sign_in import Credentials
from shared.database import Database
from shared.errors import Refusal
from shared.settings import settings

_NAME: Final = "login-failures"


class Guesses:
    """The count of wrong passwords for one account, on one device or on all unknown ones."""

    def __init__(self, rates: Rates, db: Database, found: Credentials) -> None:
        self._rates = rates
        self._db = db
        self._rate = settings().rate_limit_login_failures
        self._key = ("failures", found.name, found.device)

    async def require_left(self) -> None:
        """Refuse when there were too many.

        Raises:
            Refusal: `rate_limited`, whether or not there is such an account and the password would be right.
        """
        try:
            await self._rates.check(
                self._rate, _NAME, *self._key, counted=False, told=False, without_redis=self._with_one_more
            )
        except Refusal as refusal:
            minutes = -(-(refusal.details or {})["retry_after_seconds"] // 60)
            words = (
                f"There were too many wrong passwords for this account. Please wait {minutes} "
                f"minute{'s' if minutes > 1 else ''}, or choose a new password by mail: then you can log in at once."
            )
            raise Refusal(refusal.code, words, details=refusal.details, headers=refusal.headers) from None

    async def count(self) -> None:
        """One more was wrong."""
        with suppress(Refusal):  # of many at once, the last may be too many: it was tried all the same
            await self._rates.check(self._rate, _NAME, *self._key, told=False, without_redis=self._count)

    async def _with_one_more(self, key: str) -> int:
        since = clock.now() - timedelta(seconds=parse(self._rate).get_expiry())
        return 1 + await self._db.run(sign_in.attempts, key=key, since=since)

    async def _count(self, key: str) -> int:
        return await self._db.run(sign_in.count_attempt, key=key, now=clock.now())
