"""The rules of notifications: which kinds are mailed, and can be switched off."""

from enum import StrEnum


class Mailed(StrEnum):
    """Kinds of notifications that are also mailed to who is away, unless they have switched that off."""

    MATCH = "match.created"
    MESSAGE = "message.created"
