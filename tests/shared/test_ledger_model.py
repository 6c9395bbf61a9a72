"""The life of one row of the ledger, in any order of events, against a model of what is owed."""

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import create_engine, func, select, update
from sqlalchemy.orm import Session

from shared import ledger
from shared.jobs import PROCESS_PHOTO
from shared.ledger import Claim, LostFence, Work
from shared.settings import settings

JOB = PROCESS_PHOTO


class LedgerMachine(RuleBasedStateMachine):
    """One key under any order of asking, claiming, dying, failing and finishing, against a model of what is owed.

    The promise: a result is stored only for the newest input, by the holder of the newest claim; and while an input has
    no result, its row is there (unless it was given up, with its attempts spent).
    """

    @initialize()
    def begin(self) -> None:
        self.engine = create_engine(settings().sqlalchemy_url)
        self.connection = self.engine.connect()
        self.outer = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        self.asked = 0
        self.stored = 0
        self.attempts = 0
        self.given_up = False
        self.claims: list[tuple[Claim, int]] = []

    @rule()
    def ask(self) -> None:
        ledger.ask(self.session, JOB, "key")
        self.asked += 1
        self.attempts, self.given_up = 0, False

    @rule()
    def try_to_claim(self) -> None:
        claimed = ledger.claim(self.session, JOB, "key")
        if claimed is not None:
            assert self.stored < self.asked
            assert not self.given_up
            self.attempts += 1
            assert self.attempts <= JOB.attempts
            self.claims.append((claimed, self.asked))

    @rule()
    def time_passes(self) -> None:
        self.session.execute(update(Work).where(Work.due_at.is_not(None)).values(due_at=func.now(), lease_until=None))

    @precondition(lambda self: self.claims)
    @rule(index=st.integers(0, 100), outcome=st.sampled_from(["finish", "fail", "release"]))
    def end_a_claim(self, index: int, outcome: str) -> None:
        claimed, made_from = self.claims.pop(index % len(self.claims))
        try:
            if outcome == "finish":
                ledger.finish(self.session, claimed)
                assert made_from == self.asked, "an old input must not be stored"
                assert self.stored < self.asked, "nothing is stored twice"
                self.stored = made_from
                self.attempts = 0
            elif outcome == "fail":
                ledger.fail(self.session, claimed, "no")
                self.given_up = claimed.is_last
            else:
                ledger.release(self.session, claimed)
        except LostFence:
            ledger.release(self.session, claimed)

    @rule()
    def sweep(self) -> None:
        for key in ledger.exhausted(self.session, JOB, most=10):
            ledger.give_up(self.session, JOB, key)
            assert self.attempts == JOB.attempts
            self.given_up = True
        ledger.take_unhinted(self.session, most=10)

    @invariant()
    def what_is_owed_is_there(self) -> None:
        if not hasattr(self, "session"):
            return
        found = self.session.scalar(select(Work).execution_options(populate_existing=True))
        assert (found is not None) == (self.stored < self.asked)
        if found is not None:
            assert (found.due_at is None) == self.given_up

    def teardown(self) -> None:
        self.session.close()
        self.outer.rollback()
        self.connection.close()
        self.engine.dispose()


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = hypothesis_settings(max_examples=60, stateful_step_count=30, deadline=None)
