"""What moderators and people do at the same instant: one has a case, decides once, and nothing deadlocks."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import func, select

from shared.accounts.models import Role, Status, User
from shared.audit import AuditEntry
from shared.database import Database
from shared.matching import safety
from shared.matching.safety import Complaint
from shared.moderation import service as moderation
from shared.moderation.models import Case, Notice, Reason, Report
from shared.moderation.rules import Decision
from shared.photos.models import Photo, PhotoStatus
from shared.review import cases, decisions, people
from shared.review.decisions import Verdict
from tests.people import make_user
from tests.races import at_once

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TRIES = 20
WHY = "You wrote an advertisement to forty people."


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as pool:
        yield pool


def some(db: Database, count: int, **columns: object) -> list[uuid.UUID]:
    with db.transaction() as session:
        return [make_user(session, **columns).id for _ in range(count)]


def opened(db: Database, user_id: uuid.UUID) -> uuid.UUID:
    with db.transaction() as session:
        return moderation.open_case(session, user_id=user_id, now=NOW).id


def as_user(db: Database, user_id: uuid.UUID) -> User:
    with db.transaction() as session:
        return session.get_one(User, user_id)


def suspended(db: Database, *, by: User, user_id: uuid.UUID) -> str:
    return db.call(people.suspend, by, user_id=user_id, days=1, reason=WHY, rule="other", now=NOW).status


def taken_by(db: Database, moderator: User, case_id: uuid.UUID) -> uuid.UUID | None:
    return db.call(cases.take, moderator, case_id=case_id, now=NOW).taken_by


def test_of_two_who_take_a_case_one_has_it(committed: Database, pool: ThreadPoolExecutor) -> None:
    first, second = (as_user(committed, one) for one in some(committed, 2, role=Role.MODERATOR))
    for user_id in some(committed, TRIES):
        case_id = opened(committed, user_id)
        each = [partial(taken_by, committed, moderator, case_id) for moderator in (first, second)]
        outcomes = at_once(pool, *each)
        assert sorted(one == "invalid_transition" for one in outcomes) == [False, True]


def test_deciding_twice_at_once_decides_once(committed: Database, pool: ThreadPoolExecutor) -> None:
    (moderator,) = (as_user(committed, one) for one in some(committed, 1, role=Role.MODERATOR))
    spammers = some(committed, TRIES)
    for user_id in spammers:
        case_id = opened(committed, user_id)
        committed.call(cases.take, moderator, case_id=case_id, now=NOW)
        verdict = Verdict(decision=Decision.SUSPEND, reason=WHY, days=3)
        decide = partial(committed.call, decisions.resolve, moderator, case_id=case_id, verdict=verdict, now=NOW)
        outcomes = at_once(pool, decide, decide)
        assert sorted(one == "invalid_transition" for one in outcomes) == [False, True]
    with committed.transaction() as session:
        assert set(session.scalars(select(User.status).where(User.id.in_(spammers)))) == {Status.SUSPENDED}
        assert session.scalar(select(func.count()).select_from(Notice)) == TRIES
        decided = select(func.count()).where(AuditEntry.action == "case.suspend")
        assert session.scalar(decided) == TRIES


def test_a_report_that_races_a_decision_is_in_it_or_opens_the_next_case(
    committed: Database, pool: ThreadPoolExecutor
) -> None:
    (moderator,) = (as_user(committed, one) for one in some(committed, 1, role=Role.MODERATOR))
    for user_id, reporter_id in zip(some(committed, TRIES), some(committed, TRIES), strict=True):
        with committed.transaction() as session:
            session.add(Photo(user_id=user_id, position=0, status=PhotoStatus.READY, renditions={"1080": "photos/x/x"}))
        case_id = opened(committed, user_id)
        committed.call(cases.take, moderator, case_id=case_id, now=NOW)
        verdict = Verdict(decision=Decision.WARN, reason=WHY)
        complaint = Complaint(user_id, Reason.SPAM)
        reporter = as_user(committed, reporter_id)
        at_once(
            pool,
            partial(committed.call, decisions.resolve, moderator, case_id=case_id, verdict=verdict, now=NOW),
            partial(committed.call, safety.report, reporter, complaint=complaint, and_block=True, now=NOW),
        )
    with committed.transaction() as session:
        for report, case in session.execute(select(Report, Case).join(Case, Case.id == Report.case_id)):
            assert (report.founded is None) == (case.closed_at is None), (
                "no report is closed unseen, or left in a closed case"
            )
        assert session.scalar(select(func.count()).select_from(Report)) == TRIES


def test_of_two_admins_who_suspend_each_other_one_is_left(committed: Database, pool: ThreadPoolExecutor) -> None:
    for _ in range(TRIES):
        first, second = (as_user(committed, one) for one in some(committed, 2, role=Role.ADMIN))
        outcomes = at_once(
            pool,
            partial(suspended, committed, by=first, user_id=second.id),
            partial(suspended, committed, by=second, user_id=first.id),
        )
        assert sorted(outcomes) == ["forbidden", Status.SUSPENDED]
