"""Erasing an account for real: what is gone, what stays with others, and being cut off anywhere."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from shared import clock, events, holdings, ledger, redis
from shared.accounts.models import Status, User
from shared.accounts.returning import come_back
from shared.database import Database
from shared.discovery.models import DiscoveryExposure, DiscoveryQueue
from shared.jobs import DELETE_FILES, ERASE_ACCOUNT
from shared.ledger import Work
from shared.matching.matches import own_match
from shared.matching.models import Match
from shared.messaging.models import Message
from shared.moderation.models import Report, Signal
from shared.notifications import service as notifications
from shared.notifications.models import Notification
from shared.privacy import erasure, leaving
from shared.privacy.registry import REGISTRY
from tests.lives import Life, live
from tests.people import make_user
from tests.races import at_once
from worker import erasing, photos
from worker.erasing import ask_for_erasures, erase
from worker.notifications import prune
from worker.work import sweep

HERE = ("audit", "matches", "messages")  # tables in which an id stays, with what belongs to the other as well


@pytest.fixture
def media(configured: Callable[..., None], tmp_path: Path, committed: Database) -> Path:
    configured(STORAGE_URL=f"file://{tmp_path}")
    return tmp_path


@pytest.fixture
def life(committed: Database, media: Path) -> Life:
    """Somebody whose grace is over."""
    made = committed.call(live)
    leave(committed, made.ada, now=clock.now() - timedelta(days=15))
    return made


def leave(db: Database, user_id: uuid.UUID, *, now: datetime) -> None:
    def gone(session: Session) -> None:
        leaving.leave(session, session.get_one(User, user_id), verified_hash="!", now=now)

    db.call(gone)


def due(db: Database, user_id: uuid.UUID) -> str:
    """The key of the work of erasing somebody, which is due now whenever it was."""
    with db.transaction() as session:
        session.execute(update(Work).where(Work.kind == ERASE_ACCOUNT.name).values(due_at=func.now(), lease_until=None))
    return str(user_id)


def row(db: Database, user_id: uuid.UUID) -> Work | None:
    return db.call(lambda session: session.get(Work, (ERASE_ACCOUNT.name, str(user_id))))


def erase_wholly(db: Database, user_id: uuid.UUID) -> None:
    erase(due(db, user_id))
    assert row(db, user_id) is None


def mentions(session: Session, what: str) -> dict[str, int]:
    """In how many rows of which tables something stands, anywhere in them."""
    tables = session.scalars(
        text(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition"
        )
    ).all()
    return {
        table: number
        for table in tables
        if (
            number := session.scalar(
                text(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE :it"), {"it": f"%{what}%"}
            )
        )
    }


def test_nothing_is_left_but_what_belongs_to_others(committed: Database, life: Life, media: Path) -> None:
    redis.client().xadd(events.stream(life.ada), {"id": "1"})
    with committed.transaction() as session:
        before = mentions(session, str(life.ada))
        assert len(before) > 25
    erase_wholly(committed, life.ada)
    with committed.transaction() as session:
        assert set(mentions(session, str(life.ada))) == set(HERE)
        for word in ("ada@example", "Lovelace", "please stop, says ada", str(life.photo), "Mangoes"):
            assert set(mentions(session, word)) <= {"work", "signals"}, word
        assert erasure.remains(session, user_id=life.ada) == []
        assert session.scalars(select(Work.kind).where(Work.key.in_([str(life.ada), str(life.photo)]))).all() == [
            DELETE_FILES.name
        ]
    assert not redis.client().exists(events.stream(life.ada))
    assert [path for path in media.rglob("*") if path.is_file()] == []


def test_others_keep_what_is_theirs(committed: Database, life: Life) -> None:
    erase_wholly(committed, life.ada)
    with committed.transaction() as session:
        bob = session.get_one(User, life.bob)
        own = own_match(session, bob, match_id=life.talk, now=clock.now())
        assert (own.profile.name, own.match.state) == ("Deleted person", "deleted")
        assert session.scalars(select(Match.id)).all() == [life.talk]  # blocked, left by both, and silent ones are gone
        assert session.scalars(select(Message.text).order_by(Message.number)).all() == [
            "adas words 1",
            "bobs own words 2",
            "adas words 3",
        ]
        (report,) = session.scalars(select(Report))
        assert (report.user_id, report.reporter_id, report.details) == (life.bob, None, "He does not stop.")
        hers, his = report.snapshot["conversation"]
        assert (hers["sender_id"], hers["text"]) == (None, None)
        assert (his["sender_id"], his["text"]) == (str(life.bob), "evidence of bob")
        (signal,) = session.scalars(select(Signal))
        assert signal.evidence == {"other_user_id": None, "same_bytes": True}
        queue = session.get_one(DiscoveryQueue, life.bob)
        assert (len(queue.ids), queue.parts) == (2, b"1" * 6 + b"3" * 6)
        exposure = session.get_one(DiscoveryExposure, 7)
        assert (exposure.ids, exposure.queues) == (queue.ids, [1, 3])
        assert {one.user_id: one.data["sender_id"] for one in session.scalars(select(Notification))} == {
            life.bob: None,
            life.carl: None,
        }


def test_the_second_of_two_takes_their_conversation_along(committed: Database, life: Life) -> None:
    leave(committed, life.bob, now=clock.now() - timedelta(days=15))
    erase_wholly(committed, life.ada)
    with committed.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 3
    erase_wholly(committed, life.bob)
    with committed.transaction() as session:
        for table in (Match, Message):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_two_who_are_erased_at_once_leave_nothing(committed: Database, media: Path) -> None:
    made = committed.call(live, messages=40)
    for person in (made.ada, made.bob):
        leave(committed, person, now=clock.now() - timedelta(days=15))
    keys = [due(committed, person) for person in (made.ada, made.bob)]
    with ThreadPoolExecutor(2) as pool:
        at_once(pool, *(lambda key=key: erase(key) for key in keys))
    with committed.transaction() as session:
        for person in (made.ada, made.bob):
            assert set(mentions(session, str(person))) == {"audit"}


class Killed(BaseException):
    """As if the process had ended."""


def test_it_goes_on_wherever_it_was_cut_off(
    committed: Database, life: Life, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each part the process dies within the next one, and another goes on, until nothing is left to do."""
    monkeypatch.setattr(holdings, "MOST", 2)
    parts, take_out, walk, finish = 0, erasure.take_out, erasure.walk, erasure.finish

    def dies(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(session: Session, claimed: ledger.Claim, *args: Any, **more: Any) -> Any:
            result = function(session, claimed, *args, **more)
            if seen:
                raise Killed
            if result not in {0, None, (None, 0)}:
                seen.append(claimed)
            return result

        return run

    seen: list[ledger.Claim] = []
    for name, function in (("take_out", take_out), ("walk", walk), ("finish", finish)):
        monkeypatch.setattr(erasure, name, dies(function))
    while row(committed, life.ada) is not None:
        seen.clear()
        parts += 1
        try:
            erase(due(committed, life.ada))
        except Killed:
            with committed.transaction() as session:  # the lease of whoever died ends
                session.execute(update(Work).values(attempts=0))
        assert parts < 200
    assert parts > 30
    with committed.transaction() as session:
        assert set(mentions(session, str(life.ada))) == set(HERE)
    assert [path for path in media.rglob("*") if path.is_file()] == []


def test_a_large_account_is_erased_a_turn_at_a_time_without_using_up_attempts(
    committed: Database, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "SECONDS", 0.0)
    turns = 0
    while (left := row(committed, life.ada)) is not None:
        assert (left.attempts, left.error) == (0, None)
        erase(due(committed, life.ada))
        turns += 1
    assert turns > ERASE_ACCOUNT.attempts
    with committed.transaction() as session:
        assert set(mentions(session, str(life.ada))) == set(HERE)


def test_what_is_left_is_an_error_for_an_operator_to_see(
    committed: Database, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_mail = tuple(one for one in REGISTRY if one.domain != "matching")
    monkeypatch.setattr(erasing, "REGISTRY", without_mail)
    erase(due(committed, life.ada))
    left = row(committed, life.ada)
    assert left is not None
    assert left.error is not None
    assert left.error.startswith("LeftBehind: Pass.passer_id, Pass.passed_id")
    monkeypatch.undo()
    erase_wholly(committed, life.ada)


def test_files_that_a_worker_was_about_to_store_go_too(committed: Database, life: Life, media: Path) -> None:
    erase_wholly(committed, life.ada)
    late = media / "uploads" / str(life.photo)
    late.parent.mkdir(parents=True, exist_ok=True)
    late.write_bytes(b"late")
    photos.delete_files(str(life.photo))
    assert not late.exists()


def test_before_the_end_of_the_grace_it_waits_and_ends_matches_that_slipped_through(
    committed: Database, media: Path
) -> None:
    with committed.transaction() as session:
        ada, bob = make_user(session), make_user(session)
    leave(committed, ada.id, now=clock.now())
    low, high = sorted((ada.id, bob.id))
    with committed.transaction() as session:  # by a like that had begun before
        moments = dict.fromkeys(("created_at", "state_changed_at", "active_at"), clock.now())
        session.add(Match(low_id=low, high_id=high, state="active", **moments))
    asked = row(committed, ada.id)
    assert asked is not None
    assert asked.due_at is not None
    assert asked.due_at - asked.created_at > leaving.longest_statement() - timedelta(seconds=1)
    erase(due(committed, ada.id))
    waiting = row(committed, ada.id)
    assert waiting is not None
    assert waiting.due_at is not None
    assert waiting.due_at > clock.now() + timedelta(days=13)
    with committed.transaction() as session:
        assert session.scalars(select(Match.state)).all() == ["deleted"]
        assert session.get_one(User, ada.id).email == ada.email


def test_coming_back_and_erasing_race_and_one_of_them_wins(committed: Database, media: Path) -> None:
    with committed.transaction() as session:
        people = [make_user(session).id for _ in range(40)]
    before = clock.now() - timedelta(days=14)
    outcomes = set()
    with ThreadPoolExecutor(2) as pool:
        for person in people:
            leave(committed, person, now=before + timedelta(seconds=60))
            key = due(committed, person)
            later = clock.now() + timedelta(seconds=120)

            def erases(key: str = key, later: datetime = later) -> None:
                claimed = committed.call(ledger.claim, ERASE_ACCOUNT, key)
                if claimed is not None:
                    try:
                        committed.call(erasure.begin, claimed, now=later)
                    except ledger.LostFence:
                        committed.call(ledger.release, claimed)

            def comes_back(person: uuid.UUID = person) -> bool:
                return committed.call(come_back, user_id=person, verified_hash="!", now=clock.now())

            _, back = at_once(pool, erases, comes_back)
            with committed.transaction() as session:
                user = session.get_one(User, person)
                assert (user.status == Status.ACTIVE) == back
                assert user.email.endswith("@erased.invalid") != back
                assert (session.get(Work, (ERASE_ACCOUNT.name, key)) is None) == back
            outcomes.add(back)
    assert outcomes  # which of the two it was is theirs to decide


def test_who_came_back_is_left_alone(committed: Database, life: Life) -> None:
    key = due(committed, life.ada)
    with committed.transaction() as session:
        user = session.get_one(User, life.ada)
        user.status, user.erase_at = Status.ACTIVE, None
    erase(key)
    assert row(committed, life.ada) is None
    with committed.transaction() as session:
        assert session.get_one(User, life.ada).email == "ada@example.com"


def test_an_account_that_nobody_promised_to_erase_is_found(committed: Database, life: Life) -> None:
    with committed.transaction() as session:
        ledger.cancel(session, ERASE_ACCOUNT, str(life.ada))
    ask_for_erasures()
    assert row(committed, life.ada) is not None


def test_a_worker_that_dies_every_time_is_given_up_and_seen(committed: Database, life: Life) -> None:
    key = due(committed, life.ada)
    with committed.transaction() as session:
        session.execute(update(Work).where(Work.key == key).values(attempts=ERASE_ACCOUNT.attempts))
    sweep()
    left = row(committed, life.ada)
    assert left is not None
    assert left.error == ledger.KILLED


def test_old_notifications_are_forgotten_a_bounded_number_at_a_time(committed: Database) -> None:
    now = clock.now()
    with committed.transaction() as session:
        ada = make_user(session)
        for days in (1, 89, 91, 92, 93):
            made = Notification(user_id=ada.id, kind="like.received", data={}, created_at=now - timedelta(days=days))
            session.add(made)
    assert committed.call(notifications.prune, now=now, most=2) == 2
    prune()
    with committed.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Notification)) == 2
