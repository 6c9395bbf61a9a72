"""The console put together: the library's frame, our pages in it, and no route but those."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin.base import BaseAdmin

from api.console import doings, words
from api.console.deeds import Deed, route_of
from api.console.login import Door
from api.console.pages import Audit, Cases, FailedWork, Matches, Notices, Overview, People, Photos, Signals
from api.console.tables import Table
from api.health import VERSION
from api.review import MAX_DAYS, REASON_LENGTHS
from shared.accounts.seal import Seal
from shared.errors import Refusal
from shared.health import STALE_AFTER
from shared.moderation.rules import RULES
from shared.settings import settings

FOLDER: Final = Path(__file__).parent.parent / "pages" / "console"
PAGES: Final = frozenset({"static", "login", "log_in", "logout", "index", "photos", "list", "detail"})
"""The library has more, which import, export and edit rows: none of that is served."""


class Site(BaseAdmin):
    """The library's admin, but for its protection of forms: ours belongs to a session, and needs no second cookie."""

    def _init_csrf(self) -> None:
        pass


def build(api: FastAPI) -> Starlette:
    """The console of this API."""
    logging.getLogger("starlette_admin").setLevel(logging.ERROR)  # it would log whom moderators search for
    seal = Seal(settings())
    db = api.state.database
    site: Site

    def refused(request: Request, refusal: Refusal) -> Response:
        return site.templates.TemplateResponse(
            request, "refused.html", {"refusal": refusal}, refusal.status, refusal.headers
        )

    site = Site(
        title="Delete",
        templates_dir=str(FOLDER),
        static_dir=str(FOLDER / "static"),
        index_view=Overview(db),
        auth_provider=Door(api, seal, refused),
        secret_key=seal.sign("flash", "key"),
        timezone_config=None,
    )
    site.templates.env.globals.update(
        app_version=VERSION,
        community_rules=RULES,
        reason_lengths=REASON_LENGTHS,
        most_days=MAX_DAYS,
        picture=words.picture,
        stale_after=STALE_AFTER,
    )
    site.templates.env.filters.update(since=words.since, lasting=words.lasting, badge=words.badge, signal=words.signal)
    views: Sequence[type[Table | Photos]] = (Cases, People, Photos, Matches, Signals, Notices, FailedWork, Audit)
    for view in views:
        site.add_view(view(db))
    deeds: Sequence[Deed] = doings.ALL
    site.routes[:] = [
        *(route_of(deed, db, seal) for deed in deeds),
        *(one for one in site.routes if one.name in PAGES),
    ]
    site.mount_to(Starlette())
    return site.app
