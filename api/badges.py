"""Routes of badges: one's own, the catalogue, and the icons."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from api.accounts import SIGNED_IN
from api.dependencies import Me
from api.errors import documented
from api.media import absolute
from api.shapes import Limit, Offset, Page, Shape, Storable, page, with_example
from shared.accounts.models import User
from shared.badges import service
from shared.badges.catalogue import BADGES, BY_SLUG, Badge
from shared.badges.drawings import DRAWINGS
from shared.badges.models import UserBadge
from shared.errors import Refusal

router = APIRouter(prefix="/v1", tags=["badges"])

_ICON_SECONDS: Final = 86_400


_CATALOGUE_EXAMPLE: Final[dict[str, Any]] = {
    "slug": BADGES[0].slug,
    "name": BADGES[0].name,
    "description": BADGES[0].description,
    "icon": f"https://api.example.com/v1/badges/{BADGES[0].slug}/icon.svg",
}
BADGE_EXAMPLE: Final[dict[str, Any]] = _CATALOGUE_EXAMPLE | {"reason": BADGES[0].reason.format(how="very")}


class CatalogueBadge(Shape):
    """A badge that people can earn. `icon` is an SVG that takes the colour of the text around it."""

    model_config = with_example(_CATALOGUE_EXAMPLE)

    slug: str
    name: str
    description: str
    icon: str


class PublicBadge(CatalogueBadge):
    """A badge that somebody has, and why. It does not say since when: that would tell when they were last active."""

    model_config = with_example(BADGE_EXAMPLE)

    reason: str


class BadgeShape(PublicBadge):
    """One's own badge."""

    model_config = with_example(BADGE_EXAMPLE | {"awarded_at": "2026-11-24T18:49:13Z"})

    awarded_at: datetime


def public_badge(held: UserBadge, request: Request) -> PublicBadge:
    """The shape of somebody's badge for others."""
    return PublicBadge(**_words(BY_SLUG[held.slug], request), reason=held.reason)


def _own(held: UserBadge, request: Request) -> BadgeShape:
    return BadgeShape(**public_badge(held, request).model_dump(), awarded_at=held.awarded_at)


def _words(badge: Badge, request: Request) -> dict[str, str]:
    icon = absolute(f"/v1/badges/{badge.slug}/icon.svg", request)
    return {"slug": badge.slug, "name": badge.name, "description": badge.description, "icon": icon}


@router.get(
    "/profile/badges",
    operation_id="list_badges",
    summary="Your badges",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def list_badges(
    request: Request, me: Me, limit: Annotated[Limit, Query()] = 100, offset: Annotated[Offset, Query()] = 0
) -> Page[BadgeShape]:
    """What your quiz and your public answers have earned you, the best first; a worker keeps them up to date."""
    held = await me.run(service.own_badges)
    return page(held, lambda badge: _own(badge, request), limit=limit, offset=offset)


@router.get(
    "/badges",
    operation_id="list_badge_catalogue",
    summary="All badges there are",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def list_badge_catalogue(
    request: Request, me: Me, limit: Annotated[Limit, Query()] = 100, offset: Annotated[Offset, Query()] = 0
) -> Page[CatalogueBadge]:
    """Those that the quiz can earn, then those that answers can."""
    await me.run(_nothing)
    return page(BADGES, lambda badge: CatalogueBadge(**_words(badge, request)), limit=limit, offset=offset)


@router.get(
    "/badges/{slug}/icon.svg",
    operation_id="get_badge_icon",
    summary="A badge's icon",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}, **documented("not_found", "validation_error")},
)
async def get_badge_icon(slug: Storable, request: Request) -> Response:
    """The same for everybody, so it needs no token."""
    drawing = DRAWINGS.get(slug)
    if drawing is None:
        raise Refusal("not_found", "There is no such badge.")
    headers = {
        "Cache-Control": f"public, max-age={_ICON_SECONDS}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "cross-origin",  # the pages of apps show it
        "ETag": f'"{drawing.digest}"',
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(drawing.svg, media_type="image/svg+xml", headers=headers)


def _nothing(_session: object, _user: User) -> None:
    """Only the sign-in is checked."""
