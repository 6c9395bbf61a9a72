"""Routes of discovery: the hottest that reads, so one statement and no thread, and the two that explain."""

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.accounts import SIGNED_IN
from api.dependencies import Me, Moderator
from api.errors import documented
from api.lean import LeanRoute
from api.media import base
from api.profiles import PROFILE_EXAMPLE, CompatibilityShape, ProfileShape
from api.shapes import Limit, Shape, with_example
from api.tallies import Tallies
from shared import clock
from shared.accounts.models import User
from shared.accounts.service import reconsider
from shared.discovery import funnel, nights, pages, queues, why
from shared.discovery.models import DiscoveryRun
from shared.discovery.page_statement import PAGE
from shared.discovery.pages import After, Page
from shared.errors import Refusal
from shared.storage import storage

lean = APIRouter(prefix="/v1/discovery", tags=["discovery"], route_class=LeanRoute)
router = APIRouter(prefix="/v1/discovery", tags=["discovery"])
admin = APIRouter(prefix="/v1/admin/discovery", tags=["admin"])

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
_CURSOR: Final = re.compile(r"([1-9][0-9]{0,3})\.([1-9][0-9]{14,15})", re.ASCII)  # a place, and when its queue was made

CARD_EXAMPLE: Final[dict[str, Any]] = {
    "user": PROFILE_EXAMPLE,
    "compatibility": PROFILE_EXAMPLE["compatibility"],
    "liked_you": False,
}
QUEUE_EXAMPLE: Final[dict[str, Any]] = {"computed_at": "2026-11-25T03:02:11Z", "remaining": 87, "refreshing": False}


class Card(Shape):
    """Somebody who is shown to you. `liked_you` is true only where it may be told."""

    model_config = with_example(CARD_EXAMPLE)

    user: ProfileShape
    compatibility: CompatibilityShape
    liked_you: bool


class QueueShape(Shape):
    """Your queue: when it was made, how many of it you have not decided on, and whether it is being made anew."""

    model_config = with_example(QUEUE_EXAMPLE)

    computed_at: datetime | None
    remaining: int
    refreshing: bool


class AdviceShape(Shape):
    """What you can do when nobody is left: `action` for programs, `text` for you."""

    action: str
    text: str


class DiscoveryPage(Shape):
    """A page of your queue, the best first. `help` says what helps when there is nobody."""

    model_config = with_example(
        {"items": [CARD_EXAMPLE], "next_cursor": "20.1795661331000000", "queue": QUEUE_EXAMPLE, "help": []}
    )

    items: list[Card]
    next_cursor: str | None
    queue: QueueShape
    help: list[AdviceShape]


class PageQuery(BaseModel):
    """Which page."""

    limit: Limit = 20
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before")


class PartShape(Shape):
    """A part of a rank: how much of it there is (0..100, in steps of 25), and how many points of a hundred it adds."""

    part: str
    text: str
    value: int
    points: float


class WhyShape(Shape):
    """Somebody's place in your queue, and what it is made of."""

    model_config = with_example(
        {
            "place": 1,
            "computed_at": "2026-11-25T03:02:11Z",
            "parts": [{"part": "distance", "text": why.LABELS["distance"], "value": 75, "points": 11.2}],
            "note": why.NOTE,
        }
    )

    place: int
    computed_at: datetime
    parts: list[PartShape]
    note: str


class LeavesShape(Shape):
    """One of your wishes: how many people it leaves by itself, and how many there would be without it."""

    wish: str
    leaves: int
    without: int


class FunnelShape(Shape):
    """From all in your surroundings who would like to be shown you to those whom you wish for, decided on or not.

    0 stands for fewer than ten.
    """

    model_config = with_example(
        {
            "people": 1200,
            "left": 150,
            "wishes": [
                {"wish": "genders", "leaves": 700, "without": 300},
                {"wish": "ages", "leaves": 400, "without": 450},
                {"wish": "distance", "leaves": 600, "without": 250},
            ],
        }
    )

    people: int
    left: int
    wishes: list[LeavesShape]


class NightShape(Shape):
    """One nightly run over everybody, and how fair it came out.

    `gini` is that of exposure: 0 when all who can be shown are in as many queues, 1 when one is in all.
    `shown_to_nobody` is the share of them that is in no queue.
    """

    model_config = with_example(
        {
            "day": "2026-11-25",
            "started_at": "2026-11-25T03:00:04Z",
            "finished_at": "2026-11-25T03:01:10Z",
            "regions": 15,
            "failed": 0,
            "people": 100_000,
            "shown": 92_000,
            "gini": 0.31,
            "shown_to_nobody": 0.004,
        }
    )

    day: date
    started_at: datetime
    finished_at: datetime | None
    regions: int
    failed: int | None
    people: int | None
    shown: int | None
    gini: float | None
    shown_to_nobody: float | None


class NightList(Shape):
    """The last nights, the newest first."""

    items: list[NightShape]


@lean.get(
    "",
    operation_id="list_discovery",
    summary="Who is there for you",
    response_model=DiscoveryPage,
    responses=documented(*SIGNED_IN, "validation_error", "service_unavailable"),
)
async def list_discovery(request: Request, me: Me, query: Annotated[PageQuery, Query()]) -> Response:
    """People whom you fit and who fit you, the best first, with everything to decide on them.

    Made ahead; whoever you have liked, passed or blocked since, or who has changed their mind about being here, is left
    out. Somebody without a queue gets one now.
    """
    now, after = clock.now(), _after(query.cursor)
    asked = pages.parameters(me.claims, after=after, limit=query.limit, base=base(request), now=now)
    page, asking = pages.read(await me.db.one(PAGE, asked)), False
    if page.is_no_good(now) and not (page.current and after.place):
        tallies: Tallies = request.app.state.tallies
        await tallies.count("queues", me.claims.user_id)
        await me.run(queues.ensure, seen=page.computed_at, now=now)
        page = pages.read(await me.db.one(PAGE, asked))
    elif page.is_low(now) and page.next(query.limit) is None:  # in the middle of reading, pages would begin anew
        await me.run(_ask)
        asking = True
    if page.shown and not storage().is_local:
        page = await to_thread.run_sync(pages.with_bucket_links, page)
    advised = await me.run(funnel.advice, now=now) if not page.shown and not after.place else []
    await me.was_here(page.last_active_at, now)
    remaining = page.remaining if page.shown or after.place else 0
    return Response(
        _body(page, page.next(query.limit), remaining, advised, refreshing=page.refreshing or asking),
        media_type="application/json",
    )


@router.get(
    "/funnel",
    operation_id="get_funnel",
    summary="What your wishes leave",
    responses=documented(*SIGNED_IN, "validation_error"),
)
async def get_funnel(me: Me) -> FunnelShape:
    """How many people each of your own wishes leaves. Counts are rounded, so that nobody can be singled out."""
    return FunnelShape.model_validate(await me.run(funnel.funnel, now=clock.now()))


@router.get(
    "/{user_id}/why",
    operation_id="get_why",
    summary="Why somebody is shown to you",
    responses=documented(*SIGNED_IN, "not_found", "validation_error"),
)
async def get_why(me: Me, user_id: uuid.UUID) -> WhyShape:
    """Their place in your queue, and the parts that it is made of."""
    return WhyShape.model_validate(await me.run(why.why, user_id=user_id, now=clock.now()))


@admin.get(
    "",
    operation_id="list_nights",
    summary="How the nightly rankings went",
    responses=documented(*SIGNED_IN, "forbidden", "validation_error"),
)
async def list_nights(moderator: Moderator, limit: Annotated[Limit, Query()] = 30) -> NightList:
    """How long each took, and how evenly people are shown."""
    return NightList(items=[NightShape.model_validate(night) for night in await moderator.run(_nights, most=limit)])


def _nights(session: Session, _user: User, *, most: int) -> Sequence[DiscoveryRun]:
    return nights.runs(session, most=most)


def _ask(session: Session, user: User) -> None:
    reconsider(session, user.id)


def _body(
    page: Page, following: After | None, remaining: int, advised: list[funnel.Advice], *, refreshing: bool
) -> bytes:
    """The page as JSON, around the cards that Postgres has made."""
    computed_at = f'"{page.computed_at:%Y-%m-%dT%H:%M:%S.%fZ}"' if page.computed_at else "null"
    helps = ",".join(AdviceShape.model_validate(one).model_dump_json() for one in advised)
    return b'{"items":%b,"next_cursor":%b,"queue":{"computed_at":%b,"remaining":%d,"refreshing":%b},"help":[%b]}' % (
        page.cards,
        b'"%b"' % _cursor(following).encode() if following else b"null",
        computed_at.encode(),
        remaining,
        b"true" if refreshing else b"false",
        helps.encode(),
    )


def _cursor(after: After) -> str:
    assert after.made is not None
    return f"{after.place}.{(after.made - EPOCH) // MICROSECOND}"


def _after(cursor: str | None) -> After:
    if cursor is None:
        return After()
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        message = "Leave it out to begin anew."
        raise Refusal("validation_error", details={"fields": [{"field": "query.cursor", "message": message}]})
    return After(EPOCH + int(parts[2]) * MICROSECOND, int(parts[1]))
