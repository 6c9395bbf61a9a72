"""What all wire shapes share: the base of request bodies, and text that a database and a person can live with."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

S = TypeVar("S")
T = TypeVar("T")
_ALLOWED_CONTROLS: Final = "\n\t"
# They turn around how the text after them is read, which can make it look like something else (UTS 39, section 5.4).
_DIRECTION_CONTROLS: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# Letters and signs that show nothing: Hangul fillers and the empty Braille cell.
_FILLERS: Final = "\u115f\u1160\u2800\u3164\uffa0"


def with_example(example: dict[str, Any] | list[dict[str, Any]]) -> ConfigDict:
    """The part of a shape's `model_config` that shows in the docs what it may look like."""
    extra: dict[str, Any] = {"examples": [example]}
    return ConfigDict(json_schema_extra=extra)


class Body(BaseModel):
    """The base of every request body: unknown fields are refused, so that a typing error is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class Shape(BaseModel):
    """The base of every answer."""

    model_config = ConfigDict(from_attributes=True)


class Page(Shape, Generic[T]):
    """A slice of a small list."""

    items: list[T]
    total: int
    limit: int
    offset: int


def page(rows: Sequence[S], shape: Callable[[S], T], *, limit: int, offset: int) -> Page[T]:
    """A slice of rows that are all at hand, in their shape."""
    shown = [shape(row) for row in rows[offset : offset + limit]]
    return Page(items=shown, total=len(rows), limit=limit, offset=offset)


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return text


def _prose(text: str) -> str:
    if text.isascii() and text.isprintable():  # nothing to take out, which is so of most
        return text.strip()
    kept = "".join(char for char in text if _is_kept(char))
    return unicodedata.normalize("NFC", kept).strip()


def _is_kept(char: str) -> bool:
    if unicodedata.category(char) == "Cc":
        return char in _ALLOWED_CONTROLS
    return char not in _DIRECTION_CONTROLS


def _visible(text: str) -> str:
    if text and all(unicodedata.category(char)[0] in "ZCM" or char in _FILLERS for char in text):
        raise ValueError("must have something to read")
    return text


def _one_line(text: str) -> str:
    return " ".join(_prose(text).split())


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic turns only these into answers
    return value


def _email(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None


Storable = Annotated[str, AfterValidator(_storable)]
"""Text exactly as received, without NUL and lone surrogates, which would answer 500."""

Prose = Annotated[Storable, AfterValidator(_prose)]
"""Text in Unicode NFC, trimmed, without control characters but line breaks and tabs."""

Visible = Annotated[Prose, AfterValidator(_visible)]
"""Prose with something to see in it, when it is not empty."""

Line = Annotated[Storable, AfterValidator(_one_line)]
"""Prose on one line."""

VisibleLine = Annotated[Line, AfterValidator(_visible)]
"""The same, with something to see in it when it is not empty."""

Email = Annotated[Storable, StringConstraints(max_length=254), AfterValidator(_email)]
"""An e-mail address, checked for its form."""

Number = Annotated[float, BeforeValidator(_number)]
"""A number of a body as it stands there: neither text nor a truth value is taken for one."""

Whole = Annotated[int, BeforeValidator(_number)]
"""The same, of a whole one."""

Limit = Annotated[int, Field(ge=1, le=100)]
Offset = Annotated[int, Field(ge=0, le=1_000_000)]
