"""How things read in the console: filters of templates that turn what is stored into words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup
from starlette.requests import Request

from api.media import absolute
from shared import clock
from shared.moderation.rules import SIGNAL_WORDS
from shared.storage import storage

_STEPS: Final = ((86_400 * 365, "year"), (86_400 * 30, "month"), (86_400, "day"), (3600, "hour"), (60, "minute"))
_COLORS: Final = {
    "active": "green",
    "ready": "green",
    "dating": "pink",
    "paused": "blue",
    "processing": "blue",
    "archived": "secondary",
    "suspended": "red",
    "rejected": "red",
    "deleting": "dark",
    "deleted": "dark",
    "unmatched": "secondary",
    "hidden": "orange",
    "admin": "purple",
    "moderator": "azure",
}
_REFUSED: Final = {
    "comment_duplicated": "nearly the same words as before",
    "comment_contact_info": "contact details",
    "too_fast": "too many within a minute",
}


def since(moment: datetime | None) -> Markup | str:
    """How long ago (or in how long), with the moment itself when pointed at."""
    if moment is None:
        return "\N{EN DASH}"
    seconds = (clock.now() - moment).total_seconds()
    text = lasting(abs(seconds))
    words = "just now" if text is None else f"{text} ago" if seconds > 0 else f"in {text}"
    exact = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.isoformat(), exact, words)


def lasting(seconds: float) -> str | None:
    """A length of time in its largest unit; None below a minute."""
    for step, name in _STEPS:
        number = int(seconds // step)
        if number:
            return f"{number} {name}{'s' if number > 1 else ''}"
    return None


def badge(value: str | None) -> Markup:
    """A state as a coloured word."""
    if not value:
        return Markup("")
    color = _COLORS.get(value, "secondary")
    return Markup('<span class="badge bg-{}-lt">{}</span>').format(color, value.replace("_", " "))


def signal(evidence: Mapping[str, Any], kind: str) -> str:
    """What a signal says of somebody."""
    words = SIGNAL_WORDS.get(kind, kind.replace("_", " "))
    if kind == "stolen_photo" and evidence.get("same_bytes"):
        return f"{words}, the very same file"
    if kind == "like_refused":
        why = _REFUSED.get(str(evidence.get("code")), str(evidence.get("code")))
        comment = evidence.get("comment")
        return f"{words}: {why}" + (f": “{comment}”" if comment else "")
    return words


def picture(request: Request, key: str | None) -> str | None:
    """The address of a stored picture."""
    return absolute(storage().url(key), request) if key else None
