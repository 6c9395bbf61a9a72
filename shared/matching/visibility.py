"""Who may see whom: the conditions under which discovery could show one person to another, wherever they live."""

import uuid
from datetime import date, datetime

from sqlalchemy import and_, any_, exists, false, func, literal, or_, select, true
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from shared.accounts.models import Gender, Role, Status, User
from shared.accounts.rules import ADULT, OLDEST, public_age, years_before
from shared.errors import Refusal
from shared.matching.models import ContactHash, Like, Match, Pair, Pass
from shared.matching.rules import OPEN, MatchState
from shared.photos.models import Photo, PhotoStatus
from shared.profiles.service import PublicProfile, public_profiles
from shared.settings import settings


def could_meet(viewer: User, *, now: datetime) -> ColumnElement[bool]:
    """The condition on a user for discovery to be able to show them to the viewer, but for distance.

    Both are active, nothing keeps them apart, the viewer has not decided on them yet, and each is within the other's
    genders and ages, by the day of UTC. Somebody who has not said their gender fits those who seek all.
    """
    return and_(
        true() if viewer.status == Status.ACTIVE else false(),
        User.hidden_at.is_(None),
        fits(viewer, now=now),
        ~exists().where(Like.liker_id == viewer.id, Like.liked_id == User.id),
        ~_passed(viewer, now),
    )


def fits(viewer: User, *, now: datetime) -> ColumnElement[bool]:
    """Whether an active user could be shown to the viewer, had they not decided on them and were nobody hidden."""
    today = now.date()
    mine = public_age(viewer.birth_date, today)
    return and_(
        User.id != viewer.id,
        User.status == Status.ACTIVE,
        User.email_verified_at.is_not(None) if settings().verified_email_required else true(),
        exists().where(Photo.user_id == User.id, Photo.status == PhotoStatus.READY),
        _sought_by(viewer),
        _seeks(viewer),
        _born_within(viewer.min_age, viewer.max_age, today),
        User.min_age <= mine,
        or_(User.max_age >= mine, User.max_age == OLDEST),
        ~apart(viewer),
        ~exists().where(_of_both(Match, viewer), Match.state != MatchState.DELETED),
    )


def may_see(viewer: User, *, now: datetime) -> ColumnElement[bool]:
    """The condition on a user for the viewer to see their public profile: moderators see all, everybody themself."""
    if viewer.role in {Role.MODERATOR, Role.ADMIN}:
        return User.status != Status.DELETING
    return or_(User.id == viewer.id, could_meet(viewer, now=now), _met(viewer))


def apart(one: User | type[User], other: type[User] = User) -> ColumnElement[bool]:
    """Whether a block, or the hashed address of one among the other's contacts, keeps these two apart."""
    return or_(
        exists().where(
            Pair.low_id == func.least(one.id, other.id), Pair.high_id == func.greatest(one.id, other.id), Pair.blocked
        ),
        exists().where(ContactHash.user_id == one.id, ContactHash.hash == other.contact_hash),
        exists().where(ContactHash.user_id == other.id, ContactHash.hash == one.contact_hash),
    )


def reachable(viewer: User, user_id: uuid.UUID) -> ColumnElement[bool]:
    """The condition under which a like or a pass may go to this user, in somebody's queue or not."""
    return and_(User.id == user_id, User.status == Status.ACTIVE, ~apart(viewer))


def visible_profile(session: Session, viewer: User, *, user_id: uuid.UUID, now: datetime) -> PublicProfile:
    """Somebody's public profile, for those who may see it.

    Raises:
        Refusal: `not_found`.
    """
    person = session.scalar(select(User).where(User.id == user_id, may_see(viewer, now=now)))
    if person is None:
        raise Refusal("not_found", "There is nobody here whom you can see.")
    return public_profiles(session, viewer, people=[person], today=now.date())[0]


def _met(viewer: User) -> ColumnElement[bool]:
    """Whether they are matched, or one likes the other and waits for an answer."""
    matched = exists().where(_of_both(Match, viewer), Match.state.in_(OPEN))
    liked = exists().where(_of_both(Pair, viewer), Pair.likes.in_([1, 2]))  # both likes made a match, which may be over
    return and_(User.status.in_([Status.ACTIVE, Status.PAUSED]), ~apart(viewer), or_(matched, liked))


def _of_both(table: type[Pair | Match], viewer: User) -> ColumnElement[bool]:
    return and_(
        table.low_id == func.least(User.id, viewer.id),
        table.high_id == func.greatest(User.id, viewer.id),
    )


def _passed(viewer: User, now: datetime) -> ColumnElement[bool]:
    return exists().where(Pass.passer_id == viewer.id, Pass.passed_id == User.id, *Pass.in_force(now))


def _sought_by(viewer: User) -> ColumnElement[bool]:
    """Whether the viewer seeks them."""
    seeks_all = set(viewer.sought_genders) == set(Gender)
    return true() if seeks_all else User.gender.in_(viewer.sought_genders)


def _seeks(viewer: User) -> ColumnElement[bool]:
    """Whether they seek the viewer."""
    if viewer.gender is None:
        return func.cardinality(User.sought_genders) == len(Gender)
    return literal(viewer.gender) == any_(User.sought_genders)


def _born_within(youngest: int, oldest: int, today: date) -> ColumnElement[bool]:
    """Whether they have had birthday number `youngest`, and not yet the one after `oldest`."""
    return and_(
        User.birth_date <= years_before(today, youngest) if youngest > ADULT else true(),  # which everybody is
        User.birth_date > years_before(today, oldest + 1) if oldest != OLDEST else true(),
    )
