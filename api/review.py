"""Routes by which moderators work on cases: listing, looking, taking, deciding."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from api.accounts import SIGNED_IN
from api.dependencies import Moderator
from api.errors import documented
from api.media import absolute
from api.notices import NOTICE_EXAMPLE, NoticeShape
from api.photos import PhotoShape, photo_shape
from api.profiles import PROFILE_EXAMPLE, ProfileShape, profile_shape
from api.shapes import Body, Limit, Offset, Page, Shape, Visible, with_example
from shared import clock
from shared.accounts.models import User
from shared.moderation.models import Reason, Signal
from shared.moderation.rules import SIGNAL_WORDS, Decision
from shared.photos.models import Photo
from shared.review import cases, decisions
from shared.review.cases import Line, Opened, Reported, Which
from shared.review.decisions import Verdict
from shared.storage import storage

router = APIRouter(prefix="/v1/admin/cases", tags=["admin"])

OF_CASES: Final = (*SIGNED_IN, "forbidden", "not_found", "validation_error")
MAX_DAYS: Final = 365
REASON_LENGTHS: Final = (10, 1000)
SHOWN: Final = "1080"  # the rendition that moderators see
_CASE: Final[dict[str, Any]] = {
    "id": "3f6f2f55-2b0a-4d6e-9d0c-0a1a7d0f9b3e",
    "person": {"id": PROFILE_EXAMPLE["id"], "name": "Ada", "status": "active", "role": "user"},
    "opened_at": "2026-11-24T18:49:12Z",
    "priority": 6.0,
    "evidence": 2,
    "reports": 2,
    "signals": 0,
    "reasons": ["harassment"],
    "is_appeal": False,
    "taken_by": None,
    "taken_at": None,
    "closed_at": None,
    "decision": None,
    "reason": None,
}
_REPORT: Final[dict[str, Any]] = {
    "id": "0c9e3b7a-8a7c-4a2b-bb4d-0f1e2d3c4b5a",
    "reporter": {"id": "c81451ea-7cc4-405f-b696-522ddb820b9c", "name": "Bob", "status": "active", "role": "user"},
    "reporter_founded": 1,
    "reporter_unfounded": 0,
    "weight": 1.0,
    "reason": "harassment",
    "details": "Insulted me after I said no.",
    "snapshot": {"name": "Ada", "age": 35, "bio": "Writes letters to machines.", "photos": [], "prompts": []},
    "photo_urls": {},
    "created_at": "2026-11-24T18:49:12Z",
}
_SIGNAL: Final[dict[str, Any]] = {
    "id": "5a0c1c66-33c4-4f0e-8a55-6f2fb2b64d77",
    "kind": "stolen_photo",
    "words": SIGNAL_WORDS["stolen_photo"],
    "evidence": {"photo_id": "443c518b-fa20-49de-a6cc-84c4d7704fc4", "same_bytes": True},
    "lookalike_url": "https://api.example.com/media/photos/44/…-1080?expires=1795550400&signature=…",
    "created_at": "2026-11-24T18:49:12Z",
}


class PersonShape(Shape):
    """Whom a case names."""

    id: uuid.UUID
    name: str
    status: str
    role: str


class CaseShape(Shape):
    """What there is to look at about one person. `evidence` is how many reports and signals are in it."""

    model_config = with_example(_CASE)

    id: uuid.UUID
    person: PersonShape
    opened_at: datetime
    priority: float
    evidence: int
    reports: int
    signals: int
    reasons: list[str]
    is_appeal: bool
    taken_by: PersonShape | None
    taken_at: datetime | None
    closed_at: datetime | None
    decision: Decision | None
    reason: str | None


class ReportedShape(Shape):
    """A report, with the profile as it was then, and how often its maker's reports were founded before."""

    model_config = with_example(_REPORT)

    id: uuid.UUID
    reporter: PersonShape | None
    reporter_founded: int
    reporter_unfounded: int
    weight: float
    reason: Reason
    details: str
    snapshot: dict[str, Any]
    photo_urls: dict[str, str]
    """By id, the photos as they were."""
    created_at: datetime


class SignalShape(Shape):
    """Something noticed; of a photo that resembles another's, that one's link."""

    model_config = with_example(_SIGNAL)

    id: uuid.UUID
    kind: str
    words: str
    evidence: dict[str, Any]
    lookalike_url: str | None
    created_at: datetime


class OpenedCase(Shape):
    """All that is needed to decide."""

    model_config = with_example(
        {
            "case": _CASE,
            "profile": PROFILE_EXAMPLE,
            "photos": [],
            "reports": [_REPORT],
            "signals": [_SIGNAL],
            "notices": [NOTICE_EXAMPLE],
        }
    )

    case: CaseShape
    profile: ProfileShape
    photos: list[PhotoShape]
    """All of theirs, the rejected and removed ones too."""
    reports: list[ReportedShape]
    signals: list[SignalShape]
    notices: list[NoticeShape]


class NewVerdict(Body):
    """What you decide and why. The reason is told to the person: write it to them, and name nobody.

    `photo_id`, `prompt_id` (of the answer) and `days` are for the decisions that need them. `rule` is the reason of a
    report; left out, it is the one that most reports give. With `evidence` as you saw it, nothing is decided if
    something new has come since.
    """

    model_config = with_example(
        {"decision": "suspend", "days": 7, "rule": "harassment", "reason": "You insulted somebody who had said no."}
    )

    decision: Decision
    reason: Annotated[Visible, StringConstraints(min_length=REASON_LENGTHS[0], max_length=REASON_LENGTHS[1])]
    rule: Reason | None = None
    photo_id: uuid.UUID | None = None
    prompt_id: uuid.UUID | None = None
    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] | None = None
    evidence: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


@router.get(
    "",
    operation_id="list_cases",
    summary="Cases",
    responses=documented(*SIGNED_IN, "forbidden", "validation_error"),
)
async def list_cases(
    moderator: Moderator,
    which: Annotated[Which, Query(description="free: nobody has taken it")] = Which.OPEN,
    limit: Annotated[Limit, Query()] = 20,
    offset: Annotated[Offset, Query()] = 0,
) -> Page[CaseShape]:
    """What weighs most comes first. Not those about yourself, and those about colleagues only for admins."""
    lines, total = await moderator.run(cases.listed, which=which, now=clock.now(), limit=limit, offset=offset)
    return Page(items=[case_shape(line) for line in lines], total=total, limit=limit, offset=offset)


@router.get("/{case_id}", operation_id="get_case", summary="A case", responses=documented(*OF_CASES))
async def get_case(request: Request, moderator: Moderator, case_id: uuid.UUID) -> OpenedCase:
    """The person as they are now, and every report as it was then."""
    return _opened(await moderator.run(cases.opened, case_id=case_id, now=clock.now()), request)


@router.post(
    "/{case_id}/take",
    operation_id="take_case",
    summary="Take a case",
    responses=documented(*OF_CASES, "invalid_transition"),
)
async def take_case(moderator: Moderator, case_id: uuid.UUID) -> CaseShape:
    """Nobody else can decide on it for some hours, unless you release it."""
    return await moderator.run(_taken, case_id=case_id)


@router.post(
    "/{case_id}/release",
    operation_id="release_case",
    summary="Leave a case to others",
    responses=documented(*OF_CASES, "invalid_transition"),
)
async def release_case(moderator: Moderator, case_id: uuid.UUID) -> CaseShape:
    """Undoes taking it."""
    return await moderator.run(_released, case_id=case_id)


@router.post(
    "/{case_id}/resolve",
    operation_id="resolve_case",
    summary="Decide on a case",
    responses=documented(*OF_CASES, "invalid_transition"),
)
async def resolve_case(moderator: Moderator, case_id: uuid.UUID, body: NewVerdict) -> CaseShape:
    """Take it first. The person gets a notice, whoever reported them is told the outcome, and it is noted for good.

    `uphold` and `overturn` are for cases with an appeal in them, which somebody else than who decided must answer.
    Where there is more in such a case, the appeal becomes a case of its own, and the rest waits for another decision.
    """
    return await moderator.run(_resolved, case_id=case_id, verdict=Verdict(**body.model_dump()))


def case_shape(line: Line) -> CaseShape:
    """The shape of a case in a list."""
    case = line.case
    return CaseShape(
        id=case.id,
        person=PersonShape.model_validate(line.person),
        opened_at=case.opened_at,
        priority=round(case.priority, 2),
        evidence=line.evidence,
        reports=line.reports,
        signals=line.signals,
        reasons=list(line.reasons),
        is_appeal=line.is_appeal,
        taken_by=PersonShape.model_validate(line.taken_by) if line.taken_by else None,
        taken_at=case.taken_at,
        closed_at=case.closed_at,
        decision=Decision(case.decision) if case.decision else None,
        reason=case.reason,
    )


def _taken(session: Session, user: User, *, case_id: uuid.UUID) -> CaseShape:
    cases.take(session, user, case_id=case_id, now=clock.now())
    return case_shape(cases.line(session, user, case_id=case_id))


def _released(session: Session, user: User, *, case_id: uuid.UUID) -> CaseShape:
    cases.release(session, user, case_id=case_id)
    return case_shape(cases.line(session, user, case_id=case_id))


def _resolved(session: Session, user: User, *, case_id: uuid.UUID, verdict: Verdict) -> CaseShape:
    decided = decisions.resolve(session, user, case_id=case_id, verdict=verdict, now=clock.now())
    return case_shape(cases.line(session, user, case_id=decided.id))


def _opened(opened: Opened, request: Request) -> OpenedCase:
    return OpenedCase(
        case=case_shape(opened.line),
        profile=profile_shape(opened.profile, request),
        photos=[_photo(photo, request) for photo in opened.photos],
        reports=[_reported(one, request) for one in opened.reports],
        signals=[_signal(one, opened, request) for one in opened.signals],
        notices=[NoticeShape.model_validate(notice) for notice in opened.notices],
    )


def _photo(photo: Photo, request: Request) -> PhotoShape:
    """Also of one that was taken down, which nobody else is shown."""
    urls = {name: absolute(storage().url(key), request) for name, key in (photo.renditions or {}).items()}
    return photo_shape(photo, request).model_copy(update={"urls": urls or None})


def _reported(one: Reported, request: Request) -> ReportedShape:
    report = one.report
    kept = {photo["id"]: photo["key"] for photo in report.snapshot["photos"]}
    return ReportedShape(
        id=report.id,
        reporter=PersonShape.model_validate(one.reporter) if one.reporter else None,
        reporter_founded=one.founded,
        reporter_unfounded=one.unfounded,
        weight=round(report.weight, 2),
        reason=Reason(report.reason),
        details=report.details,
        snapshot={**report.snapshot, "photos": list(kept)},
        photo_urls={photo_id: absolute(storage().url(key), request) for photo_id, key in kept.items()},
        created_at=report.created_at,
    )


def _signal(signal: Signal, opened: Opened, request: Request) -> SignalShape:
    other = opened.lookalikes.get(signal.evidence.get("other_photo_id", ""))
    return SignalShape(
        id=signal.id,
        kind=signal.kind,
        words=SIGNAL_WORDS[signal.kind],
        evidence=signal.evidence,
        lookalike_url=absolute(storage().url(other.renditions[SHOWN]), request) if other and other.renditions else None,
        created_at=signal.created_at,
    )
