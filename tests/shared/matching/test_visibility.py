"""Who may see whom, by every condition that discovery has, tried from both sides."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import Role, Status, User
from shared.accounts.rules import age, years_before
from shared.matching import contacts, passes, safety
from shared.matching.models import Like, Match, Pair
from shared.matching.rules import OPEN, MatchState, in_order, side
from shared.matching.visibility import could_meet, may_see
from shared.photos.models import Photo, PhotoStatus
from shared.profiles.service import public_profiles
from tests.people import make_user

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = NOW.date()


def person(session: Session, *, photo: PhotoStatus | None = PhotoStatus.READY, **columns: Any) -> User:
    user = make_user(session, **columns)
    if photo is not None:
        reason = "too_small" if photo == PhotoStatus.REJECTED else None
        renditions = {"1080": "a"} if photo == PhotoStatus.READY else None
        session.add(Photo(user_id=user.id, position=0, status=photo, rejection=reason, renditions=renditions))
        session.flush()
    return user


def sees(session: Session, viewer: User, other: User, rule: Callable[..., Any] = could_meet) -> bool:
    return session.scalar(select(User.id).where(User.id == other.id, rule(viewer, now=NOW))) is not None


def born(years: int, *, days: int = 0) -> date:
    """The birth date of somebody who is `years` old since `days` days."""
    return TODAY.replace(year=TODAY.year - years) - timedelta(days=days)


def test_two_people_without_wishes_could_meet(session: Session) -> None:
    ada, bob = person(session), person(session)
    assert sees(session, ada, bob)
    assert not sees(session, ada, ada)


@pytest.mark.parametrize(
    "theirs",
    [
        {"photo": None},
        {"photo": PhotoStatus.PROCESSING},
        {"photo": PhotoStatus.REJECTED},
    ],
)
def test_who_has_no_photo_is_not_seen_but_may_look(session: Session, theirs: dict[str, Any]) -> None:
    ada, bob = person(session), person(session, **theirs)
    assert not sees(session, ada, bob)
    assert sees(session, bob, ada)


@pytest.mark.parametrize("status", [Status.PAUSED, Status.SUSPENDED, Status.DELETING])
def test_who_is_not_active_sees_nobody_new_and_is_not_seen(session: Session, status: Status) -> None:
    ada, bob = person(session), person(session, status=status)
    assert not sees(session, ada, bob)
    assert not sees(session, bob, ada)
    assert sees(session, bob, bob, may_see)


def test_who_turned_18_where_the_day_came_first_is_18_for_all(session: Session) -> None:
    ada, bob = person(session), person(session, birth_date=born(18, days=-1))
    assert sees(session, ada, bob)
    assert sees(session, bob, ada)
    (shown,) = public_profiles(session, ada, people=[bob], today=TODAY)
    assert shown.age == 18


@pytest.mark.parametrize(
    ("hers", "his", "meet"),
    [
        ({"gender": "woman", "sought_genders": ["man"]}, {"gender": "man", "sought_genders": ["woman"]}, True),
        ({"gender": "woman", "sought_genders": ["man"]}, {"gender": "man", "sought_genders": ["man"]}, False),
        ({"gender": "woman", "sought_genders": ["woman"]}, {"gender": "man", "sought_genders": ["woman"]}, False),
        ({"gender": "nonbinary"}, {"gender": "man", "sought_genders": ["woman", "nonbinary"]}, True),
        ({"gender": None}, {"gender": None}, True),
        ({"gender": None}, {"gender": "man", "sought_genders": ["woman", "man"]}, False),
        ({"sought_genders": ["man"]}, {"gender": None}, False),
        ({"birth_date": born(30), "max_age": 40}, {"birth_date": born(40, days=364), "min_age": 30}, True),
        ({"birth_date": born(30), "max_age": 40}, {"birth_date": born(41)}, False),
        ({"birth_date": born(30), "min_age": 25}, {"birth_date": born(25)}, True),
        ({"birth_date": born(30), "min_age": 25}, {"birth_date": born(25, days=-1)}, False),
        ({"birth_date": born(30)}, {"birth_date": born(30), "min_age": 31}, False),
        ({"birth_date": born(30, days=-1)}, {"birth_date": born(30), "max_age": 29}, True),
        ({"birth_date": born(30)}, {"birth_date": born(30), "max_age": 29}, False),
        ({"birth_date": born(104)}, {"birth_date": born(30), "max_age": 99}, True),
        ({"birth_date": born(104)}, {"birth_date": born(30), "max_age": 98}, False),
    ],
)
def test_each_must_be_within_the_others_wishes(
    session: Session, hers: dict[str, Any], his: dict[str, Any], meet: bool
) -> None:
    ada, bob = person(session, **hers), person(session, **his)
    assert sees(session, ada, bob) == meet
    assert sees(session, bob, ada) == meet


def test_where_addresses_must_be_verified_who_has_not_is_not_seen(
    session: Session, configured: Callable[..., None]
) -> None:
    ada, bob = person(session), person(session)
    verified = person(session, email_verified_at=datetime(2026, 1, 1, tzinfo=UTC))
    configured(REQUIRE_VERIFIED_EMAIL="true")
    assert not sees(session, ada, bob)
    assert sees(session, ada, verified)
    assert sees(session, ada, ada, may_see)


def test_how_far_somebody_lives_does_not_matter_for_a_profile(session: Session) -> None:
    ada = person(session, latitude=0.0, longitude=0.0, max_distance_km=1)
    assert sees(session, ada, person(session, latitude=50.0, longitude=50.0))


def test_everybody_sees_themself_and_moderators_see_all_but_who_is_leaving(session: Session) -> None:
    hidden = person(session, photo=None, status=Status.SUSPENDED)
    leaving = person(session, status=Status.DELETING)
    assert sees(session, hidden, hidden, may_see)
    for role in (Role.MODERATOR, Role.ADMIN):
        moderator = person(session, role=role)
        assert sees(session, moderator, hidden, may_see)
        assert not sees(session, moderator, leaving, may_see)
    assert not sees(session, person(session), hidden, may_see)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(18, 100))
def test_who_was_born_on_the_latest_day_is_just_old_enough(today: date, years: int) -> None:
    latest = years_before(today, years)
    assert age(latest, today) == years
    assert age(latest + timedelta(days=1), today) == years - 1


def like(session: Session, liker: User, liked: User) -> None:
    low, high = in_order(liker.id, liked.id)
    session.add(Like(id=clock.new_id(), liker_id=liker.id, liked_id=liked.id, created_at=NOW))
    pair = session.get(Pair, (low, high)) or Pair(low_id=low, high_id=high, likes=0)
    pair.likes |= side(liker.id, liked.id)
    session.add(pair)
    session.flush()


def match(session: Session, ada: User, bob: User, state: MatchState) -> None:
    for liker, liked in ((ada, bob), (bob, ada)):
        like(session, liker, liked)
    low, high = in_order(ada.id, bob.id)
    session.add(Match(low_id=low, high_id=high, state=state, created_at=NOW, state_changed_at=NOW, active_at=NOW))
    session.flush()


def test_a_like_ends_being_shown_to_the_liker_and_opens_both_profiles(session: Session) -> None:
    ada, bob = person(session, gender="woman"), person(session, sought_genders=["man"], photo=None)
    assert not sees(session, ada, bob, may_see)
    like(session, ada, bob)
    assert not sees(session, ada, bob)
    assert sees(session, ada, bob, may_see)
    assert sees(session, bob, ada, may_see)
    bob.status = Status.PAUSED
    session.flush()
    assert sees(session, ada, bob, may_see), "who is paused is still there for those they have to do with"
    assert sees(session, bob, ada, may_see)
    bob.status = Status.SUSPENDED
    session.flush()
    assert not sees(session, ada, bob, may_see)


@pytest.mark.parametrize("state", MatchState)
def test_a_match_ends_being_shown_and_lasts_for_as_long_as_both_can_talk(session: Session, state: MatchState) -> None:
    ada, bob = person(session), person(session)
    match(session, ada, bob, state)
    for viewer, other in ((ada, bob), (bob, ada)):
        assert not sees(session, viewer, other)
        assert sees(session, viewer, other, may_see) == (state in OPEN)


def test_a_deleted_match_whose_likes_are_forgotten_lets_both_meet_again(session: Session) -> None:
    ada, bob = person(session), person(session)
    low, high = in_order(ada.id, bob.id)
    gone = {"created_at": NOW, "state_changed_at": NOW, "active_at": NOW}
    session.add(Match(low_id=low, high_id=high, state=MatchState.DELETED, **gone))
    session.flush()
    assert sees(session, ada, bob)


def test_a_pass_hides_one_from_the_other_until_it_expires(session: Session) -> None:
    ada, bob = person(session), person(session)
    expires = passes.pass_over(session, ada, user_id=bob.id, now=NOW - timedelta(days=30)).expires_at
    assert expires == NOW
    assert sees(session, ada, bob)
    passes.pass_over(session, ada, user_id=bob.id, now=NOW)
    assert not sees(session, ada, bob)
    assert not sees(session, ada, bob, may_see)
    assert sees(session, bob, ada)


def test_a_block_hides_both_whatever_they_have_to_do_with_each_other(session: Session) -> None:
    ada, bob = person(session), person(session)
    match(session, ada, bob, MatchState.ACTIVE)
    safety.block(session, bob, user_id=ada.id, now=NOW)
    session.flush()
    for viewer, other in ((ada, bob), (bob, ada)):
        assert not sees(session, viewer, other)
        assert not sees(session, viewer, other, may_see)


@pytest.mark.parametrize("liked", [False, True])
def test_contacts_are_hidden_from_each_other(session: Session, *, liked: bool) -> None:
    ada, bob, eve = person(session), person(session), person(session)
    assert bob.contact_hash is not None
    contacts.replace(session, ada, hashes={bob.contact_hash}, now=NOW)
    if liked:
        like(session, bob, ada)
    for viewer, other in ((ada, bob), (bob, ada)):
        assert not sees(session, viewer, other)
        assert not sees(session, viewer, other, may_see)
    assert sees(session, ada, eve)
    assert sees(session, bob, eve)


def test_who_is_hidden_for_review_is_shown_to_nobody_new(session: Session) -> None:
    ada, bob = person(session), person(session, hidden_at=NOW)
    assert not sees(session, ada, bob)
    assert sees(session, bob, ada)
    like(session, bob, ada)
    assert sees(session, ada, bob, may_see)
