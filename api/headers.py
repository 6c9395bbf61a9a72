"""Headers that keep browsers from doing more with an answer than it is for; each answer gets those it has not set.

Most answers are JSON, which no page has a reason to frame, store or embed. What is different (pictures, pages) sets its
own, and where an answer is made by a library, the policy of its pages stands here, by path.
"""

from collections.abc import Iterable
from typing import Final

Pairs = tuple[tuple[bytes, bytes], ...]

POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_EVERYWHERE: Final[dict[str, str]] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",  # links of mails and media carry what proves them
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",  # says nothing about pages that CORS lets in
    "cache-control": "no-store",
    "content-security-policy": POLICY,
}
# FastAPI's pages for trying the API: a script in the page itself, the rest from a CDN.
_DOCS: Final = (
    "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'unsafe-inline' https://cdn.jsdelivr.net https://fonts.googleapis.com; "
    "font-src https://fonts.gstatic.com; img-src 'self' data: https:; connect-src 'self'; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGES: Final[dict[str, str]] = {"/docs": _DOCS, "/redoc": _DOCS}
"""The policy of pages that set none themselves, by the beginning of their path."""

_STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")


def _pairs(policy: str) -> Pairs:
    headers = {**_EVERYWHERE, "content-security-policy": policy}
    return tuple((name.encode(), value.encode()) for name, value in headers.items())


_DEFAULT: Final = _pairs(POLICY)
_OF_PAGES: Final = {begin: _pairs(policy) for begin, policy in PAGES.items()}
_PAGE_PATHS: Final = tuple(_OF_PAGES)


def completed(given: Iterable[tuple[bytes, bytes]], *, path: str, strict_transport: bool) -> list[tuple[bytes, bytes]]:
    """The headers of an answer, with those that it has not set. `path` is without any prefix of a proxy."""
    headers = list(given)
    names = {name for name, _ in headers}
    defaults = _DEFAULT
    if path.startswith(_PAGE_PATHS):
        defaults = next(pairs for begin, pairs in _OF_PAGES.items() if path.startswith(begin))
    headers += [pair for pair in defaults if pair[0] not in names]
    if strict_transport:
        headers.append(_STRICT_TRANSPORT)
    return headers
