"""The demo page: a small client of the API, for whoever tries the system in development. Elsewhere there is none."""

import uuid
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from shared.errors import Refusal
from shared.settings import settings

router = APIRouter(include_in_schema=False)

FOLDER: Final = Path(__file__).parent / "pages" / "demo"
MEDIA_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS: Final = {
    # Nothing from elsewhere and nothing inline. Pictures that are being uploaded are blobs, placeholders are data.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}


@router.get("/demo")
async def demo_page() -> Response:
    """The page; what it is made of lies below it."""
    return _served("index.html")


@router.get("/demo/verify")
@router.get("/demo/reset")
@router.get("/demo/login")
@router.get("/demo/matches")
@router.get("/demo/matches/{match_id}")
@router.get("/demo/notices/{notice_id}")
async def demo_link(
    request: Request,
    token: Annotated[str, Query(max_length=100, pattern=r"^[\w-]*$")] = "",
    match_id: uuid.UUID | None = None,
    notice_id: uuid.UUID | None = None,
) -> Response:
    """Where links of mails lead: to the page, which is told the rest behind a # that no server sees."""
    _served("index.html")
    view = request.url.path.rpartition("/demo/")[2].partition("/")[0]
    if notice_id:
        return RedirectResponse("../../demo#you")  # where one's notices are
    up = "../.." if match_id else ".."
    return RedirectResponse(f"{up}/demo#{view}/{token or match_id or ''}")


@router.get("/demo/{name}")
async def demo_file(name: str) -> Response:
    """A style sheet, a script or a picture of the page."""
    return _served(name)


def _served(name: str) -> Response:
    if settings().environment != "development" or name not in _files():
        raise Refusal("not_found")
    path = FOLDER / name
    return Response(path.read_bytes(), media_type=MEDIA_TYPES[path.suffix], headers=HEADERS)


@lru_cache
def _files() -> frozenset[str]:
    """The only names that are ever opened."""
    return frozenset(path.name for path in FOLDER.iterdir() if path.suffix in MEDIA_TYPES)
