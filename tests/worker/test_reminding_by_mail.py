"""From a notification to the mail that a server gets, and back by the addresses in it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from shared import clock
from shared.accounts.models import User
from shared.database import Database
from shared.matching.models import Match
from shared.notifications.models import Notification
from tests.mail_server import Postbox, html_of, text_of
from tests.people import sign_up
from tests.shared.reminders.people import away, match, told
from tests.worker.mails import work_off
from worker.reminders import remind

API = "https://api.of-a-very-long-name-indeed.example.com/behind/a/prefix"
APP = "https://app.example.com"


@pytest.mark.parametrize(
    ("kind", "subject"),
    [("match.created", "You have a new match"), ("message.created", "A message is waiting for you")],
)
def test_who_is_away_is_mailed_and_can_follow_it_or_end_it(
    committed: Database, real_client: TestClient, configured: Callable[..., None], kind: str, subject: str
) -> None:
    box = Postbox()
    configured(SMTP_URL=box.url, PUBLIC_URL=API, APP_URL=APP)
    ada = sign_up(real_client)
    with box.open():
        work_off(committed)
        with committed.transaction() as session:
            long_ago = clock.now() - timedelta(days=2)
            session.execute(update(User).values(email_verified_at=long_ago, last_active_at=long_ago))
            made: Match = match(session, session.get_one(User, ada.id), away(session, name="Bob"))
            told(session, session.get_one(User, ada.id), made, kind=kind)
            session.execute(update(Notification).values(mail_from=clock.now() - timedelta(minutes=10)))
        remind()
        work_off(committed)
    _, mail = box.got
    assert (mail["To"], mail["Subject"]) == (ada.email, subject)
    button = f"{APP}/matches/{made.id}"
    assert button in text_of(mail)
    assert f'href="{button}"' in html_of(mail)

    found = re.search(rb"^List-Unsubscribe: <(\S+)>\r$", box.raw[-1], re.MULTILINE)
    assert found is not None, "in one piece, and as it is"
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in box.raw[-1]
    link = found[1].decode()
    assert link in text_of(mail)
    assert link.startswith(f"{API}/v1/")
    answer = real_client.post(link.removeprefix(API), data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert ada.get("/v1/notifications/settings").json()["mail"] == {
        "match.created": kind != "match.created",
        "message.created": kind != "message.created",
    }
