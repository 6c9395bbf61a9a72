"""Matches with what was written in them: the last message, how many are unread, and whose turn it is."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.matching import matches
from shared.matching.matches import OwnMatch
from shared.matching.rules import OPEN, MatchState, Place
from shared.messaging.models import Message


@dataclass(frozen=True, slots=True)
class Conversation:
    """A match as one of its two people sees it, and its last message."""

    own: OwnMatch
    viewer_id: uuid.UUID
    last_message: Message | None

    @property
    def unread(self) -> int:
        """How many of the other's messages the person has not read."""
        match = self.own.match
        return match.low_unread if self.viewer_id == match.low_id else match.high_unread

    @property
    def my_turn(self) -> bool:
        """Whether they can talk, and the last word is the other's, or nobody has said one."""
        last = self.last_message
        return self.own.match.state in OPEN and (last is None or last.sender_id != self.viewer_id)


def several(
    session: Session, user: User, *, states: Sequence[MatchState], after: Place | None, limit: int, now: datetime
) -> list[Conversation]:
    """The person's matches in these states from a place on, the one that was last active first."""
    return _with_words(
        session, user, matches.own_matches(session, user, states=states, after=after, limit=limit, now=now)
    )


def one(session: Session, user: User, *, match_id: uuid.UUID, now: datetime) -> Conversation:
    """One of the person's matches, also one that has ended.

    Raises:
        Refusal: `not_in_match`.
    """
    return _with_words(session, user, [matches.own_match(session, user, match_id=match_id, now=now)])[0]


def change(session: Session, user: User, *, match_id: uuid.UUID, to: MatchState, now: datetime) -> Conversation:
    """Do what somebody asks with a match of theirs, see `matches.change`.

    Raises:
        Refusal: `not_in_match`, `invalid_transition`.
    """
    return _with_words(session, user, [matches.change(session, user, match_id=match_id, to=to, now=now)])[0]


def _with_words(session: Session, user: User, own: Sequence[OwnMatch]) -> list[Conversation]:
    ends = [(one.match.id, one.match.messages) for one in own if one.match.messages]
    found = session.scalars(select(Message).where(tuple_(Message.match_id, Message.number).in_(ends))) if ends else ()
    last = {message.match_id: message for message in found}
    return [Conversation(one, user.id, last.get(one.match.id)) for one in own]
