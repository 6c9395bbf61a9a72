"""What the stores hold once everything has come to rest."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.faults.journal import Entry
from tests.faults.people import Town


@dataclass(frozen=True)
class Evidence:
    """The database, the folder of the storage, and those who were promised something."""

    database_url: str
    media: Path
    town: Town
    connection: psycopg.Connection | None = None
    """Over which to ask, if not over a new one each time."""

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a query, ids as text."""
        if self.connection is not None:
            return self.connection.cursor(row_factory=dict_row).execute(query.encode(), values).fetchall()
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def by_key(self, query: str, *values: Any) -> dict[str, list[dict[str, Any]]]:
        """The same by their column `key`, which no content has."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows(query, *values):
            found[str(row.pop("key"))].append(row)
        return found

    def entries(self, kind: str) -> list[Entry]:
        """What was asked for of a kind, and does not go with somebody who has left."""
        gone = self.gone()
        entries = self.town.journal.of(kind)
        return [entry for entry, names in zip(entries, map(_names, entries), strict=True) if not _any_in(gone, names)]

    def gone(self) -> set[str]:
        """Addresses and ids of those who have left, and of the matches that went with them."""
        names = {name for person in self.town.left() for name in (person.email, person.id)}
        there = {row["id"] for row in self.rows("SELECT id::text FROM matches")}
        return names | {
            match_id for match_id, both in self.town.matches.items() if both & names and match_id not in there
        }

    def files(self) -> set[str]:
        """The keys of all files in storage."""
        return {str(path.relative_to(self.media)) for path in self.media.rglob("*") if path.is_file()}


def _names(entry: Entry) -> str:
    """Words with the address or the id of whoever takes something with them, or of the match with which it goes."""
    if entry.kind == "erasure":
        return ""
    if entry.kind == "message":  # it is the other's as well
        return str(entry.content["match_id"])
    if entry.kind == "report":
        return str(entry.content["user_id"])
    return f"{entry.who} {entry.key} {entry.content}"


def _any_in(names: set[str], words: str) -> bool:
    return any(name in words for name in names)
