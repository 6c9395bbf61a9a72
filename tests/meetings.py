"""People who meet, for tests of what they do at once: made many at a time, each of them signed in."""

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import User
from shared.accounts.tokens import Claims
from shared.database import Database, one
from shared.matching import likes, matches
from shared.matching.like_statement import LIKE
from shared.matching.likes import Wish
from shared.matching.models import Like, Match, MatchChange, Pair
from shared.matching.rules import BOTH, MatchState, in_order, side
from tests.likes import signed_in_all, words

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
LONG_AGO = NOW - timedelta(days=90)
TRIES = 200

Two = tuple[Claims, Claims]


def people(session: Session, count: int) -> list[Claims]:
    users = [
        User(email=f"{uuid.uuid4().hex}@example.com", name="Ada", birth_date=date(1990, 12, 10), password_hash="!")
        for _ in range(count)
    ]
    session.add_all(users)
    session.flush()
    return signed_in_all(session, (user.id for user in users))


def couples(db: Database, count: int = TRIES) -> list[Two]:
    everybody = db.call(people, 2 * count)
    return list(zip(everybody[::2], everybody[1::2], strict=True))


def liked_before(session: Session, both: Sequence[Two]) -> None:
    """The first of each two liked the second yesterday."""
    pairs, sent = [], []
    for liker, liked in both:
        low, high = in_order(liker.user_id, liked.user_id)
        pairs.append({"low_id": low, "high_id": high, "likes": side(liker.user_id, liked.user_id)})
        sent.append({"liker_id": liker.user_id, "liked_id": liked.user_id, "created_at": NOW - timedelta(days=1)})
    session.execute(insert(Pair), pairs)
    session.execute(insert(Like), [{"id": clock.new_id(), **row} for row in sent])


def matched(session: Session, both: Sequence[Two], columns: dict[str, Any] | None = None) -> list[uuid.UUID]:
    """An active match of each two; what changes from here on is in `changes`."""
    ids, orders = [clock.new_id() for _ in both], [in_order(one.user_id, other.user_id) for one, other in both]
    session.execute(insert(Pair), [{"low_id": low, "high_id": high, "likes": BOTH} for low, high in orders])
    moments = dict.fromkeys(("created_at", "state_changed_at", "active_at"), NOW)
    rows = [
        {"id": match_id, "low_id": low, "high_id": high, "state": "active", **moments} | (columns or {})
        for match_id, (low, high) in zip(ids, orders, strict=True)
    ]
    session.execute(insert(Match), rows)
    return ids


def does(db: Database, who: Claims, function: Callable[..., Any], **more: Any) -> Callable[[], Any]:
    """`function` as this person's request, in a transaction of its own."""

    def request(session: Session) -> Any:
        return function(session, session.get_one(User, who.user_id), **more)

    return partial(db.call, request)


def changes_to(db: Database, who: Claims, match_id: uuid.UUID, to: MatchState) -> Callable[[], Any]:
    return does(db, who, matches.change, match_id=match_id, to=to, now=LATER)


def changes(session: Session) -> dict[uuid.UUID, list[str]]:
    """The states that each match has come to, in order."""
    found: dict[uuid.UUID, list[str]] = {}
    for match_id, after in session.execute(select(MatchChange.match_id, MatchChange.after).order_by(MatchChange.id)):
        found.setdefault(match_id, []).append(after)
    return found


def states(session: Session) -> dict[frozenset[uuid.UUID], str]:
    """The state of each match, by its two people."""
    rows = session.execute(select(Match.low_id, Match.high_id, Match.state))
    return {frozenset((low, high)): state for low, high, state in rows}


def sent_in(session: Session, liker: Claims, liked: Claims, seed: str) -> None:
    """A like within a transaction that is still open."""
    row = one(session, LIKE, likes.parameters(liker, Wish(liked.user_id, words(seed)), now=NOW))
    assert row is not None
    assert likes.Answer(*row).like_id is not None


def of(*both: Claims) -> frozenset[uuid.UUID]:
    return frozenset(one.user_id for one in both)
