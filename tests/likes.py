"""Likes for tests: sent by the one statement that the route runs, in transactions of their own and on any thread."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import LoginSession, User
from shared.accounts.tokens import Claims
from shared.database import Database, one
from shared.errors import Refusal
from shared.matching import likes
from shared.matching.like_statement import LIKE
from shared.matching.likes import Liked, Wish

PERSONAL: Final = "(words of their own)"
FOR_LONG: Final = timedelta(days=36_500)  # a test's now may be any


def words(seed: object) -> str:
    """A personal comment with no contact details, far from that of any other seed."""
    random = Random(str(seed))
    return " ".join(
        "".join(random.choice("bdfglmnprst") + random.choice("aeiou") for _ in range(4)) for _ in range(5)
    ).capitalize()


def signed_in_all(session: Session, user_ids: Iterable[uuid.UUID]) -> list[Claims]:
    """What the access tokens of these people say, who have logged in; in the same order."""
    claims = [Claims(user_id, clock.new_id(), "") for user_id in user_ids]
    until = clock.now() + FOR_LONG
    rows = [
        {"id": each.session_id, "user_id": each.user_id, "token_hash": b"", "idle_until": until, "expires_at": until}
        for each in claims
    ]
    session.execute(insert(LoginSession), rows)
    return claims


def signed_in(session: Session, user: User) -> Claims:
    """What the access token of somebody says, who has logged in."""
    return signed_in_all(session, [user.id])[0]


def like(
    db: Database,
    claims: Claims,
    user_id: uuid.UUID,
    comment: str | None = PERSONAL,
    *,
    now: datetime | None = None,
    **about: Any,
) -> Liked:
    """Send a like as the route does; without a comment it has words of its own. Nobody who looks now is told.

    Raises:
        Refusal: why there is no like. Those of `spam.REFUSALS` are not counted.
    """
    if comment == PERSONAL:
        comment = words((claims.user_id, user_id))
    wish, now = Wish(user_id, comment, **about), now or clock.now()
    asked = likes.parameters(claims, wish, now=now)
    for _ in range(likes.TRIES):
        try:
            row = db.call(one, LIKE, asked)
        except likes.LOST_RACE:
            continue
        if row is None:
            raise Refusal("token_invalid")
        answer = likes.Answer(*row)
        if answer.refusal or answer.like_id:
            return likes.read(answer, wish, now=now)
    raise Refusal("service_unavailable", headers={"Retry-After": "1"})
