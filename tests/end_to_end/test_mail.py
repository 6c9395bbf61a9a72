"""Mails in real processes: to a server that is away at first, refuses somebody, and sees a worker killed."""

import os
import signal
import sys
from email.message import EmailMessage
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.mail_server import Postbox, token_of
from tests.people import PASSWORD
from tests.stack import Stack

LEASE_SCALE = 0.1  # half a minute for a mail


def join(http: httpx2.Client, name: str) -> None:
    body = {"email": f"{name}@example.com", "password": PASSWORD, "name": name, "birth_date": "1990-12-10"}
    answer = http.post("/v1/auth/signup", json=body)
    assert answer.status_code == 201, answer.text


@pytest.mark.xdist_group("second start")
def test_mails_survive_a_server_that_is_away_and_a_worker_that_is_killed(folder: Path) -> None:
    box = Postbox()
    stack = Stack(folder, {"SMTP_URL": box.url, "LEASE_SCALE": str(LEASE_SCALE), "DEV_WORKERS": "1"})

    def kill_the_worker(message: EmailMessage) -> None:
        """Once, when it has handed a mail over and does not know it yet."""
        if str(message["To"]) == "unlucky@example.com" and not killed:
            killed.append(stack.pids()["worker1"])
            for child in psutil.Process(killed[0]).children(recursive=True):
                child.kill()
            os.killpg(killed[0], signal.SIGKILL)

    killed: list[int] = []
    box.on_data = kill_the_worker
    box.answers = {"gone": ["550 5.1.1 <{address}> is not here"]}
    stack.start()
    try:
        with httpx2.Client(base_url=stack.url, timeout=30) as http:
            join(http, "ada")
            join(http, "gone")
            waits = "SELECT count(*) FROM work WHERE kind = 'mail.send' AND attempts > 0 AND error LIKE 'NotTaken%'"
            stack.wait_for(lambda: stack.rows(waits) == [(2,)], seconds=20)
            with box.open():
                join(http, "unlucky")
                stack.wait_for(lambda: box.to()["ada@example.com"] > 0, seconds=30)
                (first,) = [message for message in list(box.got) if "ada" in str(message["To"])]
                assert http.post("/v1/auth/email/verify", json={"token": token_of(first)}).status_code == 204
                left = "SELECT key, error FROM work WHERE kind = 'mail.send'"
                stack.wait_for(lambda: len(stack.rows(left)) == 1, seconds=90)
                assert http.post("/v1/auth/password/forgot", json={"email": "ada@example.com"}).status_code == 202
                stack.wait_for(lambda: box.to()["ada@example.com"] == 2, seconds=20)
                token = token_of(box.got[-1])
                reset = http.post("/v1/auth/password/reset", json={"token": token, "password": "a new engine"})
                assert reset.status_code == 204, reset.text
                stack.wait_for(lambda: box.to()["ada@example.com"] == 3, seconds=20)
        ((key, error),) = stack.rows(left)
        assert error == "refused by the mail server: 550 5.1.1 <(address)> is not here"
        listed = stack.run(sys.executable, "-m", "celery", "-A", "worker", "work", "list", "--kind", "mail.send")
        assert f"mail.send {key}" in listed.stdout
        assert killed
        assert box.to() == {"ada@example.com": 3, "unlucky@example.com": 2}
        doubled = {str(message["Message-ID"]) for message in box.got if "unlucky" in str(message["To"])}
        assert len(doubled) == 1
        assert stack.rows("SELECT count(*) FROM mails WHERE sent_at IS NULL") == [(1,)]
        assert "@example.com" not in stack.log()
    finally:
        stack.stop()


@pytest.mark.xdist_group("stack")
def test_without_a_server_mails_are_files_of_the_stack(stack: Stack) -> None:
    person = stack.client()
    mails = stack.folder / "mail"

    def mine() -> list[Path]:
        return [path for path in mails.glob("*.eml") if person.email in path.read_text()]

    stack.wait_for(lambda: mails.exists() and len(mine()) == 1, seconds=20)
    assert stack.addresses()["MAIL_DIR"] == str(mails)
    assert stack.said(rf"mail +{mails}")
