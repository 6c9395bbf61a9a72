"""What Sentry is told: errors of the log, once, and only our own words."""

import logging
import uuid
from collections.abc import Callable, Iterator

import pytest
import sentry_sdk

from shared import log, reports
from tests.watchers import Watchers, watchers

PLANTED = f"planted-{uuid.uuid4()}"  # it stands in no line of code: those are told
ours, theirs = log.logger("ours"), logging.getLogger("theirs")


@pytest.fixture
def sentry(configured: Callable[..., None], logging_restored: None) -> Iterator[Watchers]:
    """One that is told of the errors of this process."""
    with watchers() as listening:
        configured(SENTRY_DSN=listening.sentry_dsn)
        log.configure(process="test", level="INFO", as_json=True)
        for _ in range(2):  # as in a process and in its fork
            reports.configure(process="test")
        yield listening
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)
        sentry_sdk.get_isolation_scope().clear()


def go_wrong() -> None:
    """Have things to tell of, with words in them that must not be told."""
    with log.context(request_id="request-0001", job="photos.process", key="7"):
        ours.warning("only a warning")
        ours.error("given up", error=PLANTED, email=PLANTED)
        ours.error("given up", error=PLANTED)
    with log.context(job="mail.send"):
        ours.error("given up")
    for _ in range(2):
        try:
            fail()
        except LookupError as error:
            error.add_note(PLANTED)
            ours.exception("attempt failed", last=True)
            theirs.exception("and theirs")
    theirs.error("about %s", PLANTED)
    theirs.error("about " + PLANTED)
    logging.getLogger("opentelemetry.exporter").error("no answer %s", 1)


def fail() -> None:
    try:
        int(PLANTED)
    except ValueError as error:
        raise LookupError(PLANTED) from error


def test_errors_are_told_once_and_without_what_was_put_into_them(sentry: Watchers) -> None:
    go_wrong()
    reports.flush()
    assert not sentry.heard(PLANTED)
    said = [(report["tags"]["said"], report["tags"].get("job")) for report in sentry.reports]
    assert sorted(said, key=str) == [
        ("about %s", None),
        ("attempt failed", None),
        ("given up", "mail.send"),
        ("given up", "photos.process"),
        ("theirs.go_wrong", None),
    ]
    by_words = dict(zip(said, sentry.reports, strict=True))
    given_up = by_words["given up", "photos.process"]
    assert given_up["tags"] | {"request_id": "request-0001", "key": "7", "process": "test"} == given_up["tags"]
    failed = by_words["attempt failed", None]
    assert [error["type"] for error in failed["exception"]["values"]] == ["ValueError", "LookupError"]
    assert all(error["stacktrace"]["frames"] for error in failed["exception"]["values"])
