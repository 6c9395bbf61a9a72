"""Rates of signed-in people and of their connections, counted so that a request costs next to nothing.

A window is counted here, in the process, and reported to Redis in steps of a tenth of the rate: somebody quiet never
costs a message to Redis. So one process is exact, and N together let through at most (N - 1) * (step - 1) more, since
that is what they may not have told each other of. A rate below 20 has a step of one: it is exact whatever N is.
See docs/decisions/0019-limits.md.
"""

import time
import uuid
from typing import Final

from fastapi.routing import APIRoute
from limits import parse
from starlette.requests import HTTPConnection

from api import standing
from api.rates import Rates, hashed, policy, refusal
from shared.settings import Settings

STEPS: Final = 10  # of a window
DEFAULT: Final = "default"
# What costs much or can be abused has a rate of its own, beside the one that all requests of a person have together:
# the setting is RATE_LIMIT_ and this name.
OF_ROUTES: Final = {
    "POST /v1/profile/photos": "uploads",
    "POST /v1/profile/quiz": "quiz",
    "POST /v1/users/me/exports": "exports",
    "GET /v1/discovery/funnel": "funnel",
    "POST /v1/matching/like": "like_tries",
    "POST /v1/matching/pass": "passes",
    "POST /v1/matching/block": "blocks",
    "POST /v1/matching/report": "reports",
    "POST /v1/matching/matches/{match_id}/messages": "messages",
    "POST /v1/notices/{notice_id}/appeal": "appeals",
    "GET /v1/events": "connections",
}
# Of what is no route of its own: discovery making a queue on the spot, and WebSockets.
OTHERS: Final = ("queues", "connections_address")


class _Count:
    """What one caller has used of a window."""

    __slots__ = ("known", "own")

    def __init__(self) -> None:
        self.known = 0  # by all processes, as Redis said last
        self.own = 0  # since then, by this one


class _Rate:
    """A rate, and who has used how much of it in the window that is now. Windows begin at multiples of their length."""

    def __init__(self, name: str, rate: str) -> None:
        item = parse(rate)
        self.name = name.replace("_", "-")
        self.encoded = self.name.encode()
        self.amount, self.window = item.amount, item.get_expiry()
        self.step = max(1, self.amount // STEPS)
        self.policy = policy(self.name, item)
        self.number = -1
        self.counts: dict[uuid.UUID | str, _Count] = {}

    def count(self, key: uuid.UUID | str, now: int) -> _Count:
        """What a caller has used so far."""
        number = now // self.window
        if number != self.number:
            self.number, self.counts = number, {}
        count = self.counts.get(key)
        if count is None:
            count = self.counts[key] = _Count()
        return count


class Tallies:
    """Counts requests by caller, and refuses those above a rate."""

    def __init__(self, rates: Rates, values: Settings) -> None:
        self._rates = rates
        self._named = {
            name: _Rate(name, getattr(values, f"rate_limit_{name}")) for name in (DEFAULT, *OF_ROUTES.values(), *OTHERS)
        }
        self._of_routes: dict[str, list[_Rate]] = {}

    async def count_request(self, connection: HTTPConnection, user_id: uuid.UUID) -> None:
        """Count a request of somebody, by all the rates that it has.

        Raises:
            Refusal: `rate_limited`.
        """
        route: APIRoute = connection.scope["route"]
        rates = self._of_routes.get(route.unique_id)
        if rates is None:
            own = OF_ROUTES.get(f"{connection.scope['method']} {route.path}")
            rates = [self._named[name] for name in (DEFAULT, own) if name is not None]
            self._of_routes[route.unique_id] = rates
        for rate in rates:
            await self._count(rate, user_id)

    async def count(self, name: str, key: uuid.UUID | str) -> None:
        """Count one try.

        Raises:
            Refusal: `rate_limited`.
        """
        await self._count(self._named[name], key)

    async def _count(self, rate: _Rate, key: uuid.UUID | str) -> None:
        now = int(time.time())
        count = rate.count(key, now)
        seconds = (rate.number + 1) * rate.window - now
        if count.known + count.own >= rate.amount:
            raise refusal(rate.name, rate.policy, seconds)
        count.own += 1
        if count.own >= rate.step:
            await self._report(rate, count, key)
            if count.known + count.own > rate.amount:
                raise refusal(rate.name, rate.policy, seconds)
        left = rate.amount - count.known - count.own
        standing.note(rate.encoded, rate.policy, left=left, seconds=seconds)

    async def _report(self, rate: _Rate, count: _Count, key: uuid.UUID | str) -> None:
        """Tell what is not told yet, and hear what others have; while Redis is away, what is known here is all."""
        tries, where = count.own, f"tally:{rate.name}:{hashed(str(key))}:{rate.number}"
        count.known, count.own = count.known + tries, 0
        total = await self._rates.add(where, tries, seconds=rate.window)
        if total is None:
            count.known, count.own = count.known - tries, count.own + tries
        else:
            count.known = max(count.known, total)
