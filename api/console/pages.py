"""The pages of the console, but for those of cases."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin.routing import route
from starlette_admin.views import CustomView

from api.console import charts
from api.console.tables import Choice, Table, choice, columns
from shared import clock
from shared.console import cases, people, records, work
from shared.console.lists import Found, Viewer, Wanted
from shared.console.overview import overview
from shared.database import Database
from shared.moderation.rules import SIGNALS
from shared.review.cases import Which

PHOTOS: Final = 60  # on a page
MOST_DIGITS: Final = 5  # of a page's number


class Overview(CustomView):
    """The first page."""

    menu_label = "Overview"
    icon = "fa-solid fa-gauge"
    path = "/"

    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db

    @route("")
    async def index(self, request: Request) -> Response:
        """How everything is doing."""
        figures = await self._db.run(overview, now=clock.now())
        return shown(self, request, "overview.html", {"figures": figures, "bars": charts.bars})


class Photos(CustomView):
    """Pictures by their state."""

    menu_label = "Photos"
    icon = "fa-solid fa-images"
    path = "/photos"
    choices: ClassVar[Mapping[str, Choice]] = {
        "state": choice("State", records.PHOTO_STATES),
        "signal": Choice("Signals", {"stolen": "resembles somebody else's"}),
    }

    def __init__(self, db: Database) -> None:
        super().__init__(route_name="photos")
        self._db = db

    @route("")
    async def index(self, request: Request) -> Response:
        """One page of them."""
        asked = request.query_params
        page = (
            max(int(asked["page"]), 1) if asked.get("page", "").isdecimal() and len(asked["page"]) <= MOST_DIGITS else 1
        )
        values = {name: asked[name] for name, one in self.choices.items() if asked.get(name) in one.values}
        wanted = Wanted(values=values, limit=PHOTOS, offset=(page - 1) * PHOTOS)
        found, resembling = await self._db.run(self._read, wanted=wanted)
        pages = max(-(-found.total // PHOTOS), 1)
        context = {"found": found, "resembling": resembling, "page": page, "pages": pages, "values": values}
        return shown(self, request, "photos.html", context)

    @staticmethod
    def _read(session: Session, *, wanted: Wanted) -> tuple[Found, set[uuid.UUID]]:
        found = records.photos(session, wanted=wanted)
        return found, records.resembling(session, photo_ids=[row.id for row in found.rows])


class People(Table):
    """Everybody."""

    key = "people"
    display_name = "person"
    menu_label = "People"
    icon = "fa-solid fa-users"
    list_template = "people.html"
    detail_template = "person.html"
    fields = columns(
        ("name", "Person"),
        ("role", "Role"),
        ("status", "State"),
        ("created_at", "Joined"),
        ("last_active_at", "Last here"),
        sorted_by=("name", "role", "status", "created_at", "last_active_at"),
    )
    search = "Name, username, id or, for admins, e-mail"
    choices: ClassVar[Mapping[str, Choice]] = {
        "state": choice("State", (*people.STATES, "hidden")),
        "role": choice("Role", people.ROLES),
    }

    def read(self, session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
        """A page of people."""
        return people.people(session, wanted=wanted, viewer=viewer)

    def read_one(self, session: Session, *, key: uuid.UUID, viewer: Viewer) -> object | None:
        """A person."""
        return people.person(session, user_id=key, viewer=viewer, now=clock.now())


class Cases(Table):
    """What waits for a decision."""

    key = "cases"
    display_name = "case"
    menu_label = "Cases"
    icon = "fa-solid fa-scale-balanced"
    list_template = "cases.html"
    detail_template = "case.html"
    fields = columns(
        ("person", "Person"),
        ("what", "What"),
        ("priority", "Weight"),
        ("taken", "With"),
        ("opened_at", "Opened"),
        sorted_by=(),
    )
    choices: ClassVar[Mapping[str, Choice]] = {
        "which": Choice(
            "Which", {"open": "open", "free": "free to take", "mine": "mine", "closed": "decided"}, usual=Which.OPEN
        )
    }

    def read(self, session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
        """A page of cases."""
        return cases.listed(session, wanted=wanted, viewer_id=viewer.id, now=clock.now())

    def read_one(self, session: Session, *, key: uuid.UUID, viewer: Viewer) -> object | None:
        """A case."""
        return cases.page(session, case_id=key, viewer_id=viewer.id, now=clock.now())


class Matches(Table):
    """Who has matched with whom; what they write stays theirs."""

    key = "matches"
    display_name = "match"
    menu_label = "Matches"
    icon = "fa-solid fa-heart"
    list_template = "matches.html"
    detail_template = "match.html"
    fields = columns(
        ("people", "People"),
        ("state", "State"),
        ("messages", "Messages"),
        ("created_at", "Matched"),
        ("active_at", "Last written"),
        sorted_by=("state", "created_at", "active_at"),
    )
    search = "Name or id"
    choices: ClassVar[Mapping[str, Choice]] = {"state": choice("State", records.MATCH_STATES)}

    def read(self, session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
        """A page of matches."""
        return records.matches(session, wanted=wanted, viewer=viewer)

    def read_one(self, session: Session, *, key: uuid.UUID, viewer: Viewer) -> object | None:
        """A match."""
        return records.match_history(session, match_id=key, viewer=viewer)


class Signals(Table):
    """What was noticed about people."""

    key = "signals"
    display_name = "signal"
    menu_label = "Signals"
    icon = "fa-solid fa-bell"
    list_template = "signals.html"
    fields = columns(
        ("person", "Person"),
        ("kind", "What"),
        ("created_at", "When"),
        ("case", "Case"),
        sorted_by=("kind", "created_at"),
    )
    search = "Name or id of the person"
    choices: ClassVar[Mapping[str, Choice]] = {"kind": choice("Kind", tuple(SIGNALS))}

    def can_view_detail(self, request: Request) -> bool:  # noqa: ARG002
        """A row says all there is."""
        return False

    def read(self, session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
        """A page of signals."""
        return records.signals(session, wanted=wanted, viewer=viewer)


class Notices(Table):
    """What people were told was decided about them."""

    key = "notices"
    display_name = "notice"
    menu_label = "Notices"
    icon = "fa-solid fa-envelope-open-text"
    list_template = "notices.html"
    fields = columns(
        ("person", "Person"),
        ("kind", "Decision"),
        ("created_at", "When"),
        ("until", "Until"),
        ("appeal", "Objection"),
        sorted_by=("kind", "created_at"),
    )
    search = "Name or id of the person, or kind of decision"
    choices: ClassVar[Mapping[str, Choice]] = {
        "by": Choice("Decided by", {"rule": "a rule", "person": "a person"}),
        "appeal": Choice("Objections", {"yes": "objected to"}),
    }

    def can_view_detail(self, request: Request) -> bool:  # noqa: ARG002
        """A row says all there is."""
        return False

    def read(self, session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
        """A page of notices."""
        return records.notices(session, wanted=wanted, viewer=viewer)


class Audit(Table):
    """What those in charge have done."""

    key = "audit"
    display_name = "entry"
    menu_label = "Audit log"
    icon = "fa-solid fa-book"
    list_template = "audit.html"
    fields = columns(
        ("created_at", "When"),
        ("actor", "Who"),
        ("action", "Did what"),
        ("person", "To whom"),
        ("details", "Details"),
        sorted_by=("created_at", "action"),
    )
    search = "Name or id of either, action, or id of a case"
    choices: ClassVar[Mapping[str, Choice]] = {
        "of": Choice("About", {"case": "cases", "user": "accounts", "work": "work", "console": "logins"})
    }

    def can_view_detail(self, request: Request) -> bool:  # noqa: ARG002
        """A row says all there is."""
        return False

    def read(self, session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
        """A page of the log."""
        return records.audit_log(session, wanted=wanted, viewer=viewer)


class FailedWork(Table):
    """Work that was given up."""

    key = "work"
    display_name = "work"
    menu_label = "Failed work"
    icon = "fa-solid fa-triangle-exclamation"
    list_template = "work.html"
    pk_attr = "key"
    fields = columns(
        ("kind", "Kind"),
        ("key", "Key"),
        ("attempts", "Attempts"),
        ("created_at", "Asked for"),
        ("error", "Error"),
        sorted_by=("kind", "attempts", "created_at"),
    )
    search = "Key, or words of the error"
    choices: ClassVar[Mapping[str, Choice]] = {"kind": choice("Kind", work.KINDS)}

    def can_view_detail(self, request: Request) -> bool:  # noqa: ARG002
        """A row says all there is."""
        return False

    def read(self, session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:  # noqa: ARG002
        """A page of failures."""
        return work.failed(session, wanted=wanted)


def shown(view: CustomView, request: Request, name: str, context: dict[str, Any]) -> Response:
    """The answer with a page of ours in the library's frame."""
    assert view._admin is not None  # noqa: SLF001 - where the library's views find their messages, too
    return view._admin._template_response(request, name, {"view": view, "title": view.menu_label, **context})  # noqa: SLF001
