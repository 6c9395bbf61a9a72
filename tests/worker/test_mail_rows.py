"""What becomes of the rows of mails: old ones go, and none waits that nobody promised to send."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from shared import clock, ledger
from shared.database import Database
from shared.jobs import SEND_MAIL
from shared.ledger import Work
from shared.mail.models import Mail
from tests.mail_server import Postbox
from tests.worker.mails import person, post, row, work_off
from worker import commands
from worker.mail import prune

LONG_AGO = timedelta(days=31)


def test_old_mails_are_forgotten_sent_or_not_with_what_the_ledger_has_of_them(committed: Database) -> None:
    user = person(committed)
    sent, failed, waiting, young, young_and_failed = (post(committed, user) for _ in range(5))
    with committed.transaction() as session:
        old = update(Mail).where(Mail.id.in_([sent, failed, waiting]))
        session.execute(old.values(created_at=clock.now() - LONG_AGO))
        session.execute(update(Mail).where(Mail.id == sent).values(sent_at=clock.now() - LONG_AGO))
        ledger.cancel(session, SEND_MAIL, str(sent))
        gave_up = update(Work).where(Work.key.in_([str(failed), str(young_and_failed)]))
        session.execute(gave_up.values(due_at=None))
    prune()
    with committed.transaction() as session:
        assert set(session.scalars(select(Mail.id))) == {young, young_and_failed}
        assert set(session.scalars(select(Work.key))) == {str(young), str(young_and_failed)}


def test_a_mail_that_nobody_promised_to_send_is_found_within_the_day(
    committed: Database, configured: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    box = Postbox()
    configured(SMTP_URL=box.url)
    ages = {"new": timedelta(minutes=50), "lost": timedelta(minutes=70), "sent": timedelta(hours=3)}
    ages |= {"failed": timedelta(hours=3), "too_old": timedelta(hours=25)}
    ids = {name: post(committed, person(committed, name)) for name in ages}
    with committed.transaction() as session:
        for name, age in ages.items():
            session.execute(update(Mail).where(Mail.id == ids[name]).values(created_at=clock.now() - age))
        session.execute(update(Mail).where(Mail.id == ids["sent"]).values(sent_at=clock.now()))
        session.execute(update(Work).where(Work.key == str(ids["failed"])).values(due_at=None))
        ledger.cancel(session, SEND_MAIL, *(str(ids[name]) for name in ages if name != "failed"))
    prune()
    assert "[error" in capsys.readouterr().out
    with box.open():
        work_off(committed)
    assert [str(message["To"]).partition("@")[0] for message in box.got] == ["lost"]
    assert row(committed, ids["failed"]) is not None
    prune()
    assert "[error" not in capsys.readouterr().out


def test_a_mail_that_an_operator_dropped_stays_away(committed: Database) -> None:
    dropped, failed, waiting = (post(committed, person(committed)) for _ in range(3))
    with committed.transaction() as session:
        session.execute(update(Mail).values(created_at=clock.now() - timedelta(hours=2)))
        gave_up = update(Work).where(Work.key.in_([str(dropped), str(failed)]))
        session.execute(gave_up.values(due_at=None))
    said = CliRunner().invoke(commands.work, ["drop", "mail.send", str(dropped), str(waiting)]).output
    assert said == "Dropped 1.\n"
    prune()
    with committed.transaction() as session:
        assert set(session.scalars(select(Mail.id))) == {failed, waiting}
        assert set(session.scalars(select(Work.key))) == {str(failed), str(waiting)}
