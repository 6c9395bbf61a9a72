"""Lists in the console: the library's list view over our own queries, with nothing that could change a row."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette_admin.fields import StringField
from starlette_admin.filters.base import FilterGroup
from starlette_admin.views import BaseModelView

from api.console.guard import Staff
from shared.console.lists import Found, Viewer, Wanted
from shared.database import Database

MOST_WORDS: Final = 200  # characters to search for


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter of a list: the values that it offers, with their words."""

    label: str
    values: Mapping[str, str]
    usual: str | None = None
    """What holds where nothing is chosen; None: all of them are shown."""


def choice(label: str, values: Sequence[str]) -> Choice:
    """A filter whose values are words already."""
    return Choice(label, {value: value.replace("_", " ") for value in values})


def columns(*names: tuple[str, str], sorted_by: Sequence[str]) -> list[StringField]:
    """The heads of a list's columns, by name and label."""
    return [StringField(name, label, orderable=name in sorted_by) for name, label in names]


class Table(BaseModelView):
    """A list whose rows our own query reads: `list_template` says how a row looks."""

    exporters = ()
    importers = ()
    actions = ()
    row_actions = ()
    searchable_fields = ()
    column_visibility = False
    page_size = 50
    page_size_options = (50,)
    pk_attr = "id"
    search: ClassVar[str | None] = None
    """What can be searched for, in words."""
    choices: ClassVar[Mapping[str, Choice]] = {}

    def __init__(self, db: Database) -> None:
        self.db = db
        self.sortable_fields = [field.name for field in self.fields if field.orderable]
        super().__init__()

    def read(self, session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
        """The rows that are wanted."""
        raise NotImplementedError

    def read_one(self, session: Session, *, key: uuid.UUID, viewer: Viewer) -> object | None:
        """What the page of one row shows; None: there is no such row."""
        raise NotImplementedError

    def is_accessible(self, request: Request) -> bool:
        """Whether whoever is here may see it."""
        return isinstance(getattr(request.state, "admin_user", None), Staff)

    def can_create(self, request: Request) -> bool:  # noqa: ARG002 - the library asks per request
        """Never: changes go through deeds."""
        return False

    can_edit = can_delete = can_import = can_export = can_create

    def filters(self, request: Request) -> dict[str, str]:
        """What the address says to filter by, as far as it is offered."""
        asked = request.query_params
        return {name: asked[name] for name, one in self.choices.items() if asked.get(name) in one.values}

    async def find_all(
        self,
        request: Request,
        skip: int = 0,
        limit: int = 100,
        q: str | None = None,
        sorts: Sequence[tuple[str, str]] | None = None,
        filters: FilterGroup | None = None,  # noqa: ARG002 - ours are simpler
    ) -> Sequence[Any]:
        """The rows of this page; how many there are in all is kept for `count`."""
        name, direction = next(iter(sorts or ()), (None, "asc"))
        words = (q or "").replace("\0", "").strip()[:MOST_WORDS] or None
        wanted = Wanted(words, self.filters(request), name, direction == "desc", limit, min(skip, 10_000_000))
        found = await self.db.run(self.read, wanted=wanted, viewer=request.state.admin_user.viewer)
        request.state.total = found.total
        return found.rows

    async def count(
        self,
        request: Request,
        q: str | None = None,  # noqa: ARG002 - counted already
        filters: FilterGroup | None = None,  # noqa: ARG002
    ) -> int:
        """How many rows there are on all pages."""
        total: int = request.state.total
        return total

    async def find_by_pk(self, request: Request, pk: Any) -> object | None:  # noqa: ANN401 - the library's
        """What the page of one row shows."""
        try:
            key = uuid.UUID(str(pk))
        except ValueError:
            return None
        return await self.db.run(self.read_one, key=key, viewer=request.state.admin_user.viewer)

    async def serialize(
        self,
        obj: Any,  # noqa: ANN401
        request: Request,  # noqa: ARG002
        include_relationships: bool = True,  # noqa: ARG002, FBT002
        include_select2: bool = False,  # noqa: ARG002, FBT002
    ) -> dict[str, Any]:
        """The row as it is: our templates know what it holds."""
        return {str(self.pk_attr): getattr(obj, str(self.pk_attr)), "it": obj}

    async def find_by_pks(self, request: Request, pks: list[Any]) -> Sequence[Any]:
        """Not used."""
        raise NotImplementedError

    async def create(self, request: Request, data: dict[str, Any]) -> Any:  # noqa: ANN401
        """Never."""
        raise NotImplementedError

    async def edit(self, request: Request, pk: Any, data: dict[str, Any]) -> Any:  # noqa: ANN401
        """Never."""
        raise NotImplementedError

    async def delete(self, request: Request, pks: list[Any]) -> int | None:
        """Never."""
        raise NotImplementedError
