"""Lists of what is on record: matches and their history, photos, signals, notices, and the audit log."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, Text, cast, or_, select
from sqlalchemy.orm import Session, aliased

from shared.accounts.models import User
from shared.audit import AuditEntry
from shared.console.lists import AnyRow, Found, Sorts, Viewer, Wanted, containing, main_photo, page_of
from shared.matching.models import Match, MatchChange
from shared.matching.rules import MatchState
from shared.moderation.models import Notice, Signal
from shared.photos.models import Photo, PhotoStatus

MATCH_STATES: Final = tuple(state.value for state in MatchState)
RESEMBLING: Final = ("stolen_photo", "banned_photo")  # signals about a photo
PHOTO_STATES: Final = tuple(status.value for status in PhotoStatus)
_Low, _High = aliased(User), aliased(User)


def matches(session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
    """Matches with both names, the newest first; how many messages were written, and none of them.

    Not the viewer's own: they would tell by whom they were blocked.
    """
    rows = (
        select(Match.id, Match.state, Match.created_at, Match.state_changed_at, Match.active_at, Match.messages)
        .add_columns(Match.blocked, Match.low_id, Match.high_id)
        .add_columns(_Low.name.label("low_name"), main_photo(Match.low_id).label("low_photo"))
        .add_columns(_High.name.label("high_name"), main_photo(Match.high_id).label("high_photo"))
        .outerjoin(_Low, _Low.id == Match.low_id)
        .outerjoin(_High, _High.id == Match.high_id)
        .where(Match.low_id != viewer.id, Match.high_id != viewer.id)
    )
    if state := wanted.values.get("state"):
        rows = rows.where(Match.state == state)
    if wanted.q:
        ids = (cast(Match.id, Text), cast(Match.low_id, Text), cast(Match.high_id, Text))
        like = containing(wanted.q)
        rows = rows.where(or_(_Low.name.ilike(like), _High.name.ilike(like), *(one == wanted.q for one in ids)))
    sorts: Sorts = {"state": Match.state, "created_at": Match.created_at, "active_at": Match.active_at}
    return page_of(session, rows, wanted, sorts=sorts, usual=Match.created_at.desc(), last=Match.id)


@dataclass(frozen=True, slots=True)
class MatchHistory:
    """A match, its two people, and every change of its state."""

    id: uuid.UUID
    match: Match
    people: Sequence[AnyRow]
    changes: Sequence[AnyRow]


def match_history(session: Session, *, match_id: uuid.UUID, viewer: Viewer) -> MatchHistory | None:
    """How a match has come to be what it is; not one of the viewer's own."""
    match = session.get(Match, match_id)
    if match is None or viewer.id in {match.low_id, match.high_id}:
        return None
    people = session.execute(
        select(User.id, User.name, User.status, main_photo(User.id).label("photo"))
        .where(User.id.in_([match.low_id, match.high_id]))
        .order_by(User.id)
    ).all()
    changes = session.execute(
        select(MatchChange.before, MatchChange.after, MatchChange.why, MatchChange.created_at, MatchChange.changed_by)
        .add_columns(User.name)
        .outerjoin(User, User.id == MatchChange.changed_by)
        .where(MatchChange.match_id == match_id)
        .order_by(MatchChange.id)
    ).all()
    return MatchHistory(match.id, match, people, changes)


def photos(session: Session, *, wanted: Wanted) -> Found:
    """Photos with their owners, the newest first."""
    rows = select(Photo.id, Photo.user_id, Photo.status, Photo.rejection, Photo.created_at, Photo.color).add_columns(
        Photo.renditions["320"].astext.label("key"), User.name, User.status.label("owner_status")
    )
    rows = rows.join(User, User.id == Photo.user_id)
    if state := wanted.values.get("state"):
        rows = rows.where(Photo.status == state)
    if wanted.values.get("signal"):
        rows = rows.where(cast(Photo.id, Text).in_(_resembling()))
    return page_of(session, rows, wanted, sorts={}, usual=Photo.created_at.desc(), last=Photo.id)


def resembling(session: Session, *, photo_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these photos that signals say resemble somebody else's."""
    found = session.scalars(_resembling().where(Signal.evidence["photo_id"].astext.in_(list(map(str, photo_ids)))))
    return {uuid.UUID(found_id) for found_id in found}


def _resembling() -> Select[str]:
    return select(Signal.evidence["photo_id"].astext).where(Signal.kind.in_(RESEMBLING))


def signals(session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
    """What was noticed about people, the latest first."""
    rows = (
        select(Signal.id, Signal.kind, Signal.evidence, Signal.created_at, Signal.case_id, Signal.user_id)
        .add_columns(User.name, main_photo(User.id).label("photo"))
        .join(User, User.id == Signal.user_id)
        .where(*viewer.judged())
    )
    if kind := wanted.values.get("kind"):
        rows = rows.where(Signal.kind == kind)
    if wanted.q:
        rows = rows.where(or_(User.name.ilike(containing(wanted.q)), cast(User.id, Text) == wanted.q))
    sorts: Sorts = {"created_at": Signal.created_at, "kind": Signal.kind}
    return page_of(session, rows, wanted, sorts=sorts, usual=Signal.created_at.desc(), last=Signal.id)


def notices(session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
    """What people were told was decided about them, the latest first."""
    rows = (
        select(Notice.id, Notice.kind, Notice.facts, Notice.rule, Notice.automatic, Notice.until, Notice.created_at)
        .add_columns(Notice.appeal, Notice.appealed_at, Notice.overturned, Notice.case_id, Notice.user_id)
        .add_columns(User.name, main_photo(User.id).label("photo"))
        .join(User, User.id == Notice.user_id)
        .where(*viewer.judged())
    )
    if by := wanted.values.get("by"):
        rows = rows.where(Notice.automatic if by == "rule" else ~Notice.automatic)
    if wanted.values.get("appeal"):
        rows = rows.where(Notice.appeal.is_not(None))
    if wanted.q:
        like = containing(wanted.q)
        rows = rows.where(or_(User.name.ilike(like), Notice.kind.ilike(like), cast(User.id, Text) == wanted.q))
    sorts: Sorts = {"created_at": Notice.created_at, "kind": Notice.kind}
    return page_of(session, rows, wanted, sorts=sorts, usual=Notice.created_at.desc(), last=Notice.id)


def audit_log(session: Session, *, wanted: Wanted, viewer: Viewer) -> Found:
    """What those in charge have done, the latest first; moderators see what they have done themselves."""
    actor, person = aliased(User), aliased(User)
    rows = (
        select(AuditEntry.id, AuditEntry.created_at, AuditEntry.action, AuditEntry.details, AuditEntry.case_id)
        .add_columns(AuditEntry.actor_id, actor.name.label("actor_name"))
        .add_columns(AuditEntry.user_id, person.name.label("person_name"))
        .outerjoin(actor, actor.id == AuditEntry.actor_id)
        .outerjoin(person, person.id == AuditEntry.user_id)
    )
    if not viewer.is_admin:
        rows = rows.where(AuditEntry.actor_id == viewer.id)
    if of := wanted.values.get("of"):
        rows = rows.where(AuditEntry.action.startswith(f"{of}."))
    if wanted.q:
        ids = (cast(AuditEntry.actor_id, Text), cast(AuditEntry.user_id, Text), cast(AuditEntry.case_id, Text))
        like = containing(wanted.q)
        words = (actor.name.ilike(like), person.name.ilike(like), AuditEntry.action.ilike(like))
        rows = rows.where(or_(*words, *(one == wanted.q for one in ids)))
    sorts: Sorts = {"created_at": AuditEntry.created_at, "action": AuditEntry.action}
    return page_of(session, rows, wanted, sorts=sorts, usual=AuditEntry.created_at.desc(), last=AuditEntry.id)
