"""Matches: a person's own, and how they change."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from shared import events
from shared.accounts.models import Status, User
from shared.accounts.rules import public_age
from shared.accounts.service import begin_dating, end_dating, lock_all
from shared.errors import Refusal
from shared.matching.models import Like, Match, MatchChange, Pair
from shared.matching.rules import BOTH, OPEN, MatchState, Place, Why, choices, may_become, side
from shared.matching.visibility import apart
from shared.notifications.service import tell
from shared.profiles.service import PublicProfile, bare_profile, public_profiles
from shared.settings import settings

DELETED_PERSON = "Deleted person"


@dataclass(frozen=True, slots=True)
class OwnMatch:
    """A match as one of its two people sees it."""

    match: Match
    profile: PublicProfile
    proposed_by_me: bool
    proposed_by_them: bool


def own_matches(
    session: Session, user: User, *, states: Sequence[MatchState], after: Place | None, limit: int, now: datetime
) -> list[OwnMatch]:
    """The person's matches in these states from a place on, the one that was last active first."""
    found = (
        select(Match)
        .where(_of(user), together(), Match.state.in_(states))
        .order_by(Match.active_at.desc(), Match.id.desc())
        .limit(limit)
    )
    if after is not None:
        found = found.where(tuple_(Match.active_at, Match.id) < tuple_(*after))
    return _shown(session, user, session.scalars(found).all(), now)


def own_match(session: Session, user: User, *, match_id: uuid.UUID, now: datetime) -> OwnMatch:
    """One of the person's matches, also one that has ended.

    Raises:
        Refusal: `not_in_match`.
    """
    return _shown(session, user, [own_match_row(session, user, match_id=match_id)], now)[0]


def change(session: Session, user: User, *, match_id: uuid.UUID, to: MatchState, now: datetime) -> OwnMatch:
    """Do what somebody asks with a match of theirs. Requests of both at once take turns.

    To date takes both: the first proposes, the second agrees. Asking for the state that it is in takes one's own
    proposal back.

    Raises:
        Refusal: `not_in_match`, `invalid_transition`.
    """
    match = _locked(session, user, match_id)
    mine = side(user.id, _other(match, user.id))
    if to == MatchState.DATING:
        _propose(session, match, user, mine, now)
    elif match.state == to and match.proposed & mine:
        match.proposed &= ~mine
        note_change(session, match)
    else:
        move(session, match, to, why=Why.EITHER, by=user.id, now=now)
        note_change(session, match)
    session.flush()
    return _shown(session, user, [match], now)[0]


def own_match_row(session: Session, user: User, *, match_id: uuid.UUID, lock: bool = False) -> Match:
    """The row of one of the person's matches, whatever its state; `lock` it to change it.

    Raises:
        Refusal: `not_in_match`.
    """
    wanted = select(Match).where(Match.id == match_id, _of(user), together())
    match = session.scalar(wanted.with_for_update(key_share=True) if lock else wanted)
    if match is None:
        raise Refusal("not_in_match")
    return match


def end_between(session: Session, low_id: uuid.UUID, high_id: uuid.UUID, *, by: uuid.UUID, now: datetime) -> None:
    """End the match of two people for a block, if they have one, and hide all that they ever had. Lock both first."""
    matches = session.scalars(
        select(Match)
        .where(Match.low_id == low_id, Match.high_id == high_id)
        .order_by(Match.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    for match in matches:
        match.blocked = True
        if match.state in OPEN:
            move(session, match, MatchState.UNMATCHED, why=Why.BLOCK, by=by, now=now)
            note_change(session, match, by)  # the other is not told, and finds it gone, as all of this one


def end_all(session: Session, user: User, *, now: datetime) -> int:
    """End every match of somebody whose account is deleted; how many.

    Their likes are forgotten with those that were open: should the account come back, both may find each other again.
    """
    others = session.execute(select(Match.low_id, Match.high_id).where(_of(user), Match.state != MatchState.DELETED))
    lock_all(session, {user.id, *(person for pair in others for person in pair)})
    matches = session.scalars(
        select(Match)
        .where(_of(user), Match.state != MatchState.DELETED)
        .order_by(Match.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    opened = [(match.low_id, match.high_id) for match in matches if match.state in OPEN]
    for match in matches:
        was_open = match.state in OPEN
        move(session, match, MatchState.DELETED, why=Why.ACCOUNT_DELETED, by=user.id, now=now)
        if was_open:
            note_change(session, match)
    both_ways = opened + [(high, low) for low, high in opened]
    session.execute(update(Pair).where(tuple_(Pair.low_id, Pair.high_id).in_(opened)).values(likes=0))
    session.execute(delete(Like).where(tuple_(Like.liker_id, Like.liked_id).in_(both_ways)))
    return len(matches)


def archive_quiet(session: Session, *, now: datetime, most: int = 1000) -> int:
    """Archive matches in which nothing was written, or changed, for long; how many. Those that somebody holds wait."""
    long_ago = now - timedelta(days=settings().quiet_days)
    # Locked by what reads them: read beside a lock, a match is what it was before somebody else proposed in it.
    quiet = session.execute(
        select(Match, together())
        .where(Match.state == MatchState.ACTIVE, Match.active_at < long_ago, Match.state_changed_at < long_ago)
        .order_by(Match.active_at)
        .limit(most)
        .with_for_update(of=Match, key_share=True, skip_locked=True)
    ).all()
    for match, in_touch in quiet:
        move(session, match, MatchState.ARCHIVED, why=Why.QUIET, by=None, now=now)
        if in_touch:
            note_change(session, match)
    return len(quiet)


def end_dating_apart(session: Session, user: User, *, now: datetime) -> None:
    """End the dating of somebody whose contacts have come to keep the two apart: out of reach, it would never end."""
    match = session.get(Match, user.dating_match_id) if user.dating_match_id is not None else None
    if match is None or session.scalar(select(together()).where(Match.id == match.id)):
        return
    session.refresh(match, with_for_update={"key_share": True})
    move(session, match, MatchState.ACTIVE, why=Why.EITHER, by=user.id, now=now)
    note_change(session, match, user.id)


def move(session: Session, match: Match, to: MatchState, *, why: Why, by: uuid.UUID | None, now: datetime) -> None:
    """Change a locked match's state, by the table of transitions only, and record it.

    Raises:
        Refusal: `invalid_transition`.
    """
    before = MatchState(match.state)
    if not may_become(before, to, why):
        raise _impossible(match)
    if before == MatchState.DATING:
        end_dating(session, match_id=match.id)
    match.state, match.state_changed_at, match.proposed = to, now, 0
    session.add(MatchChange(match_id=match.id, before=before, after=to, changed_by=by, why=why, created_at=now))


def _propose(session: Session, match: Match, user: User, mine: int, now: datetime) -> None:
    if not may_become(MatchState(match.state), MatchState.DATING, Why.BOTH):
        raise _impossible(match)
    session.refresh(user)
    if user.dating_match_id is not None:
        raise Refusal("invalid_transition", "You are dating somebody already.")
    if match.proposed | mine != BOTH:
        if not match.proposed & mine:
            match.proposed |= mine
            data = {"match_id": str(match.id), "state": match.state, "dating": "proposed"}
            tell(session, user_id=_other(match, user.id), kind="match.changed", data=data)
            note_change(session, match, user.id)
        return
    if not begin_dating(session, user_ids=(match.low_id, match.high_id), match_id=match.id):
        raise Refusal("invalid_transition", "That is not possible right now.")
    move(session, match, MatchState.DATING, why=Why.BOTH, by=user.id, now=now)
    note_change(session, match)


def note_change(session: Session, match: Match, *user_ids: uuid.UUID) -> None:
    """Have these people's clients look at the match again: both, unless something keeps them apart."""
    for user_id in user_ids or (match.low_id, match.high_id):
        data = {"match_id": str(match.id), "state": match.state}
        events.note(session, user_id=user_id, kind="match.changed", data=data)


def _impossible(match: Match) -> Refusal:
    possible = sorted(choices(MatchState(match.state)))
    words = f"This match is {match.state}. What is possible: {', '.join(possible) or 'nothing'}."
    return Refusal("invalid_transition", words, details={"state": match.state, "possible": possible})


def _locked(session: Session, user: User, match_id: uuid.UUID) -> Match:
    """The match for its changes, after its two people: they are locked before anything of theirs, everywhere."""
    match = session.scalar(select(Match).where(Match.id == match_id, _of(user)))
    if match is None:
        raise Refusal("not_in_match")
    lock_all(session, (match.low_id, match.high_id))
    session.refresh(match, with_for_update={"key_share": True})
    if not session.scalar(select(together()).where(Match.id == match.id)):
        raise Refusal("not_in_match")
    return match


def _shown(session: Session, user: User, matches: Sequence[Match], now: datetime) -> list[OwnMatch]:
    """As the person sees them: of somebody who is gone from them, a name to know whom one is reporting."""
    people = {match.id: _other(match, user.id) for match in matches}
    others = {one.id: one for one in session.scalars(select(User).where(User.id.in_(people.values())))}
    seen = [
        others[people[match.id]]
        for match in matches
        if match.state in OPEN
        and people[match.id] in others
        and others[people[match.id]].status in {Status.ACTIVE, Status.PAUSED}
    ]
    profiles = {one.id: one for one in public_profiles(session, user, people=seen, today=now.date())}
    return [
        OwnMatch(
            match,
            profiles.get(people[match.id]) or _gone(people[match.id], others.get(people[match.id]), match, now),
            proposed_by_me=bool(match.proposed & side(user.id, people[match.id])),
            proposed_by_them=bool(match.proposed & side(people[match.id], user.id)),
        )
        for match in matches
    ]


def _gone(user_id: uuid.UUID, other: User | None, match: Match, now: datetime) -> PublicProfile:
    if other is None or match.state == MatchState.DELETED or other.status == Status.DELETING:
        return bare_profile(user_id, name=DELETED_PERSON, age=None)
    return bare_profile(user_id, name=other.name, age=public_age(other.birth_date, now.date()))


def _of(user: User) -> ColumnElement[bool]:
    return or_(Match.low_id == user.id, Match.high_id == user.id)


def together() -> ColumnElement[bool]:
    """Whether nothing keeps the two of a match apart, as nothing does when one of them is gone."""
    low, high = aliased(User), aliased(User)
    return and_(~Match.blocked, ~exists().where(low.id == Match.low_id, high.id == Match.high_id, apart(low, high)))


def _other(match: Match, person: uuid.UUID) -> uuid.UUID:
    return match.high_id if person == match.low_id else match.low_id
