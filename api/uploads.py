"""Taking in one file of a multipart form as a stream: it is counted and looked at while it goes to storage."""

from collections.abc import AsyncIterator, Callable
from typing import Final

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from shared.errors import Refusal

LONGEST_BOUNDARY: Final = 70  # RFC 2046, section 5.1.1
MOST_PARTS: Final = 20  # each costs time, however small it is; the parser itself limits what stands before it


class _FilePart:
    """Hands out the bytes of the form field `file` as a parser meets them; other fields are passed over."""

    def __init__(self, boundary: bytes, *, most: int) -> None:
        self._most = most
        self._data, self._field, self._value = bytearray(), bytearray(), bytearray()
        self._total = self._parts = 0
        self._inside = self._found = self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part,
                "on_header_field": lambda data, start, end: self._field.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._on_header,
                "on_part_data": self._on_data,
                "on_end": self._on_end,
            },
        )

    def feed(self, raw: bytes) -> bytes:
        """What the next bytes of the body add to the file."""
        try:
            self._parser.write(raw)
        except MultipartParseError:
            raise _invalid("The form is not valid multipart.") from None
        chunk = bytes(self._data)
        self._data.clear()
        self._total += len(chunk)
        if self._total > self._most:
            message = f"A photo has at most {self._most // 1024**2} MB."
            raise Refusal("too_large", message, details={"limit_bytes": self._most})
        return chunk

    def require_whole(self) -> None:
        """Refuse a form that has ended without a whole file."""
        if not self._ended:
            raise _invalid("The upload ended too early.")
        if not self._total:
            raise _invalid("The file is empty." if self._found else "The form has no field `file`.")

    def _on_part(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise _invalid("The form has too many fields.")
        self._inside = False

    def _on_header(self) -> None:
        if self._field.lower() == b"content-disposition" and not self._found:
            _, options = parse_options_header(bytes(self._value))
            self._inside = self._found = options.get(b"name") == b"file"
        self._field.clear()
        self._value.clear()

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._data.extend(data[start:end])

    def _on_end(self) -> None:
        self._ended = True


async def file_chunks(
    request: Request, *, most: int, head_bytes: int, check_head: Callable[[bytes], None]
) -> AsyncIterator[bytes]:
    """The bytes of the form field `file`, as they arrive; at most `most`.

    `check_head` sees the first `head_bytes` (or all of a shorter file) before anything is yielded; it raises to refuse.

    Raises:
        Refusal: `validation_error` (no multipart form, no such field, an empty or incomplete one), `too_large`, or
            what `check_head` raises.
    """
    part = _FilePart(_boundary(request), most=most)
    head, checked = b"", False
    async for raw in request.stream():
        chunk = part.feed(raw)
        if not checked:
            chunk = head = head + chunk
            if len(head) < head_bytes:
                continue
            check_head(head[:head_bytes])
            checked = True
        if chunk:
            yield chunk
    part.require_whole()
    if not checked:
        check_head(head)
        yield head


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary or len(boundary) > LONGEST_BOUNDARY:
        raise _invalid("Send the photo as multipart/form-data with a field `file`.")
    return boundary


def _invalid(message: str) -> Refusal:
    return Refusal("validation_error", message, details={"fields": [{"field": "body.file", "message": message}]})
