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
        """What was promised or is in doubt of a kind, and concerns nobody who has left."""
        gone = self.gone()
        return [
            entry
            for entry in self.town.journal.of(kind)
            if kind == "erasure" or not any(name in f"{entry.who} {entry.key} {entry.content}" for name in gone)
        ]

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
