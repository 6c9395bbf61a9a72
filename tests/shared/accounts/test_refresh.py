"""One good refresh token at a time, and the end of everything when an old one turns up."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from shared.accounts import sign_in
from shared.accounts.models import LoginSession
from shared.accounts.sign_in import TokenPair
from shared.accounts.tokens import Claims, KeyRing, new_secret
from shared.database import Database
from shared.settings import Settings, settings
from tests.people import make_user
from tests.shared.accounts.sessions import (
    GRACE,
    KEYS,
    NOW,
    SECOND,
    claims_of,
    is_in,
    log_in,
    refresh,
    refreshed,
    revoked,
    row,
)

Configure = Callable[..., None]


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
