"""Sending mails to a server that is down, slow, or refuses some, and to files."""

import email
import logging
import re
import smtplib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path

import pytest
import structlog
from celery.exceptions import SoftTimeLimitExceeded
from click.testing import CliRunner
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text, update

from shared import clock, ledger, log
from shared.accounts import by_mail
from shared.accounts.models import EmailToken, Role, Status, User
from shared.accounts.tokens import secret_hash
from shared.database import Database
from shared.jobs import SEND_MAIL
from shared.ledger import Work
from shared.mail import rendering, service
from shared.mail.models import Mail
from shared.mail.rules import MOST_IN_AN_HOUR, MOST_UNCONFIRMED
from tests.mail_server import Postbox, text_of, token_of
from tests.people import make_user, sign_up
from tests.worker.mails import person, post, row, sent_at, work_off
from worker import commands, smtp

Configure = Callable[..., None]


@pytest.fixture
def box(configured: Configure) -> Iterator[Postbox]:
    box = Postbox()
    configured(SMTP_URL=box.url, LEASE_SCALE="0.05")  # half a second for each answer of a server but the last
    with box.open():
        yield box


def test_while_the_server_is_down_mails_wait_and_then_go_out_once(committed: Database, configured: Configure) -> None:
    box = Postbox()
    configured(SMTP_URL=box.url)
    user = person(committed)
    mail_id = post(committed, user)
    work_off(committed)
    waits = row(committed, mail_id)
    assert waits is not None
    assert (waits.attempts, waits.lease_until) == (1, None)
    assert waits.due_at is not None
    assert waits.error is not None
    assert "cannot reach the mail server" in waits.error
    assert sent_at(committed, mail_id) is None
    with box.open():
        for _ in range(3):
            work_off(committed)
    assert box.to() == {user.email: 1}
    assert row(committed, mail_id) is None
    assert sent_at(committed, mail_id) is not None


def test_each_gets_theirs_whatever_becomes_of_the_others(committed: Database, box: Postbox) -> None:
    names = ("ada", "gone", "later", "slow", "silent", "bob")
    people = {name: person(committed, name) for name in names}
    box.answers = {"gone": ["550 5.1.1 <{address}>: no such user"], "later": ["451 4.7.1 {address} come back later"]}
    box.slow, box.silent = {"slow": 1.2}, {"silent"}
    ids = {name: post(committed, user) for name, user in people.items()}
    work_off(committed)
    failed = row(committed, ids["gone"])
    assert failed is not None
    assert (failed.due_at, failed.attempts) == (None, 1)
    assert failed.error == "refused by the mail server: 550 5.1.1 <(address)>: no such user"
    for name, words in {"later": "451 4.7.1 (address) come back later", "silent": "did not say so"}.items():
        waits = row(committed, ids[name])
        assert waits is not None
        assert waits.due_at is not None
        assert waits.error is not None
        assert words in waits.error
    box.silent.clear()
    work_off(committed)
    got = Counter(address.partition("@")[0] for address in box.to().elements())
    assert got == {"ada": 1, "bob": 1, "later": 1, "slow": 1, "silent": 2}, "only where nobody knows whether it came"
    doubled = {str(message["Message-ID"]) for message in box.got if str(message["To"]).startswith("silent")}
    assert len(doubled) == 1
    assert {name for name in names if sent_at(committed, ids[name])} == {"ada", "later", "slow", "silent", "bob"}


@pytest.mark.parametrize("how", ["silent", "slow"])
def test_nobody_gets_many_copies_from_a_server_that_never_says_that_it_has_a_mail(
    committed: Database, box: Postbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(smtp, "ANSWER_SHARE", 0.02)
    user = person(committed, how)
    box.silent = {"silent"}
    mail_id = post(committed, user)
    for _ in range(MOST_UNCONFIRMED + 2):
        box.slow = {"slow": 0.5}
        work_off(committed)
    assert box.to() == {user.email: 3}
    failed = row(committed, mail_id)
    assert failed is not None
    assert (failed.due_at, failed.error) == (None, "sent, but the server did not say so, 3 times")
    assert sent_at(committed, mail_id) is None


def test_a_task_that_is_told_to_stop_while_the_server_thinks_is_counted(
    committed: Database, box: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give(server: smtplib.SMTP, message: EmailMessage) -> smtp.Problem | None:
        problem = given(server, message)
        vars(server)["getreply"] = partial(stopped, server)
        return problem

    def stopped(server: smtplib.SMTP) -> None:
        del vars(server)["getreply"]
        raise SoftTimeLimitExceeded

    mail_id, given = post(committed, person(committed)), smtp._give
    monkeypatch.setattr(smtp, "_give", give)
    work_off(committed)
    assert committed.call(lambda session: session.get_one(Mail, mail_id).unconfirmed) == 1


def test_what_was_lost_before_its_end_may_be_tried_for_hours(
    committed: Database, box: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(server: smtplib.SMTP, data: bytes | str) -> None:
        if "Message-ID" in str(data):
            raise smtplib.SMTPServerDisconnected
        whole(server, data)

    whole = smtplib.SMTP.send
    mail_id = post(committed, person(committed))
    with monkeypatch.context() as mess:
        mess.setattr(smtplib.SMTP, "send", broken)
        for _ in range(MOST_UNCONFIRMED + 1):
            work_off(committed)
    work_off(committed)
    assert len(box.got) == 1
    assert row(committed, mail_id) is None


def test_dots_that_begin_a_line_arrive(committed: Database, box: Postbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def dotted(*_: object) -> rendering.Words:
        return rendering.Words(f"{said}\n", f"<p>{said}</p>\n")

    said = ".\n..two\n.x.\n"
    monkeypatch.setattr(rendering, "words", dotted)
    post(committed, person(committed))
    work_off(committed)
    assert text_of(box.got[0]).splitlines() == [".", "..two", ".x.", ""]


def test_an_operator_sees_what_failed_and_why_and_has_it_tried_again(
    committed: Database, box: Postbox, real_client: TestClient
) -> None:
    moderator = sign_up(real_client)
    with committed.transaction() as session:
        session.execute(update(User).where(User.id == moderator.id).values(role=Role.MODERATOR))
    work_off(committed)
    user = person(committed, "gone")
    box.answers = {"gone": ["550 5.1.1 <{address}>: no such user"]}
    mail_id = post(committed, user)
    work_off(committed)
    figures = {line["kind"]: line for line in moderator.get("/v1/admin/work").json()["items"]}
    assert (figures[SEND_MAIL.name]["unfinished"], figures[SEND_MAIL.name]["failed"]) == (0, 1)
    said = CliRunner().invoke(commands.work, ["list"]).output
    assert f"mail.send {mail_id}  1 attempts  refused by the mail server: 550 5.1.1 <(address)>: no such user" in said
    assert user.email not in said
    assert CliRunner().invoke(commands.work, ["retry", "mail.send", str(mail_id)]).output == "Queued 1.\n"
    work_off(committed)
    assert box.to()[user.email] == 1
    assert row(committed, mail_id) is None


def test_a_message_that_is_refused_is_given_up_and_a_server_that_is_confused_is_not(
    committed: Database, box: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> str:
        return answers.pop(0)

    answers = ["452 4.3.1 full", "554 5.7.1 http://x/verify?token=abc is bad"]
    monkeypatch.setattr(box, "handle_DATA", refuse)
    mail_id = post(committed, person(committed))
    work_off(committed)
    waits = row(committed, mail_id)
    assert waits is not None
    assert waits.due_at is not None
    work_off(committed)
    failed = row(committed, mail_id)
    assert failed is not None
    assert failed.due_at is None
    assert failed.error is not None
    assert "token=(address)" in failed.error


@pytest.mark.parametrize(
    ("answer", "hopeless"),
    [
        ("550 5.1.1 no such user", True),
        ("552 5.2.2 mailbox full", True),
        ("550 no such user", True),
        ("550 5.7.1 relaying denied", False),
        ("554 5.7.1 your address is on a list", False),
        ("530 5.7.0 log in first", False),
        ("550 5.4.4 no route", False),
        ("450 4.2.0 greylisted", False),
    ],
)
def test_only_a_recipient_that_is_refused_for_itself_is_given_up_at_once(
    committed: Database, box: Postbox, answer: str, *, hopeless: bool
) -> None:
    box.answers = {"ada": [answer]}
    user = person(committed)
    mail_id = post(committed, user)
    work_off(committed)
    refused = row(committed, mail_id)
    assert refused is not None
    assert (refused.due_at is None) == hopeless
    work_off(committed)
    assert box.to() == ({} if hopeless else {user.email: 1})


@pytest.fixture
def log_restored() -> Iterator[None]:
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


@pytest.mark.usefixtures("log_restored")
@pytest.mark.parametrize("as_json", [True, False])
def test_nobody_learns_an_address_or_a_token_from_logs_or_the_ledger(
    committed: Database, box: Postbox, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    users = [person(committed, name) for name in ("ada", "gone", "later")]
    box.answers = {"gone": ["550 {address} is not here"], "later": ["451 {address} later"]}
    for user in users:
        post(committed, user)
    log.configure(process="worker", level="INFO", as_json=as_json)
    work_off(committed)
    with committed.transaction() as session:
        errors = " ".join(error or "" for error in session.scalars(select(Work.error)))
    told = capsys.readouterr()
    for user in users:
        assert user.email not in told.out + told.err + errors
    assert "mail sent" in told.out
    assert token_of(box.got[0]) not in told.out + told.err + errors


def test_a_mail_that_was_sent_is_never_sent_again(committed: Database, box: Postbox) -> None:
    mail_id = post(committed, person(committed))
    work_off(committed)
    committed.call(ledger.ask, SEND_MAIL, str(mail_id))
    work_off(committed)
    assert len(box.got) == 1
    assert row(committed, mail_id) is None


def test_what_was_taken_but_not_noted_goes_out_again_and_can_be_recognised(
    committed: Database, box: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_id = post(committed, person(committed))
    with monkeypatch.context() as broken:
        broken.setattr(service, "note_sent", lambda *_, **__: 1 / 0)
        work_off(committed)
    assert sent_at(committed, mail_id) is None
    work_off(committed)
    first, second = box.got
    assert first["Message-ID"] == second["Message-ID"] == f"<{mail_id}@trydelete.app>"
    assert token_of(first) != token_of(second), "earlier tokens stay good"
    for one in box.got:
        committed.call(by_mail.owner, token=token_of(one), purpose="verify_email", now=clock.now())


def test_only_the_hash_of_a_token_is_kept(committed: Database, box: Postbox) -> None:
    user = person(committed)
    post(committed, user)
    with committed.transaction() as session:
        assert session.scalar(select(func.count()).select_from(EmailToken)) == 0, "it is made when the mail is sent"
    work_off(committed)
    token = token_of(box.got[0])
    assert re.fullmatch(r"[\w-]{22}", token)
    with committed.transaction() as session:
        (kept,) = session.scalars(select(EmailToken))
        assert (kept.hash, kept.user_id, kept.email) == (secret_hash(token), user.id, user.email)
        said = session.scalars(text("SELECT to_jsonb(t)::text FROM mails t UNION SELECT to_jsonb(t)::text FROM work t"))
        assert not [line for line in said if token in line]


def test_forgotten_passwords_of_nobody_leave_nothing_behind(committed: Database, box: Postbox) -> None:
    suspended = person(committed, "suspended", status=Status.SUSPENDED)
    for address in ("nobody@example.com", suspended.email):
        committed.call(by_mail.forgot, email=address, now=clock.now())
    work_off(committed)
    assert box.got == []
    with committed.transaction() as session:
        assert session.scalars(select(Mail)).all() == []
        assert session.scalars(select(Work)).all() == []


def test_an_address_that_was_typed_is_forgotten_once_it_is_known_whose_it_is(committed: Database, box: Postbox) -> None:
    user = person(committed)
    committed.call(by_mail.forgot, email=user.email.upper(), now=clock.now())
    work_off(committed)
    with committed.transaction() as session:
        (mail,) = session.scalars(select(Mail))
    assert (mail.user_id, mail.data) == (user.id, {})
    assert box.to() == {user.email: 1}
    assert "/reset?token=" in text_of(box.got[0])


def test_whoever_asks_nobodys_mailbox_is_flooded(committed: Database, box: Postbox) -> None:
    user, other = person(committed), person(committed, "other")
    for _ in range(MOST_IN_AN_HOUR + 4):
        committed.call(by_mail.forgot, email=user.email, now=clock.now())
    committed.call(by_mail.forgot, email=other.email, now=clock.now())
    work_off(committed)
    assert box.to() == {user.email: MOST_IN_AN_HOUR, other.email: 1}
    with committed.transaction() as session:
        session.execute(update(Mail).values(created_at=func.now() - timedelta(minutes=61)))
    committed.call(by_mail.forgot, email=user.email, now=clock.now())
    work_off(committed)
    assert box.to()[user.email] == MOST_IN_AN_HOUR + 1


def test_an_address_that_is_proven_already_is_not_asked_for_again(committed: Database, box: Postbox) -> None:
    mail_id = post(committed, person(committed, email_verified_at=clock.now()))
    work_off(committed)
    assert box.got == []
    assert row(committed, mail_id) is None


def test_a_link_to_choose_a_password_that_waited_for_half_a_day_is_not_sent(committed: Database, box: Postbox) -> None:
    for hours, name in ((5, "soon"), (7, "late")):
        user = person(committed, name)
        committed.call(by_mail.forgot, email=user.email, now=clock.now() - timedelta(hours=hours))
    work_off(committed)
    assert [str(message["To"]).partition("@")[0] for message in box.got] == ["soon"]
    with committed.transaction() as session:
        assert session.scalars(select(Work)).all() == []
        assert session.scalar(select(func.count()).select_from(Mail)) == 1
        assert session.scalar(select(func.count()).select_from(EmailToken)) == 1, "none is made in vain"


def test_without_a_server_mails_are_files_for_developers(
    committed: Database, configured: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(MAIL_DIR=str(tmp_path / "mail"))
    mail_id = post(committed, person(committed, "zoë"))
    with monkeypatch.context() as broken:
        broken.setattr(service, "note_sent", lambda *_, **__: 1 / 0)
        work_off(committed)
    work_off(committed)
    (file,) = (tmp_path / "mail").iterdir()
    assert re.fullmatch(rf"\d{{8}}-\d{{6}}-verify_email-{mail_id}\.eml", file.name)
    read = email.message_from_bytes(file.read_bytes(), policy=default)
    assert isinstance(read, EmailMessage)
    assert str(read["To"]).startswith("zoë@")
    assert token_of(read)


def test_addresses_that_are_not_ascii_get_theirs(committed: Database, box: Postbox) -> None:
    with committed.transaction() as session:
        users = [make_user(session, email=address) for address in ("zoë@example.com", "zoe@bücher.example")]
    for user in users:
        post(committed, user)
    work_off(committed)
    got = sorted(str(message["To"]) for message in box.got)
    assert got == ["zoe@xn--bcher-kva.example", "zoë@example.com"]
