"""What was promised to people and what is in doubt, and the two rules by which it is judged afterwards."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

DELAYED = 60.0  # seconds in which a request that nobody waits for any more may still be done

Stored = Mapping[str, Sequence[Mapping[str, Any]]]
"""What is there of a kind: key to what stands under it, which is one thing unless something is wrong."""


class Word(StrEnum):
    """What a client knows of what it asked for."""

    DOUBT = "in doubt"
    """No answer, or one that says to try again later."""
    PROMISED = "promised"
    REFUSED = "refused"


@dataclass
class Entry:
    """One thing that somebody asked for. `key` is what it will be found by; a key of nothing can never be found."""

    kind: str
    who: str
    key: str
    content: dict[str, Any]
    sent: float = field(default_factory=time.monotonic)
    word: Word = Word.DOUBT

    def keep(self, key: str | None = None, **more: Any) -> None:
        """It was promised, and the answer told this of it."""
        self.word, self.key = Word.PROMISED, key or self.key
        self.content |= more

    def refuse(self) -> None:
        """It was said that it is not so."""
        self.word = Word.REFUSED


@dataclass
class Journal:
    """Everything that was asked for, in the order in which it was sent."""

    entries: list[Entry] = field(default_factory=list)

    def open(self, kind: str, who: str, key: str, **content: Any) -> Entry:
        """Note something before it is asked for: until an answer comes it is in doubt."""
        self.entries.append(Entry(kind, who, key, content))
        return self.entries[-1]

    def of(self, kind: str) -> list[Entry]:
        """Everything of one kind."""
        return [entry for entry in self.entries if entry.kind == kind]


def once(entries: Iterable[Entry], stored: Stored) -> Iterator[str]:
    """What is wrong, when each thing promised must be there exactly once, and each in doubt at most once.

    Several entries with the same key are the same thing, asked for again.
    """
    for key, asked in _by_key(entries).items():
        found = stored.get(key, ())
        promised = [entry for entry in asked if entry.word == Word.PROMISED]
        if promised and not found:
            yield f"{_named(asked)} was promised and is not there"
        if not promised and found and all(entry.word == Word.REFUSED for entry in asked):
            yield f"{_named(asked)} was refused and is there"
        if len(found) > 1:
            yield f"{_named(asked)} is there {len(found)} times"
        for entry in promised:
            for one in found:
                yield from _differences(entry, one)


def latest(entries: Iterable[Entry], stored: Stored) -> Iterator[str]:
    """What is wrong, when of all that was set under a key the last promise counts, or something in doubt since then."""
    for key, asked in _by_key(entries).items():
        found = stored.get(key, ())
        known = [entry for entry in asked if entry.word != Word.REFUSED]
        promised = [entry for entry in known if entry.word == Word.PROMISED]
        if len(found) > 1:
            yield f"{_named(asked)} is there {len(found)} times"
        if not promised:
            continue
        last = promised[-1]
        since = last.sent - DELAYED
        possible = [last, *(entry for entry in known if entry.word == Word.DOUBT and entry.sent >= since)]
        now = found[0] if found else {}
        if not any(_fits(entry, now) for entry in possible):
            yield f"{_named([last])} was promised to be {last.content}, and is {dict(now)}"


def _by_key(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    keys: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        keys[entry.key].append(entry)
    return keys


def _fits(entry: Entry, found: Mapping[str, Any]) -> bool:
    """An empty content means that it is not there."""
    return not found if not entry.content else all(found.get(name) == value for name, value in entry.content.items())


def _differences(entry: Entry, found: Mapping[str, Any]) -> Iterator[str]:
    for name, value in entry.content.items():
        if name in found and found[name] != value:
            yield f"{_named([entry])}: {name} was promised as {value!r} and is {found[name]!r}"


def _named(asked: Sequence[Entry]) -> str:
    return f"{asked[0].kind} {asked[0].key} of {asked[0].who}"
