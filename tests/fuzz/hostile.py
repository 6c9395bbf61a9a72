"""What no schema describes: requests that somebody writes by hand to see what breaks, made from one that is right."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from schemathesis import Case

ID: Final = "c81451ea-7cc4-405f-b696-522ddb820b9b"
IDS: Final = (f"urn:uuid:{ID}", f"{{{ID}}}", ID.replace("-", ""), ID.upper(), f" {ID}", f"{ID}\0", "0" * 32, ID[:-1])
TEXTS: Final = (
    "a\0b",
    "a\ud800b",
    "\udfff",
    "\u202e\u2066",
    "\ufeff",
    " ",
    "%",
    "x" * 20_000,
    "'; DROP TABLE users; --",
    "{{7*7}}${7*7}",
    "\U0010ffff",
    "e\u0301" * 500,
)
NUMBERS: Final = (10**30, -(10**400), 2**31, 2**63, -(2**63) - 1, 1e308, float("nan"), float("-inf"), -0.0, 1e-320)
MOMENTS: Final = (
    "0000-00-00",
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "+99999-01-01",
    "1990-12-10T00:00:00Z",
    "١٩٩٠",
)
SHAPES: Final[tuple[Any, ...]] = (True, None, [], {}, [[[]]], {"": {}}, [None] * 200)
POISONS: Final = (*TEXTS, *NUMBERS, *MOMENTS, *IDS, *SHAPES)
BODIES: Final = (
    b"",
    b"null",
    b"[]",
    b'""',
    b"0",
    b"{",
    b'{"a":1}{"b":2}',
    b"[" * 30_000,
    b'{"a":' * 10_000,
    b"9" * 5_000,
    b'{"\xff\xfe": 1}',
    "{}".encode("utf-16"),
    b"\xef\xbb\xbf{}",
    b'{"user_id": 1, "user_id": 2}',
    b"--x\r\n\r\n--x--",
    b"a=1&a=2&%FF=%00",
)
TYPES: Final = (
    "",
    "text/plain",
    "application/xml",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    'multipart/form-data; boundary="x',
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded; charset=nonsense",
    "application/json, text/html",
    "\xff/\xff",
)
_PART: Final = b'--x\r\nContent-Disposition: form-data; name="file"'
FORMS: Final = (
    b"",
    b"--x--",
    b"--x\r\n",
    _PART,
    _PART + b"\r\n\r\n",
    _PART + b"\r\n\r\n\r\n--x--\r\n",
    _PART + b'; filename="a\0b"\r\n\r\n\xff\xd8\xff\xe0\r\n--x--\r\n',
    _PART + b"; filename*=utf-16''%FF\r\n\r\n\xff\xd8\xff\xe0\r\n--x--\r\n",
    _PART + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n/9j/4AAQ\r\n--x--\r\n",
    _PART + b"\r\n" + b"X: y\r\n" * 2_000 + b"\r\n\xff\xd8\xff\xe0\r\n--x--\r\n",
    _PART + b"\r\n\r\n\xff\xd8\xff\xe0\r\n" + _PART + b"\r\n\r\n\xff\xd8\xff\xe1\r\n--x--\r\n",
    b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\na\r\n--x--\r\n',
    b"--x\r\n\r\nno header at all\r\n--x--\r\n",
    b"--x\r\n\xff\xff: \xff\r\n\r\n\r\n--x--\r\n",
)


def _cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


QUERIES: Final = (
    "%00",
    "%FF",
    "%ED%A0%80",
    "%",
    "9" * 400,
    "-1",
    "1e3",
    "1_0",
    "%D9%A3",
    "NaN",
    "true",
    "&",
    quote("\U0010ffff"),
    "older.999999999",
    "newer.0",
    _cursor("9999-12-31T23:59:59.999999+00:00", ID),
    _cursor("9999-12-31T23:59:59-14:00", ID),
    _cursor("0001-01-01T00:00:00+14:00", ID),
    _cursor("2026-11-20T00:00:00Z", "0"),
    _cursor(1e308, ID),
    _cursor("2026-11-20T00:00:00Z", ID, 1),
    _cursor([[]], {}),
    base64.urlsafe_b64encode(b"\xff\xfe[").decode(),
    base64.urlsafe_b64encode(b"[" * 120).decode(),
)
HEADERS: Final[tuple[tuple[str, str], ...]] = (
    ("Authorization", "Bearer"),
    ("Authorization", "Bearer \xff\xfe"),
    ("Authorization", "Bearer a.b.c"),
    ("Authorization", "Bearer " + "x" * 8_000),
    ("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30."),
    ("Authorization", "Basic Og=="),
    ("X-Request-ID", "\xff" * 40),
    ("User-Agent", "\xff\xfe"),
    ("User-Agent", "x" * 8_000),
    ("Last-Event-ID", "\xff"),
    ("Last-Event-ID", "9" * 400),
    ("If-None-Match", "\xff"),
    ("Idempotency-Key", "\xff"),
    ("Idempotency-Key", "x" * 8_000),
    ("Accept", "\xff/nothing"),
    ("Accept-Encoding", "nothing;q=-1"),
    ("Accept-Language", "\xff"),
    ("Origin", "\xff"),
    ("Origin", "null"),
    ("Cookie", "a=\xff; ="),
    ("Host", "\xff"),
    ("Host", "a b"),
    ("Host", "[::1"),
    ("Host", "example.com:99999"),
    ("X-Forwarded-For", "\xff, 999.0.0.1"),
    ("X-Forwarded-Proto", "javascript"),
    ("Range", "bytes=-1-"),
    ("Expect", "the unexpected"),
    ("Content-Encoding", "gzip"),
)


@dataclass(frozen=True)
class Request:
    """One request, as it goes over the wire."""

    method: str
    target: str
    """The path, and the query behind a question mark."""
    headers: dict[str, str]
    content: bytes | None = None


def hostile(case: Case[Any]) -> Iterator[Request]:
    """Every variation of a case that is right. Its body stays as it is where another part is varied."""
    path, body, sent = _path(case), case.body, dict[str, str]()
    content = None
    if case.media_type == "application/json":
        content, sent["Content-Type"] = json.dumps(body).encode(), case.media_type
    right = Request(case.method, path, sent, content)
    yield from (replace(right, headers=sent | {name: value}) for name, value in HEADERS)
    for parameter in case.operation.query:
        for text in QUERIES:
            yield replace(right, target=f"{path}?{parameter.name}={text}")
        yield replace(right, target=f"{path}?{parameter.name}=1&{parameter.name}=2&{parameter.name}[]=3")
    for name in case.path_parameters:
        for text in (*(quote(one) for one in IDS), "%00", "%FF", "x" * 4_000, "%ED%A0%80", "..%2F..%2Fetc"):
            yield replace(right, target=_path(case, **{name: text}))
    if case.operation.body:
        yield from (replace(right, content=text) for text in BODIES)
        yield from (replace(right, headers=sent | {"Content-Type": media_type}) for media_type in TYPES)
    if case.media_type == "multipart/form-data":
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        yield from (replace(right, headers=sent | form, content=text) for text in FORMS)
    if isinstance(body, dict) and content is not None:
        for poisoned in _poisoned(body):
            yield replace(right, content=json.dumps(poisoned).encode())


def _path(case: Case[Any], **instead: str) -> str:
    values = {name: quote(str(value)) for name, value in case.path_parameters.items()} | instead
    return re.sub(r"{(\w+)}", lambda found: values[found[1]], case.path)


def _poisoned(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The body with one part of it replaced, each by everything."""
    for name, value in body.items():
        if isinstance(value, dict):
            yield from ({**body, name: inner} for inner in _poisoned(value))
        yield from ({**body, name: poison} for poison in POISONS)
    yield from ({**body, name: 1} for name in ("a\0b", "a\ud800b", "", "x" * 10_000, "__proto__"))
