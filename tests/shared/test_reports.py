"""What Sentry is told: errors of the log, once, and only our own words."""

import os
import subprocess
import sys
from typing import Any

from tests.stack import ROOT
from tests.watchers import watchers

LOGS = """
import asyncio, logging
from shared import log, reports
log.configure(process="test", level="INFO", as_json=True)
reports.configure(process="test")
reports.configure(process="test")
ours = log.logger("ours")
with log.context(request_id="request-0001", job="photos.process", key="7"):
    ours.warning("only a warning")
    ours.error("given up", error="planted", email="planted")
    ours.error("given up", error="planted")
with log.context(job="mail.send"):
    ours.error("given up")
for _ in range(2):
    try:
        try:
            raise KeyError("planted")
        except KeyError as error:
            raise ValueError("planted") from error
    except ValueError as error:
        error.add_note("planted")
        ours.exception("attempt failed", last=True)
        logging.getLogger("theirs").exception("and theirs")
logging.getLogger("theirs").error("about %s", "planted")
logging.getLogger("theirs").error("about " + "planted")
logging.getLogger("opentelemetry.exporter").error("no answer %s", 1)
"""


def told() -> list[dict[str, Any]]:
    with watchers() as listening:
        env = {**os.environ, "SENTRY_DSN": listening.sentry_dsn}
        subprocess.run([sys.executable, "-c", LOGS], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, check=True)
        assert not listening.heard("planted")
        return listening.reports


def test_errors_are_told_once_and_without_what_was_put_into_them() -> None:
    reports = told()
    said = [(report["tags"]["said"], report["tags"].get("job")) for report in reports]
    assert sorted(said, key=str) == [
        ("about %s", None),
        ("attempt failed", None),
        ("given up", "mail.send"),
        ("given up", "photos.process"),
        ("theirs.<module>", None),
    ]
    by_words = dict(zip(said, reports, strict=True))
    given_up = by_words["given up", "photos.process"]
    assert given_up["tags"] | {"request_id": "request-0001", "key": "7", "process": "test"} == given_up["tags"]
    failed = by_words["attempt failed", None]
    assert [error["type"] for error in failed["exception"]["values"]] == ["KeyError", "ValueError"]
    assert all(error["stacktrace"]["frames"] for error in failed["exception"]["values"])
