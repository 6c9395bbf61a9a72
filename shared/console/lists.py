"""One page of a list: searched, filtered, sorted and counted, in two queries."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.accounts.models import Role, User
from shared.photos.models import Photo, PhotoStatus

AnyRow = Row[*tuple[Any, ...]]
AnyRows = Select[*tuple[Any, ...]]
Sorts = Mapping[str, ColumnElement[Any] | InstrumentedAttribute[Any]]


@dataclass(frozen=True, slots=True)
class Viewer:
    """The moderator or admin who looks."""

    id: uuid.UUID
    is_admin: bool

    def may_judge(self, user_id: uuid.UUID, role: str) -> bool:
        """Whether this person's record is theirs to see: not their own, and not a colleague's but for admins."""
        return user_id != self.id and (self.is_admin or role == Role.USER)

    def judged(self) -> Sequence[ColumnElement[bool]]:
        """The same as conditions on users."""
        others = User.id != self.id
        return [others] if self.is_admin else [others, User.role == Role.USER]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a list."""

    q: str | None = None
    """Words to search for."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Filters: what to have in which column."""
    sort: str | None = None
    descending: bool = False
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A page, and how many rows all pages have."""

    rows: Sequence[Any]
    total: int


def page_of(
    session: Session,
    rows: AnyRows,
    wanted: Wanted,
    *,
    sorts: Sorts,
    usual: ColumnElement[Any],
    last: ColumnElement[Any] | InstrumentedAttribute[Any],
) -> Found:
    """The page, in the order that is wanted or else the `usual` one; `last` decides between equals."""
    total = session.scalar(rows.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    by = sorts.get(wanted.sort or "")
    order = usual if by is None else by.desc().nulls_last() if wanted.descending else by.asc().nulls_last()
    page = rows.order_by(order, last).limit(wanted.limit).offset(wanted.offset)
    return Found(session.execute(page).all(), total)


def containing(text: str) -> str:
    """The pattern of LIKE for whatever contains this text."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def main_photo(user_id: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ScalarSelect[Any]:
    """The storage key of the smallest rendition of somebody's first photo, if they have one."""
    ready = select(Photo.renditions["320"].astext).where(Photo.user_id == user_id, Photo.status == PhotoStatus.READY)
    return ready.order_by(Photo.position).limit(1).scalar_subquery()


def main_photos(session: Session, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """`main_photo` of several people."""
    rows = session.execute(select(User.id, main_photo(User.id)).where(User.id.in_(user_ids)))
    return {user_id: key for user_id, key in rows if key is not None}
