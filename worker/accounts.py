"""Tasks of accounts."""

from shared import clock, log
from shared.accounts import by_mail, sign_in
from shared.database import database
from shared.jobs import PURGE_SESSIONS
from worker.work import periodic_task

_log = log.logger(__name__)


@periodic_task(PURGE_SESSIONS)
def purge_sessions() -> None:
    """Delete login sessions that ended long ago, and tokens of mails that expired, a bounded number at a time."""
    _log.info("purged sessions", count=database().call(sign_in.purge_sessions, now=clock.now()))
    _log.info("purged tokens of mails", count=database().call(by_mail.purge_tokens, now=clock.now()))
