"""Cases as the console shows them: the list with faces, and everything about one, its pictures in pairs."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.console.lists import AnyRow, Found, Wanted, main_photos
from shared.errors import Refusal
from shared.moderation.models import Signal
from shared.photos.models import Photo
from shared.review import cases
from shared.review.cases import Line, Opened, Which
from shared.settings import settings

LARGE: Final = "1080"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case in the list, with the key of the person's picture."""

    id: uuid.UUID
    line: Line
    photo: str | None


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture of the person beside one of somebody else that it resembles: storage keys, of what there still is."""

    signal: Signal
    mine: str | None
    theirs: str | None
    other: AnyRow | None
    """Whose the other is; None where that account is gone."""


@dataclass(frozen=True, slots=True)
class CasePage:
    """Everything about one case, and what whoever looks at it may do."""

    id: uuid.UUID
    opened: Opened
    pairs: Sequence[Pair]
    names: Mapping[uuid.UUID, str]
    """Of whoever has decided on something here."""
    objections: Sequence[uuid.UUID]
    """The notices that this case objects to."""
    is_mine: bool
    is_free: bool
    """Whether it can be taken."""
    is_closed: bool


def listed(session: Session, *, wanted: Wanted, viewer_id: uuid.UUID, now: datetime) -> Found:
    """The cases that are wanted: open ones unless said otherwise, those that weigh most first."""
    which = Which(wanted.values.get("which", Which.OPEN))
    moderator = session.get_one(User, viewer_id)
    lines, total = cases.listed(session, moderator, which=which, now=now, limit=wanted.limit, offset=wanted.offset)
    photos = main_photos(session, [line.person.id for line in lines])
    return Found([CaseRow(line.case.id, line, photos.get(line.person.id)) for line in lines], total)


def page(session: Session, *, case_id: uuid.UUID, viewer_id: uuid.UUID, now: datetime) -> CasePage | None:
    """A case; None when there is none that is theirs to see."""
    moderator = session.get_one(User, viewer_id)
    try:
        opened = cases.opened(session, moderator, case_id=case_id, now=now)
    except Refusal:
        return None
    case = opened.line.case
    is_mine = case.taken_by == moderator.id
    given_up = case.taken_at is None or case.taken_at <= now - timedelta(hours=settings().case_hours)
    return CasePage(
        id=case.id,
        opened=opened,
        pairs=_pairs(session, opened),
        names=_names(session, opened),
        objections=[notice.id for notice in cases.appealed(session, case)],
        is_mine=is_mine and case.closed_at is None,
        is_free=given_up and not is_mine and case.closed_at is None,
        is_closed=case.closed_at is not None,
    )


def _pairs(session: Session, opened: Opened) -> list[Pair]:
    kept = {shown["id"]: shown["key"] for one in opened.reports for shown in one.report.snapshot.get("photos", ())}
    mine = kept | {str(photo.id): key for photo in opened.photos if (key := large(photo))}
    others = {str(photo_id): photo for photo_id, photo in opened.lookalikes.items()}
    owners = {photo.user_id for photo in others.values()}
    people = {
        row.id: row for row in session.execute(select(User.id, User.name, User.status).where(User.id.in_(owners)))
    }
    pairs = []
    for signal in opened.signals:
        if "photo_id" in signal.evidence:
            other = others.get(signal.evidence.get("other_photo_id", ""))
            owner = people.get(other.user_id) if other is not None else None
            theirs = large(other) if other is not None else None
            pairs.append(Pair(signal, mine.get(signal.evidence["photo_id"]), theirs, owner))
    return pairs


def large(photo: Photo) -> str | None:
    """The storage key of a photo as large as it is shown."""
    return (photo.renditions or {}).get(LARGE)


def _names(session: Session, opened: Opened) -> dict[uuid.UUID, str]:
    case = opened.line.case
    ids = {case.closed_by, *(notice.decided_by for notice in opened.notices)} - {None}
    rows = session.execute(select(User.id, User.name).where(User.id.in_(ids)))
    return {user_id: name for user_id, name in rows}  # noqa: C416 - rows are no pairs to `dict`
