"""Reminding people: who listens is asked of Redis, and two runners never mail twice."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared import clock, events, redis
from shared.accounts.models import User
from shared.database import Database
from shared.jobs import SEND_MAIL
from shared.ledger import Work
from shared.mail.models import Mail
from shared.notifications.models import Notification
from shared.reminders import service
from tests.races import at_once
from tests.shared.reminders.people import away, match, told
from worker import reminders
from worker.reminders import listening, remind


def matched(session: Session, count: int = 1) -> list[uuid.UUID]:
    """So many people who were told of a match ten minutes ago, and are away."""
    bob, users = away(session), [away(session) for _ in range(count)]
    for user in users:
        told(session, user, match(session, user, bob))
    session.execute(update(Notification).values(mail_from=clock.now() - timedelta(minutes=10)))
    return [user.id for user in users]


def mails(db: Database) -> int:
    return db.call(lambda session: session.scalar(select(func.count()).select_from(Mail)) or 0)


def test_who_is_away_is_mailed_and_the_mail_is_promised(committed: Database) -> None:
    committed.call(matched)
    remind()
    remind()
    with committed.transaction() as session:
        (mail,) = session.scalars(select(Mail))
        assert session.get(Work, (SEND_MAIL.name, str(mail.id))) is not None


def test_who_has_an_open_client_is_not_mailed(committed: Database) -> None:
    ada, bob = committed.call(matched, 2)
    anything: Any = redis.client()
    client = anything.pubsub()
    client.subscribe(events.channel(ada))
    try:
        while client.get_message(timeout=5) is None:
            pass
        assert listening([ada, bob]) == {ada}
        remind()
    finally:
        client.close()
    with committed.transaction() as session:
        assert session.scalars(select(Mail.user_id)).all() == [bob]


def test_while_redis_is_away_nobody_is_known_to_listen(
    committed: Database, configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "BREAKER", redis.Breaker())
    configured(REDIS_URL="redis://127.0.0.1:1/0")
    (ada,) = committed.call(matched)
    assert listening([ada]) == set()
    monkeypatch.setattr(redis, "BREAKER", redis.Breaker())
    remind()
    assert mails(committed) == 1


def test_many_people_are_decided_on_in_rounds(committed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "PEOPLE", 4)
    committed.call(matched, 11)
    remind()
    assert mails(committed) == 11


def test_two_runners_at_once_mail_nobody_twice(committed: Database) -> None:
    for _ in range(5):
        users = committed.call(matched, 10)
        with ThreadPoolExecutor(4) as pool:
            at_once(pool, *[remind] * 4)
        remind()
        with committed.transaction() as session:
            counts = session.execute(select(Mail.user_id, func.count()).group_by(Mail.user_id)).all()
            assert {user_id: number for user_id, number in counts if user_id in users} == dict.fromkeys(users, 1)


def test_a_second_runner_passes_over_who_is_being_decided_on(committed: Database) -> None:
    """Also what came meanwhile: else there would be two mails within the hour."""
    (ada,) = committed.call(matched)
    began, ended = threading.Event(), threading.Event()
    now = clock.now()

    def first(session: Session) -> int:
        _, posted = service.decide(session, user_ids=[ada], listening=(), now=now)
        began.set()
        assert ended.wait(10)
        return posted

    def another(session: Session) -> None:
        user = session.get_one(User, ada)
        told(session, user, match(session, user, away(session)), mail_from=now - timedelta(minutes=10))

    with ThreadPoolExecutor(1) as pool:
        deciding = pool.submit(committed.call, first)
        assert began.wait(10)
        committed.call(another)
        assert committed.call(service.decide, user_ids=[ada], listening=(), now=now) == (0, 0)
        ended.set()
        assert deciding.result(10) == 1
    remind()
    assert mails(committed) == 1
