"""The time and fresh identifiers: the only place that asks the machine for either, so that tests can decide them."""

import uuid
from datetime import UTC, datetime


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


def new_id() -> uuid.UUID:
    """A random identifier (version 4: one that tells nobody when a person joined)."""
    return uuid.uuid4()
