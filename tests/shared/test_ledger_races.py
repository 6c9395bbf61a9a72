"""The ledger under many at once: nothing is taken twice, doubled or lost, and nobody waits for ever."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import backlog, ledger
from shared.database import Database
from shared.jobs import PROCESS_PHOTO
from shared.ledger import Claim, LostFence, Work
from tests.races import beside

JOB = PROCESS_PHOTO


def claim(session: Session, key: str) -> Claim:
    claimed = ledger.claim(session, JOB, key)
    assert claimed is not None
    return claimed


def test_of_racing_claims_exactly_one_wins(committed: Database) -> None:
    keys = [f"key {number}" for number in range(20)]
    committed.call(ledger.ask, JOB, *keys)
    start = threading.Barrier(6)

    def worker(_: int) -> list[str]:
        start.wait()
        return [key for key in keys if committed.call(ledger.claim, JOB, key)]

    with ThreadPoolExecutor(6) as pool:
        won = Counter(key for keys_won in pool.map(worker, range(6)) for key in keys_won)
    assert won == Counter(keys)


def test_racing_batches_share_the_work_without_overlap(committed: Database) -> None:
    committed.call(ledger.ask, JOB, *(str(number) for number in range(100)))
    start = threading.Barrier(5)

    def worker(_: int) -> list[str]:
        start.wait()
        taken: list[str] = []
        while batch := committed.call(ledger.claim_batch, JOB, most=8):
            taken += [claimed.key for claimed in batch]
        return taken

    with ThreadPoolExecutor(5) as pool:
        taken = [key for keys in pool.map(worker, range(5)) for key in keys]
    assert sorted(taken, key=int) == [str(number) for number in range(100)]


def test_racing_askers_of_the_same_keys_neither_deadlock_nor_double(committed: Database) -> None:
    start = threading.Barrier(6)

    def asker(number: int) -> None:
        keys = [str(key) for key in range(50)]
        start.wait()
        for _ in range(10):
            committed.call(ledger.ask, JOB, *(keys if number % 2 else reversed(keys)))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(asker, range(6)))
    with committed.transaction() as session:
        versions = session.scalars(select(Work.version)).all()
    assert versions == [60] * 50


def test_batches_finished_in_opposite_order_do_not_deadlock(committed: Database) -> None:
    committed.call(ledger.ask, JOB, "a", "b")
    a, b = (committed.call(claim, key) for key in "ab")
    with ThreadPoolExecutor(1) as pool:
        with committed.transaction() as session:
            ledger.finish(session, a)
            second = beside(session, pool, committed.call, ledger.finish_all, [b, a])
            ledger.finish(session, b)
        second.result()
    assert committed.call(backlog.unfinished, JOB) == 0


def test_asking_racing_with_finishing_is_never_lost(committed: Database) -> None:
    """However they interleave, the newest input is worked on: either the finish fails, or the ask makes a new row."""
    for _ in range(60):
        committed.call(ledger.ask, JOB, "a")
        claimed = committed.call(ledger.claim, JOB, "a")
        assert claimed is not None
        start = threading.Barrier(2)

        def finish(claimed: Claim = claimed, start: threading.Barrier = start) -> None:
            start.wait()
            try:
                committed.call(ledger.finish, claimed)
            except LostFence:
                committed.call(ledger.release, claimed)

        def ask_again(start: threading.Barrier = start) -> None:
            start.wait()
            committed.call(ledger.ask, JOB, "a")

        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(finish), pool.submit(ask_again)]:
                future.result()
        again = committed.call(ledger.claim, JOB, "a")
        assert again is not None
        committed.call(ledger.finish, again)
