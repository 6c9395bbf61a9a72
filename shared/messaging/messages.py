"""Messages: what sending and reading ask of their statements, what the answers mean, and how far somebody has read."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.errors import UniqueViolation
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared import clock, events
from shared.accounts.models import Status, User
from shared.accounts.tokens import Claims
from shared.errors import Refusal
from shared.events import Event, event
from shared.lean import Row
from shared.matching.matches import own_match_row
from shared.matching.models import Match
from shared.matching.rules import OPEN, MatchState
from shared.messaging.models import Message
from shared.notifications.models import Notification

TRIES: Final = 3
LOST_RACE: Final = UniqueViolation
"""The same message was being sent at the same time: run the statement again, and find it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to say in a match of theirs."""

    match_id: uuid.UUID
    text: str
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that is stored, by this request or by an earlier one with the same client id."""

    id: uuid.UUID
    client_id: str | None
    number: int
    sender_id: uuid.UUID
    text: str
    created_at: datetime
    read_at: datetime | None
    match_id: uuid.UUID
    other_id: uuid.UUID
    new: bool
    revived: bool
    """Whether it has brought an archived match back to life."""
    last_active_at: datetime


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages of a match, the newest first, as a JSON array; `first` and `last` are the least and greatest number."""

    last_active_at: datetime
    first: int | None
    last: int | None
    messages: bytes


@dataclass(frozen=True, slots=True)
class HasRead:
    """How far somebody has read in a match, and how much is left unread."""

    match_id: uuid.UUID
    number: int
    unread: int


def draft(claims: Claims, wanted: Draft, *, now: datetime) -> dict[str, Any]:
    """What the statement SEND asks for."""
    return _asked(claims, wanted.match_id, now) | {
        "id": clock.new_id(),
        "client_id": wanted.client_id,
        "text": wanted.text,
    }


def sent(row: Row | None, wanted: Draft, sender_id: uuid.UUID) -> Sent:
    """The message, as SEND answers.

    Raises:
        Refusal: `token_invalid`, `account_suspended`, `not_in_match`, `match_closed`, or `idempotency_conflict` when
            the same client id has stood for another text.
    """
    last_active_at, (other_id, revived, new, message_id, number, text, created_at, read_at) = _allowed(row)
    if message_id is None:
        raise Refusal("match_closed")
    if text != wanted.text:
        raise Refusal("idempotency_conflict", "There is another message of yours with this client id.")
    return Sent(
        message_id,
        wanted.client_id,
        number,
        sender_id,
        text,
        created_at,
        read_at,
        wanted.match_id,
        other_id,
        new,
        revived,
        last_active_at,
    )


def news(message: Sent, shown: Mapping[str, Any]) -> list[Event]:
    """What to tell both of a new message, for all of their devices; `shown` is the message as it is shown to them."""
    if not message.new:
        return []
    both, match_id = (message.other_id, message.sender_id), str(message.match_id)
    told = []
    if message.revived:
        state = {"match_id": match_id, "state": MatchState.ACTIVE}
        told = [event(user_id=one, kind="match.changed", data=state) for one in both]
    words = {"match_id": match_id, "message": dict(shown)}
    return told + [event(user_id=one, kind="message.created", data=words) for one in both]


def page_of(claims: Claims, match_id: uuid.UUID, *, number: int, limit: int, now: datetime) -> dict[str, Any]:
    """What the statements OLDER and NEWER ask for: messages before or after this number."""
    return _asked(claims, match_id, now) | {"number": number, "limit": limit}


def page(row: Row | None) -> MessagePage:
    """The page, as OLDER and NEWER answer.

    Raises:
        Refusal: `token_invalid`, `account_suspended`, `not_in_match`.
    """
    last_active_at, found = _allowed(row)
    return MessagePage(last_active_at, *found)


def mark_read(session: Session, user: User, *, match_id: uuid.UUID, up_to: uuid.UUID | None, now: datetime) -> HasRead:
    """Note that somebody has read a match's messages, all of them or those up to one; further back is no error.

    Of a match that has ended nothing is noted: who was left is not to see who still looks.

    Raises:
        Refusal: `not_in_match`, `not_found` when the match has no such message.
    """
    match = own_match_row(session, user, match_id=match_id, lock=True)
    number = match.messages
    if up_to is not None:
        found = session.scalar(select(Message.number).where(Message.match_id == match.id, Message.id == up_to))
        if found is None:
            raise Refusal("not_found", "This match has no such message.")
        number = found
    am_low = user.id == match.low_id
    before, unread = (match.low_read, match.low_unread) if am_low else (match.high_read, match.high_unread)
    if match.state not in OPEN:
        return HasRead(match.id, before, unread)
    read = session.execute(
        update(Message)
        .where(
            Message.match_id == match.id,
            Message.number > before,
            Message.number <= number,
            Message.sender_id != user.id,
            Message.read_at.is_(None),
        )
        .values(read_at=now)
        .returning(Message.number, Message.id)
        .execution_options(synchronize_session=False)
    ).all()
    number, unread = max(before, number), unread - len(read)
    if am_low:
        match.low_read, match.low_unread = number, unread
    else:
        match.high_read, match.high_unread = number, unread
    session.flush()
    _see_notifications(session, user, match, now, all_read=unread == 0)
    if read:
        last_number, last_id = max((number, message_id) for number, message_id in read)
        data = {
            "match_id": str(match.id),
            "reader_id": str(user.id),
            "message_id": str(last_id),
            "number": last_number,
            "read_at": now.isoformat(),
        }
        for one in (match.low_id, match.high_id):
            events.note(session, user_id=one, kind="message.read", data=data)
    return HasRead(match.id, number, unread)


def _see_notifications(session: Session, user: User, match: Match, now: datetime, *, all_read: bool) -> None:
    """Whoever reads in a match knows of it, and, having read everything, of its messages."""
    kinds = ["match.created", "message.created"] if all_read else ["match.created"]
    session.execute(
        update(Notification)
        .where(
            Notification.user_id == user.id,
            Notification.kind.in_(kinds),
            Notification.read_at.is_(None),
            Notification.data["match_id"].astext == str(match.id),
        )
        .values(read_at=now)
        .execution_options(synchronize_session=False)
    )


def _asked(claims: Claims, match_id: uuid.UUID, now: datetime) -> dict[str, Any]:
    return {"me": claims.user_id, "session": claims.session_id, "match": match_id, "now": now}


def _allowed(row: Row | None) -> tuple[datetime, Row]:
    """(when they were last active, the rest of the row) of an answer to somebody who may have it."""
    if row is None or row[0] == Status.DELETING:
        raise Refusal("token_invalid")
    if row[0] == Status.SUSPENDED:
        raise Refusal("account_suspended")
    if not row[2]:
        raise Refusal("not_in_match")
    return row[1], row[3:]
