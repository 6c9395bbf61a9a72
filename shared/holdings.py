"""The forms in which each domain declares what it holds about a person, how that goes away, and what an export shows.

The declarations are the modules `holdings.py` of the domains; `shared.privacy` puts them together. Every column that
holds the id of a person is claimed in exactly one of them, which a test compares with the database itself.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    CursorResult,
    Select,
    Uuid,
    any_,
    delete,
    exists,
    false,
    inspect,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared import ledger
from shared.jobs import Job
from shared.models import Base

Column = InstrumentedAttribute[Any]
Query = Select[*tuple[Any, ...]]
MOST: Final = 1000  # rows of one transaction
PAGE: Final = 10_000  # rows that one transaction looks through
_UNSYNCHRONIZED: Final = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Deleted:
    """Rows whose column is the person: they are deleted.

    Work of `cancels` and `asks`, whose keys are the ids of the rows, is forgotten with them, or asked for.
    """

    column: Column
    cancels: tuple[Job, ...] = ()
    asks: tuple[Job, ...] = ()

    def take_out(self, session: Session, user_id: uuid.UUID) -> int:
        """Delete some; how many."""
        some = _some(self.column, self.column == user_id)
        gone = delete(self.column.class_).where(*_joined(self.column, some)).execution_options(**_UNSYNCHRONIZED)
        if not (self.cancels or self.asks):
            return _count(session.execute(gone))
        ids = session.scalars(gone.returning(self.column.class_.id)).all()
        for job in self.cancels:
            ledger.cancel(session, job, *map(str, ids))
        for job in self.asks:
            ledger.ask(session, job, *map(str, ids))
        return len(ids)

    def left(self, user_id: uuid.UUID) -> ColumnElement[bool]:
        """The condition on rows that must be gone."""
        return self.column == user_id


@dataclass(frozen=True, slots=True)
class Emptied:
    """Rows that stay without the person: the column is emptied, and `also` what else of them is the person's."""

    column: Column
    also: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)

    def take_out(self, session: Session, user_id: uuid.UUID) -> int:
        """Empty it in some; in how many."""
        some = _some(self.column, self.column == user_id)
        values = {self.column.key: null(), **self.also}
        emptied = update(self.column.class_).where(*_joined(self.column, some)).values(values)
        return _count(session.execute(emptied.execution_options(**_UNSYNCHRONIZED)))

    def left(self, user_id: uuid.UUID) -> ColumnElement[bool]:
        """The condition on rows that must not be so any more."""
        return self.column == user_id


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows that stay as they are, and why; but for those that nobody has a use for any more."""

    column: Column
    why: str
    unless: Callable[[uuid.UUID], ColumnElement[bool]] | None = None

    def left(self, user_id: uuid.UUID) -> ColumnElement[bool]:
        """The condition on rows that must be gone all the same."""
        return false() if self.unless is None else self.unless(user_id)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What stands within a column: `take_out` removes it from some rows and says how many, `left` finds them."""

    column: Column
    take_out: Callable[[Session, uuid.UUID], int]
    left: Callable[[uuid.UUID], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Listed:
    """An array in which the person stands among others. No index finds them, so all rows are gone through in pages."""

    column: Column
    without: Callable[[uuid.UUID], Mapping[str, ColumnElement[Any]]]
    """The values of a row without the person."""

    def walk(self, session: Session, user_id: uuid.UUID, after: Any) -> tuple[Any, int]:  # noqa: ANN401 - a key
        """Take the person out of the page after a key; (its last key, or None at the end; in how many rows)."""
        (key,) = (getattr(self.column.class_, column.key) for column in _key(self.column))
        here = literal(user_id, Uuid) == any_(self.column.cast(ARRAY(Uuid)))
        page = select(key, here).order_by(key).limit(PAGE)
        rows = session.execute(page if after is None else page.where(key > after)).all()
        named = [row_key for row_key, found in rows if found]
        if named:
            # Once more: what was made anew meanwhile has been read without a lock.
            session.execute(
                update(self.column.class_)
                .where(key.in_(named), here)
                .values(**self.without(user_id))
                .execution_options(**_UNSYNCHRONIZED)
            )
        return (rows[-1][0] if len(rows) == PAGE else None), len(named)


@dataclass(frozen=True, slots=True)
class Files:
    """Stored files: the ids of the things that they belong to, and where those of one thing are."""

    things: Callable[[uuid.UUID], Select[uuid.UUID]]
    folder: Callable[[uuid.UUID], str]
    key: Callable[[uuid.UUID], str] | None = None
    """One more file, which is in a folder with those of others."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One file of an export: a list of what the query finds, by the names of its columns, in the order of its key."""

    name: str
    about: str
    query: Callable[[uuid.UUID], Query]
    key: tuple[ColumnElement[Any] | Column, ...]


@dataclass(frozen=True, slots=True)
class Holdings:
    """What one domain holds about people."""

    domain: str
    columns: tuple[Deleted | Emptied | Kept | Rewritten | Listed, ...]
    """In the order in which they are taken out."""
    files: tuple[Files, ...] = ()
    """Deleted before any row."""
    work: tuple[Job, ...] = ()
    """Whose keys are people's ids."""
    exports: tuple[Exported, ...] = ()
    pictures: Callable[[Session, uuid.UUID], Sequence[tuple[str, str]]] | None = None
    """(name in the export, storage key) of the files that an export has."""
    unexported: Mapping[str, str] = field(default_factory=dict)
    """Tables that an export does not show, and why."""


def some(session: Session, table: type[Base], condition: ColumnElement[bool]) -> int:
    """Delete some of a table's rows that a condition finds; how many."""
    (first, *_) = _key(table)
    chosen = _some(getattr(table, first.key), condition)
    gone = delete(table).where(*_joined(getattr(table, first.key), chosen))
    return _count(session.execute(gone.execution_options(**_UNSYNCHRONIZED)))


def left(session: Session, holdings: Sequence[Holdings], user_id: uuid.UUID) -> list[str]:
    """The columns in which something of a person is left that should be gone."""
    return [
        str(held.column)
        for one in holdings
        for held in one.columns
        if not isinstance(held, Listed)
        and session.scalar(select(exists(select(literal(1)).select_from(held.column.class_).where(held.left(user_id)))))
    ]


def _key(what: Column | type[Base]) -> tuple[Any, ...]:
    table = what if isinstance(what, type) else what.class_
    return tuple(inspect(table).primary_key)


def _some(column: Column, condition: ColumnElement[bool]) -> CTE:
    """Up to MOST rows, locked: Postgres has no LIMIT of its own for changes."""
    rows = select(*_key(column)).select_from(column.class_).where(condition).limit(MOST).with_for_update()
    return rows.cte("some").prefix_with("MATERIALIZED")


def _joined(column: Column, rows: CTE) -> list[ColumnElement[bool]]:
    return [part == rows.c[part.name] for part in _key(column)]


def _count(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
