"""Pages of somebody's queue: what the statement of a page asks for, and what its answer means."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from shared.accounts.models import Status
from shared.accounts.tokens import Claims
from shared.errors import Refusal
from shared.settings import settings
from shared.storage import storage

# Whoever has seen all there is gets to know of somebody new at once, but no more often than that.
SOON: Final = timedelta(seconds=10)
AGAIN: Final = timedelta(seconds=60)  # between two refreshes of a queue that stays low, since there is nobody else


@dataclass(frozen=True, slots=True)
class After:
    """Where the page before ended: at which place of the queue made when. A newer queue is read from its beginning."""

    made: datetime | None = None
    place: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a queue as the statement answers it."""

    status: str
    last_active_at: datetime
    computed_at: datetime | None
    """When the queue was made; None while there is none."""
    current: bool | None
    """Whether it was made for the wishes that the viewer has now."""
    remaining: int
    """How many of it the viewer has not decided on."""
    shown: int
    """How many cards there are."""
    last: int | None
    """The place of the last one."""
    refreshing: bool
    cards: bytes
    """A JSON array."""

    def next(self, limit: int) -> After | None:
        """Where this page ended, when more may come after it."""
        return After(self.computed_at, self.last) if self.last is not None and self.shown == limit else None

    def is_no_good(self, now: datetime) -> bool:
        """Whether a queue has to be made before a first page can be answered."""
        if self.status != Status.ACTIVE:
            return False
        if self.computed_at is None or not self.current:
            return True
        return self.shown == 0 and now - self.computed_at > SOON

    def is_low(self, now: datetime) -> bool:
        """Whether a worker should make the queue anew, since few are left."""
        if self.status != Status.ACTIVE or self.computed_at is None or self.refreshing:
            return False
        return self.remaining < settings().discovery_low and now - self.computed_at > AGAIN


def parameters(claims: Claims, *, after: After, limit: int, base: str, now: datetime) -> dict[str, Any]:
    """What the statement PAGE asks for; links begin with `base`."""
    values, signing = settings(), storage().signing()
    return {
        "me": claims.user_id,
        "session": claims.session_id,
        "now": now,
        "verified": values.verified_email_required,
        "made": after.made,
        "after": after.place,
        "limit": limit,
        "base": base,
        "signed": signing is not None,
        "expires": str(signing.expires) if signing else "",
        "inner": signing.inner if signing else b"",
        "outer": signing.outer if signing else b"",
        "model": values.embedding_model,
        "liked_shown": values.liked_you_shown,
    }


def read(row: tuple[Any, ...] | None) -> Page:
    """The answer of the statement.

    Raises:
        Refusal: `token_invalid`, `account_suspended`.
    """
    if row is None or row[0] == Status.DELETING:
        raise Refusal("token_invalid")
    if row[0] == Status.SUSPENDED:
        raise Refusal("account_suspended")
    return Page(*row)


def with_bucket_links(page: Page) -> Page:
    """The page with a bucket's links in place of keys, which Postgres cannot make. Not for the event loop."""
    shown = json.loads(page.cards)
    for card in shown:
        for photo in card["user"]["photos"]:
            photo["urls"] = {variant: storage().url(key) for variant, key in photo["urls"].items()}
    return replace(page, cards=json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode())
