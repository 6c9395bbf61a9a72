"""Sessions: one good refresh token at a time, and the end of everything when an old one turns up."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import create_engine, func, select, update
from sqlalchemy.orm import Session

from shared.accounts import service, sign_in
from shared.accounts.models import LoginAttempts, LoginSession, Role, Status, User
from shared.accounts.sign_in import TokenPair
from shared.accounts.tokens import Claims, KeyRing, new_secret
from shared.database import Database
from shared.errors import Refusal
from shared.settings import Settings, settings
from tests.people import make_user

Configure = Callable[..., None]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = KeyRing(settings())
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
GRACE = timedelta(seconds=settings().refresh_grace_seconds)


def claims_of(token: str) -> Claims:
    """What a token says, at whatever time."""
    said = jwt.decode(token, options={"verify_signature": False})
    return Claims(uuid.UUID(said["sub"]), uuid.UUID(said["sid"]), said["jti"])


def log_in(session: Session, user: User | None = None, *, now: datetime = NOW, device: str = "") -> TokenPair:
    user = user or make_user(session, last_active_at=NOW)
    return sign_in.open_session(
        session,
        user_id=user.id,
        verified_hash=user.password_hash,
        renewed_hash=None,
        device=device,
        keys=KEYS,
        now=now,
    )[1]


def refresh(session: Session, token: str, *, now: datetime = NOW, keys: KeyRing = KEYS) -> TokenPair | str:
    return sign_in.refresh(session, claims=claims_of(token), keys=keys, now=now)


def refreshed(session: Session, token: str, *, now: datetime = NOW, keys: KeyRing = KEYS) -> TokenPair:
    pair = refresh(session, token, now=now, keys=keys)
    assert isinstance(pair, TokenPair), pair
    return pair


def authenticate(session: Session, token: str, *, least: Role = Role.USER, now: datetime = NOW) -> User:
    return sign_in.authenticate(session, claims=claims_of(token), least=least, now=now)


def is_in(session: Session, pair: TokenPair, *, now: datetime = NOW) -> bool:
    """Whether the access token opens the door."""
    try:
        authenticate(session, pair.access_token, now=now)
    except Refusal as refusal:
        if refusal.code != "token_invalid":
            raise
        return False
    return True


def row(session: Session, token: str) -> LoginSession:
    found = session.get(LoginSession, claims_of(token).session_id, populate_existing=True)
    assert found is not None
    return found


def revoked(session: Session, token: str) -> str | None:
    return row(session, token).revoked_why


def set_status(session: Session, user_id: uuid.UUID, status: Status) -> None:
    session.execute(update(User).where(User.id == user_id).values(status=status))


def test_a_refresh_returns_a_new_pair_of_the_same_session(session: Session) -> None:
    first = log_in(session)
    second = refreshed(session, first.refresh_token, now=NOW + SECOND)
    assert len({first.access_token, first.refresh_token, second.access_token, second.refresh_token}) == 4
    said = {claims_of(token) for token in (second.access_token, second.refresh_token)}
    assert {(claims.user_id, claims.session_id) for claims in said} == {
        (first.user_id, claims_of(first.access_token).session_id)
    }
    assert is_in(session, first)
    assert is_in(session, second)


def test_no_secret_is_stored(session: Session) -> None:
    first = log_in(session)
    second = refreshed(session, first.refresh_token)
    stored = row(session, first.refresh_token)
    for token in (first.refresh_token, second.refresh_token):
        secret = claims_of(token).jti.encode()
        assert secret not in stored.token_hash
        assert secret not in (stored.prev_hash or b"")


def test_tokens_say_when_they_end(session: Session) -> None:
    pair = log_in(session)
    access, fresh = (
        jwt.decode(token, options={"verify_signature": False}) for token in (pair.access_token, pair.refresh_token)
    )
    assert access["exp"] - access["iat"] == 30 * 60
    assert fresh["exp"] - fresh["iat"] == 7 * 24 * 3600
    assert access["iat"] == fresh["iat"] == int(NOW.timestamp())


def test_within_the_grace_the_same_refresh_token_comes_again(session: Session) -> None:
    first = log_in(session)
    second = refreshed(session, first.refresh_token)
    for after in (timedelta(0), SECOND, GRACE):
        again = refreshed(session, first.refresh_token, now=NOW + after)
        assert again.refresh_token == second.refresh_token
        assert is_in(session, again)
    assert revoked(session, first.refresh_token) is None
    refreshed(session, second.refresh_token, now=NOW + GRACE)


def test_after_the_grace_a_used_token_ends_the_session(session: Session) -> None:
    first = log_in(session)
    second = refreshed(session, first.refresh_token)
    assert refresh(session, first.refresh_token, now=NOW + GRACE + SECOND) == "token_reused"
    assert revoked(session, first.refresh_token) == "token reused"
    assert refresh(session, second.refresh_token, now=NOW + GRACE + SECOND) == "token_reused"
    assert not is_in(session, first)
    assert not is_in(session, second)


def test_the_grace_is_for_the_last_token_only(session: Session) -> None:
    first = log_in(session)
    second = refreshed(session, first.refresh_token)
    third = refreshed(session, second.refresh_token, now=NOW + SECOND)
    assert refresh(session, first.refresh_token, now=NOW + SECOND) == "token_reused"
    assert refresh(session, third.refresh_token, now=NOW + SECOND) == "token_reused"


def test_without_a_grace_a_repeated_token_is_stolen(session: Session, configured: Configure) -> None:
    configured(REFRESH_GRACE_SECONDS="0")
    first = log_in(session)
    refreshed(session, first.refresh_token)
    assert refresh(session, first.refresh_token, now=NOW + SECOND) == "token_reused"


def test_reuse_ends_that_login_and_no_other(session: Session) -> None:
    user = make_user(session, last_active_at=NOW)
    stolen, other = log_in(session, user), log_in(session, user)
    refreshed(session, stolen.refresh_token)
    refresh(session, stolen.refresh_token, now=NOW + GRACE + SECOND)
    assert is_in(session, other)
    refreshed(session, other.refresh_token)


def test_the_end_by_reuse_is_committed(committed: Database) -> None:
    first = committed.call(log_in)
    committed.call(refresh, first.refresh_token)
    assert committed.call(refresh, first.refresh_token, now=NOW + GRACE + SECOND) == "token_reused"
    with committed.transaction() as session:
        assert revoked(session, first.refresh_token) == "token reused"


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
    with pytest.raises(Refusal) as caught:
        log_in(session, user)
    assert caught.value.code == {"token_invalid": "invalid_credentials"}.get(outcome, outcome)
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


def test_activity_is_noted_every_five_minutes_and_is_no_edit(session: Session) -> None:
    edited = NOW - DAY
    user = make_user(session, last_active_at=NOW, updated_at=edited)
    pair = log_in(session, user)
    session.execute(update(User).values(updated_at=edited))
    for minutes, noted in ((4, 0), (6, 6), (9, 6), (12, 12)):
        authenticate(session, pair.access_token, now=NOW + timedelta(minutes=minutes))
        session.refresh(user)
        assert user.last_active_at == NOW + timedelta(minutes=noted)
        assert user.updated_at == edited


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


def test_the_purge_takes_what_ended_long_ago_in_bounded_steps(session: Session) -> None:
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


def test_sixteen_refreshes_at_once_make_one_successor(committed: Database) -> None:
    for _ in range(3):
        first = committed.call(log_in)
        start = threading.Barrier(16)

        def race(_: int, token: str = first.refresh_token, start: threading.Barrier = start) -> TokenPair | str:
            start.wait()
            return committed.call(refresh, token)

        with ThreadPoolExecutor(16) as pool:
            pairs = [pair for pair in pool.map(race, range(16)) if isinstance(pair, TokenPair)]
        assert len(pairs) == 16
        assert len({pair.refresh_token for pair in pairs}) == 1
        assert len({pair.access_token for pair in pairs}) == 16
        assert isinstance(committed.call(refresh, pairs[0].refresh_token, now=NOW + SECOND), TokenPair)
    with committed.transaction() as session:
        assert session.scalar(select(func.count()).select_from(LoginSession)) == 3


def test_an_old_token_racing_with_the_good_one_ends_the_session_whoever_wins(committed: Database) -> None:
    for _ in range(8):
        first = committed.call(log_in)
        second = committed.call(refreshed, first.refresh_token)
        later = NOW + GRACE + SECOND
        start = threading.Barrier(2)

        def race(token: str, start: threading.Barrier = start, later: datetime = later) -> TokenPair | str:
            start.wait()
            return committed.call(refresh, token, now=later)

        with ThreadPoolExecutor(2) as pool:
            old, good = pool.map(race, [first.refresh_token, second.refresh_token])
        assert old == "token_reused"
        with committed.transaction() as session:
            assert revoked(session, first.refresh_token) == "token reused"
        newest = good.refresh_token if isinstance(good, TokenPair) else second.refresh_token
        assert committed.call(refresh, newest, now=later) == "token_reused"


def test_a_lost_answer_is_told_again_also_when_the_signing_key_has_changed_meanwhile(session: Session) -> None:
    before, after = settings().secret_key, "n" * 64
    new = KeyRing(Settings(secret_key=after, retired_secret_keys=[before]))
    first = log_in(session)
    second = refreshed(session, first.refresh_token, keys=KEYS)
    again = refreshed(session, first.refresh_token, now=NOW + SECOND, keys=new)
    assert claims_of(again.refresh_token) == claims_of(second.refresh_token)
    refreshed(session, again.refresh_token, now=NOW + 2 * GRACE, keys=new)
    assert revoked(session, first.refresh_token) is None


def test_a_successor_that_cannot_be_told_again_ends_nothing(session: Session) -> None:
    """Rotated by a process with a newer key, repeated at one that does not have it yet."""
    new = KeyRing(Settings(secret_key="n" * 64, retired_secret_keys=[settings().secret_key]))
    first = log_in(session)
    second = refreshed(session, first.refresh_token, keys=new)
    assert refresh(session, first.refresh_token, now=NOW + SECOND, keys=KEYS) == "token_invalid"
    refreshed(session, second.refresh_token, now=NOW + 2 * SECOND, keys=new)


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
        service.edit(session, user, changes={"min_age": 40})

    with pytest.raises(Refusal) as caught:
        committed.call(edit_while_another_does)
    assert caught.value.code == "validation_error"


class TheftMachine(RuleBasedStateMachine):
    """An owner and a thief present any token they ever saw, in any order, after any time.

    The promise: there is one chain of tokens; and once a token older than the one before last is presented, or that one
    after its grace, nothing of the session works any more.
    """

    @initialize()
    def begin(self) -> None:
        self.engine = create_engine(settings().sqlalchemy_url)
        self.connection = self.engine.connect()
        self.outer = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        self.now = self.rotated = NOW
        first = log_in(self.session, make_user(self.session, last_active_at=NOW))
        self.chain = [first.refresh_token]
        self.access = [first]
        self.ended = False

    @rule(seconds=st.sampled_from([0, 1, 4, 10, 11, 60]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(back=st.one_of(st.just(0), st.just(1), st.integers(0, 20)))
    def somebody_refreshes(self, back: int) -> None:
        index = max(len(self.chain) - 1 - back, 0)
        outcome = refresh(self.session, self.chain[index], now=self.now)
        age = len(self.chain) - 1 - index
        if self.ended:
            assert outcome == "token_reused"
        elif age == 0:
            assert isinstance(outcome, TokenPair)
            assert outcome.refresh_token not in self.chain
            self.chain.append(outcome.refresh_token)
            self.access.append(outcome)
            self.rotated = self.now
        elif age == 1 and self.now - self.rotated <= GRACE:
            assert isinstance(outcome, TokenPair)
            assert outcome.refresh_token == self.chain[-1]
            self.access.append(outcome)
        else:
            assert outcome == "token_reused"
            self.ended = True

    @rule()
    def everything_is_tried(self) -> None:
        if self.ended:
            for token in self.chain:
                assert refresh(self.session, token, now=self.now) == "token_reused"

    @invariant()
    def the_door_is_open_or_shut_for_all(self) -> None:
        if hasattr(self, "access"):
            assert {is_in(self.session, pair, now=self.now) for pair in self.access} == {not self.ended}
            assert self.session.scalar(select(func.count()).select_from(LoginSession)) == 1

    def teardown(self) -> None:
        self.session.close()
        self.outer.rollback()
        self.connection.close()
        self.engine.dispose()


TestTheftMachine = TheftMachine.TestCase
TestTheftMachine.settings = hypothesis_settings(max_examples=40, stateful_step_count=20, deadline=None)


def test_a_token_that_we_signed_and_never_gave_out_ends_the_session(session: Session) -> None:
    pair = log_in(session)
    mine = claims_of(pair.refresh_token)
    guess = Claims(mine.user_id, mine.session_id, new_secret())
    assert sign_in.refresh(session, claims=guess, keys=KEYS, now=NOW) == "token_reused"
    assert not is_in(session, pair)
