"""What people are mailed about leaving, and about decisions on them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from shared import clock
from shared.accounts.models import Status, User
from shared.accounts.returning import come_back
from shared.database import Database
from shared.mail import service
from shared.mail.models import Mail
from shared.moderation.models import Notice
from shared.privacy import leaving
from tests.mail_server import html_of, text_of
from tests.worker.mails import person, work_off

LONG = datetime(2027, 1, 5, 17, 30).astimezone()


@pytest.fixture
def letters(committed: Database, configured: Callable[..., None], tmp_path: Path) -> Callable[[], list[EmailMessage]]:
    """Send what waits; what has come."""
    configured(MAIL_DIR=str(tmp_path), APP_URL="https://app.example.com")

    def sent() -> list[EmailMessage]:
        work_off(committed)
        return [message_from_bytes(path.read_bytes(), policy=default) for path in sorted(tmp_path.glob("*.eml"))]

    return sent


def leave(db: Database, user: User) -> None:
    with db.transaction() as session:
        leaving.leave(session, session.get_one(User, user.id), verified_hash="!", now=clock.now())


def test_who_leaves_is_told_until_when_they_can_come_back(
    committed: Database, letters: Callable[[], list[EmailMessage]]
) -> None:
    ada = person(committed, time_zone="Europe/Berlin")
    leave(committed, ada)
    (mail,) = letters()
    until = clock.now() + timedelta(days=14)
    assert f"Until {until.day} {until:%B %Y} at" in " ".join(text_of(mail).split())
    assert "(Europe/Berlin) you can change your mind" in " ".join(text_of(mail).split())
    assert "https://app.example.com/login" in text_of(mail)
    assert mail["List-Unsubscribe"] is None


def test_who_came_back_before_it_was_sent_is_not_told_that_they_leave(
    committed: Database, letters: Callable[[], list[EmailMessage]]
) -> None:
    ada = person(committed)
    leave(committed, ada)
    assert committed.call(come_back, user_id=ada.id, verified_hash="!", now=clock.now())
    assert letters() == []
    with committed.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Mail)) == 0


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"automatic": True, "until": LONG}, ["a rule, automatically.", "Until: 5 January 2027 at"]),
        ({"automatic": False, "until": None}, ["a person of our team."]),
    ],
)
def test_a_decision_is_told_with_facts_rule_and_how_to_object_even_to_who_is_suspended(
    committed: Database, letters: Callable[[], list[EmailMessage]], columns: dict[str, Any], words: list[str]
) -> None:
    ada, bob = person(committed), person(committed, "bob")
    with committed.transaction() as session:
        session.execute(update(User).values(status=Status.SUSPENDED))
        notice = Notice(
            id=clock.new_id(),
            user_id=ada.id,
            kind="suspended",
            facts="You wrote <b>this</b> & that.",
            rule="Be kind.",
            created_at=clock.now(),
            **columns,
        )
        session.add(notice)
        for user in (ada, bob):  # who is told of nobody else's
            service.post(session, kind="notice", user_id=user.id, now=clock.now(), data={"notice_id": str(notice.id)})
    (mail,) = letters()
    said = " ".join(text_of(mail).split())
    assert mail["To"] == ada.email
    for part in ("You wrote <b>this</b> & that.", "Be kind.", f"https://app.example.com/notices/{notice.id}", *words):
        assert part in said
    assert ("Until" in said) == (columns["until"] is not None)
    assert "You wrote &lt;b&gt;this&lt;/b&gt; &amp; that." in html_of(mail)
    assert mail["List-Unsubscribe"] is None
