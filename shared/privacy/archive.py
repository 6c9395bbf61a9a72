"""The archive of an export, made piece by piece as it is stored: none of it is ever whole in memory or on a disk."""

import html
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

README: Final = """What Delete holds about you
===========================

Made on {moment}. Open index.html to see what is in which file.

Files that end in .json are lists of entries, as text that programs read and people can. Times are in UTC. Names of
other people are their first names only: what else they have told us is theirs.
"""
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What Delete holds about you</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.05rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1.5rem; }}
dt {{ font-weight: 600; margin-top: 1.2rem; }}
dd {{ margin: 0; }}
img {{ max-width: 9rem; max-height: 9rem; margin: .3rem; border-radius: .4rem; }}
</style>
</head>
<body>
<h1>What Delete holds about you</h1>
<p>Made on {moment}. Files that end in .json are lists of entries, as text that programs read and people can.
Times are in UTC. Names of other people are their first names only: what else they have told us is theirs.</p>
<dl>
{files}
</dl>
<p>{pictures}</p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A file of entries: its name, what it is for a person, and the entries."""

    name: str
    about: str
    rows: Iterable[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A file as it is."""

    name: str
    chunks: Iterable[bytes]


@dataclass(slots=True)
class _Contents:
    """What has come into the archive so far, for its index."""

    tables: list[tuple[str, str, int]] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)


class _Taken(io.RawIOBase):
    """Where the archive is written to: kept until it is taken, which is soon."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        self._kept += data
        return len(data)

    def take(self) -> bytes:
        """What was written since."""
        taken = bytes(self._kept)
        self._kept.clear()
        return taken


def archive(tables: Iterable[Table], pictures: Iterable[Picture], *, now: datetime) -> Iterator[bytes]:
    """The bytes of the archive, piece by piece."""
    out, contents, stamp = _Taken(), _Contents(), now.timetuple()[:6]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as made:
        for table in tables:
            with made.open(_named(f"{table.name}.json", stamp), "w", force_zip64=True) as entry:
                number = 0
                for line in _lines(table.rows):
                    entry.write(line)
                    number += line.startswith(b" ")
                    yield out.take()
            contents.tables.append((f"{table.name}.json", table.about, number))
        for picture in pictures:
            # They are compressed as they are.
            with made.open(_named(picture.name, stamp, zipfile.ZIP_STORED), "w", force_zip64=True) as entry:
                for chunk in picture.chunks:
                    entry.write(chunk)
                    yield out.take()
            contents.pictures.append(picture.name)
        moment = f"{now:%Y-%m-%d %H:%M} UTC"
        made.writestr(_named("index.html", stamp), _index(contents, moment))
        made.writestr(_named("README.txt", stamp), README.format(moment=moment))
    yield out.take()


def _named(name: str, stamp: tuple[int, ...], compressed: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (stamp[0], stamp[1], stamp[2], stamp[3], stamp[4], stamp[5]))
    info.compress_type = compressed
    return info


def _lines(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """A JSON array with one entry a line; entries begin with a space."""
    before = b"[\n"
    for row in rows:
        yield before
        yield f" {json.dumps(row, ensure_ascii=False, default=_plain)}".encode()
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _index(contents: _Contents, moment: str) -> str:
    files = "\n".join(
        f'<dt><a href="{name}">{name}</a> ({number})</dt><dd>{html.escape(about)}</dd>'
        for name, about, number in contents.tables
    )
    pictures = "\n".join(f'<a href="{name}"><img src="{name}" alt="{name}"></a>' for name in contents.pictures)
    return PAGE.format(moment=moment, files=files, pictures=pictures)
