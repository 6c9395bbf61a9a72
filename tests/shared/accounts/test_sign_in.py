"""Sessions: how they open and end, and who comes in."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import jwt
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from shared.accounts import service, sign_in
from shared.accounts.models import LoginAttempts, LoginSession, Role, Status, User
from shared.accounts.tokens import Claims
from shared.database import Database
from shared.errors import Refusal
from shared.settings import settings
from tests.people import make_user
from tests.shared.accounts.sessions import (
    DAY,
    KEYS,
    NOW,
    SECOND,
    authenticate,
    claims_of,
    is_in,
    log_in,
    refresh,
    refreshed,
    revoked,
    set_status,
)

Configure = Callable[..., None]


def test_tokens_say_when_they_end(session: Session) -> None:
    pair = log_in(session)
    access, fresh = (
        jwt.decode(token, options={"verify_signature": False}) for token in (pair.access_token, pair.refresh_token)
    )
    assert access["exp"] - access["iat"] == 30 * 60
    assert fresh["exp"] - fresh["iat"] == 7 * 24 * 3600
    assert access["iat"] == fresh["iat"] == int(NOW.timestamp())


def test_a_token_of_nobodys_session_is_invalid(session: Session) -> None:
    first, second = log_in(session), log_in(session)
    mine = claims_of(first.refresh_token)
    for claims in (
        Claims(mine.user_id, uuid.uuid4(), mine.jti),
        Claims(uuid.uuid4(), mine.session_id, mine.jti),
        Claims(claims_of(second.refresh_token).user_id, mine.session_id, mine.jti),
    ):
        assert sign_in.refresh(session, claims=claims, keys=KEYS, now=NOW) == "token_invalid"
    assert revoked(session, first.refresh_token) is None, "somebody else's token ends nothing"
    refreshed(session, first.refresh_token)


def test_a_session_ends_when_unused_for_a_week(session: Session) -> None:
    first, late = log_in(session), log_in(session)
    second = refreshed(session, first.refresh_token, now=NOW + 6 * DAY)
    assert refresh(session, late.refresh_token, now=NOW + 7 * DAY) == "token_expired"
    third = refreshed(session, second.refresh_token, now=NOW + 12 * DAY)
    assert refresh(session, third.refresh_token, now=NOW + 20 * DAY) == "token_expired"


def test_a_session_ends_at_last_however_much_it_is_used(session: Session) -> None:
    token, now = log_in(session).refresh_token, NOW
    end = NOW + settings().session_max_days * DAY
    while now + 6 * DAY < end:
        now += 6 * DAY
        pair = refreshed(session, token, now=now)
        token = pair.refresh_token
    assert jwt.decode(token, options={"verify_signature": False})["exp"] == int(end.timestamp())
    assert is_in(session, pair, now=end - SECOND)
    assert not is_in(session, pair, now=end + SECOND)
    assert refresh(session, token, now=end + SECOND) == "token_expired"


def test_a_session_that_may_last_less_than_it_may_be_idle_ends_in_time(session: Session, configured: Configure) -> None:
    configured(SESSION_MAX_DAYS="1", REFRESH_TOKEN_EXPIRE_DAYS="7")
    pair = log_in(session)
    exp = jwt.decode(pair.refresh_token, options={"verify_signature": False})["exp"]
    assert exp == int((NOW + DAY).timestamp())
    assert refresh(session, pair.refresh_token, now=NOW + DAY + SECOND) == "token_expired"


@pytest.mark.parametrize(
    ("status", "outcome"), [(Status.SUSPENDED, "account_suspended"), (Status.DELETING, "token_invalid")]
)
def test_who_is_suspended_or_leaving_cannot_come_in(session: Session, status: Status, outcome: str) -> None:
    user = make_user(session, last_active_at=NOW)
    pair = log_in(session, user)
    set_status(session, user.id, status)
    session.expire_all()
    assert refresh(session, pair.refresh_token) == outcome
    with pytest.raises(Refusal) as caught:
        authenticate(session, pair.access_token)
    assert caught.value.code == outcome
    if status == Status.DELETING:
        with pytest.raises(Refusal) as caught:
            log_in(session, user)
        assert caught.value.code == "invalid_credentials"
    else:  # for their notices alone, see tests/api/review
        with pytest.raises(Refusal) as caught:
            authenticate(session, log_in(session, user).access_token)
        assert caught.value.code == outcome
    set_status(session, user.id, Status.ACTIVE)
    session.expire_all()
    refreshed(session, pair.refresh_token)


def test_who_is_paused_stays_logged_in(session: Session) -> None:
    user = make_user(session, last_active_at=NOW, status=Status.PAUSED)
    pair = log_in(session, user)
    assert is_in(session, refreshed(session, pair.refresh_token))


def test_a_session_cannot_be_opened_with_a_password_changed_meanwhile(session: Session) -> None:
    user = make_user(session)
    for user_id, verified in ((user.id, "older hash"), (uuid.uuid4(), user.password_hash)):
        with pytest.raises(Refusal) as caught:
            sign_in.open_session(
                session, user_id=user_id, verified_hash=verified, renewed_hash=None, device="", keys=KEYS, now=NOW
            )
        assert caught.value.code == "invalid_credentials"


def test_opening_a_session_stores_the_stronger_hash_and_the_moment(session: Session) -> None:
    user = make_user(session, password_hash="old", last_active_at=NOW - DAY)
    sign_in.open_session(
        session, user_id=user.id, verified_hash="old", renewed_hash="new", device="x" * 300, keys=KEYS, now=NOW
    )
    session.refresh(user)
    assert (user.password_hash, user.last_active_at) == ("new", NOW)
    assert session.scalars(select(LoginSession.device)).all() == ["x" * 200]


def test_roles_include_those_before_them(session: Session) -> None:
    for role, allowed in (
        (Role.USER, {Role.USER}),
        (Role.MODERATOR, {Role.USER, Role.MODERATOR}),
        (Role.ADMIN, set(Role)),
    ):
        pair = log_in(session, make_user(session, role=role, last_active_at=NOW))
        for least in Role:
            if least in allowed:
                assert authenticate(session, pair.access_token, least=least).role == role
            else:
                with pytest.raises(Refusal) as caught:
                    authenticate(session, pair.access_token, least=least)
                assert caught.value.code == "forbidden"


def test_being_here_is_no_edit(session: Session) -> None:
    edited = NOW - DAY
    user = make_user(session, last_active_at=NOW, updated_at=edited)
    for minutes in (6, 7):
        sign_in.was_here(session, user_id=user.id, now=NOW + timedelta(minutes=minutes))
    session.refresh(user)
    assert (user.last_active_at, user.updated_at) == (NOW + timedelta(minutes=6), edited)


def test_logging_out_ends_one_session_and_is_repeatable(session: Session) -> None:
    user = make_user(session, last_active_at=NOW)
    here, there = log_in(session, user), log_in(session, user)
    for token in (here.refresh_token, here.access_token, here.access_token):
        sign_in.log_out(session, claims=claims_of(token), now=NOW)
    assert not is_in(session, here)
    assert refresh(session, here.refresh_token) == "token_invalid"
    assert is_in(session, there)
    sign_in.log_out(session, claims=Claims(uuid.uuid4(), claims_of(there.access_token).session_id, "x"), now=NOW)
    assert is_in(session, there), "only its owner can end a session"


def test_logging_out_everywhere_ends_all_of_ones_own(session: Session) -> None:
    user = make_user(session, last_active_at=NOW)
    mine, others = [log_in(session, user) for _ in range(3)], log_in(session)
    sign_in.end_all_sessions(session, user, now=NOW)
    assert not any(is_in(session, pair) for pair in mine)
    assert is_in(session, others)


def test_changing_the_password_ends_all_others(session: Session) -> None:
    user = make_user(session, last_active_at=NOW)
    here, there, others = log_in(session, user), log_in(session, user), log_in(session)
    kept = claims_of(here.access_token).session_id
    sign_in.change_password(session, user, verified_hash="!", new_hash="new", session_id=kept, now=NOW)
    assert [is_in(session, pair) for pair in (here, there, others)] == [True, False, True]
    assert session.scalar(select(User.password_hash).where(User.id == user.id)) == "new"
    with pytest.raises(Refusal) as caught:
        sign_in.change_password(session, user, verified_hash="!", new_hash="newer", session_id=kept, now=NOW)
    assert caught.value.code == "invalid_credentials"


def test_sessions_are_listed_and_ended_one_by_one(session: Session) -> None:
    user, other = make_user(session, last_active_at=NOW), make_user(session, last_active_at=NOW)
    old, new = log_in(session, user, device="phone"), log_in(session, user, now=NOW + SECOND, device="laptop")
    expired, foreign = log_in(session, user, now=NOW - 8 * DAY), log_in(session, other)
    ended = log_in(session, user)
    sign_in.log_out(session, claims=claims_of(ended.access_token), now=NOW)

    def devices() -> list[str]:
        return [login.device for login in sign_in.sessions(session, user, now=NOW + 2 * SECOND)]

    assert devices() == ["laptop", "phone"]
    refreshed(session, old.refresh_token, now=NOW + 2 * SECOND)
    session.expire_all()
    assert devices() == ["phone", "laptop"], "the one used last first"
    for pair in (foreign, ended):
        with pytest.raises(Refusal) as caught:
            sign_in.end_session(session, user, session_id=claims_of(pair.access_token).session_id, now=NOW)
        assert caught.value.code == "not_found"
    assert is_in(session, foreign)
    sign_in.end_session(session, user, session_id=claims_of(new.access_token).session_id, now=NOW)
    assert devices() == ["phone"]
    assert not is_in(session, new)
    assert claims_of(expired.access_token).user_id == user.id


@pytest.mark.parametrize("planner_without", [(), ("hashjoin", "hashagg", "sort", "material")])
def test_the_purge_takes_what_ended_long_ago_in_bounded_steps(
    session: Session, planner_without: tuple[str, ...]
) -> None:
    """However Postgres goes about it: what it knows of the table decides, and changes at any moment."""
    for way in planner_without:
        session.execute(text(f"SET LOCAL enable_{way} = off"))
    user = make_user(session)
    alive, just_ended = log_in(session, user, now=NOW), log_in(session, user, now=NOW - 30 * DAY)
    for days in range(40, 45):
        log_in(session, user, now=NOW - days * DAY)
    long_revoked = log_in(session, user, now=NOW - 31 * DAY)
    sign_in.log_out(session, claims=claims_of(long_revoked.refresh_token), now=NOW - 31 * DAY)
    gone = [sign_in.purge_sessions(session, now=NOW, most=4) for _ in range(3)]
    assert gone == [4, 2, 0]
    left = session.scalars(select(LoginSession.id)).all()
    assert set(left) == {claims_of(pair.refresh_token).session_id for pair in (alive, just_ended)}


def test_tries_are_counted_per_key_and_minute_and_forgotten(session: Session) -> None:
    def tries(key: str, now: datetime) -> int:
        return sign_in.count_attempt(session, key=key, now=now)

    assert [tries("a", NOW), tries("a", NOW + 59 * SECOND), tries("b", NOW)] == [1, 2, 1]
    assert tries("a", NOW + 60 * SECOND) == 1
    session.execute(update(LoginAttempts).values(tries=32000))
    assert tries("b", NOW) == 32000, "it cannot overflow"
    sign_in.purge_sessions(session, now=NOW + timedelta(minutes=60, seconds=30))
    assert session.scalars(select(LoginAttempts.minute)).all() == [NOW + 60 * SECOND]


def test_racing_tries_are_all_counted(committed: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        counted = list(pool.map(lambda _: committed.call(sign_in.count_attempt, key="a", now=NOW), range(40)))
    assert sorted(counted) == list(range(1, 41))


@pytest.mark.parametrize("change", [service.pause, service.resume])
def test_a_pause_does_not_undo_a_suspension_made_meanwhile(
    committed: Database, change: Callable[[Session, User], User]
) -> None:
    pair = committed.call(log_in)

    def change_while_being_suspended(session: Session) -> None:
        user = authenticate(session, pair.access_token)
        committed.call(set_status, pair.user_id, Status.SUSPENDED)
        change(session, user)

    with pytest.raises(Refusal) as caught:
        committed.call(change_while_being_suspended)
    assert caught.value.code == "invalid_transition"
    with committed.transaction() as session:
        assert session.scalar(select(User.status)) == Status.SUSPENDED


def test_edits_that_race_cannot_make_an_impossible_age_range(committed: Database) -> None:
    pair = committed.call(log_in)

    def edit_while_another_does(session: Session) -> None:
        user = authenticate(session, pair.access_token)
        with committed.transaction() as meanwhile:
            meanwhile.execute(update(User).values(max_age=30))
        service.edit(session, user, changes={"min_age": 40}, now=NOW)

    with pytest.raises(Refusal) as caught:
        committed.call(edit_while_another_does)
    assert caught.value.code == "validation_error"
