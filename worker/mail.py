"""The tasks of mail: sending one, and looking after their rows."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from shared import clock, ledger, log
from shared.accounts import by_mail
from shared.accounts.models import User
from shared.database import database
from shared.jobs import PRUNE_MAILS, SEND_MAIL
from shared.ledger import Claim
from shared.mail import service
from shared.mail.models import Mail
from shared.mail.rules import KINDS, MOST_UNCONFIRMED, shown_name
from shared.moderation import telling
from shared.notifications.rules import Mailed
from shared.notifications.unsubscribing import token_for
from shared.privacy import exports
from shared.reminders import service as reminders
from shared.settings import settings
from shared.storage import storage
from worker.smtp import Unconfirmed, hand_over
from worker.work import Hopeless, ledger_task, periodic_task

_log = log.logger(__name__)


@dataclass(frozen=True, slots=True)
class _Letter:
    """A mail, ready to be written. Whatever shows it for finding faults shows nobody's address and no token."""

    mail: Mail
    to: str = field(repr=False)
    facts: dict[str, object] = field(repr=False)
    unsubscribe: str | None = field(repr=False)


@ledger_task(SEND_MAIL)
def send(claimed: Claim) -> None:
    """Send one mail. A second one goes out only when nobody knows whether the first was taken, and looks the same."""
    letter = database().call(_prepare, claimed=claimed, now=clock.now())
    if letter is None:
        return
    _hand_over(letter)
    with database().transaction() as session:
        service.note_sent(session, mail_id=letter.mail.id, now=clock.now())
        ledger.finish(session, claimed)
    _log.info("mail sent", kind=letter.mail.kind)


def _hand_over(letter: _Letter) -> None:
    """Each time that nobody knows whether it was taken may be one more copy: they are counted, and come to an end."""
    try:
        hand_over(_written(letter), name=f"{letter.mail.created_at:%Y%m%d-%H%M%S}-{letter.mail.kind}-{letter.mail.id}")
    except Unconfirmed:
        times = database().call(service.note_unconfirmed, mail_id=letter.mail.id)
        if times < MOST_UNCONFIRMED:
            raise
        raise Hopeless(f"sent, but the server did not say so, {times} times") from None


@periodic_task(PRUNE_MAILS)
def prune() -> None:
    """Forget old mails, a bounded number at a time, and have those sent that nobody promised to send."""
    lost = database().call(service.ask_for_unpromised, now=clock.now())
    if lost:
        _log.error("mails were not promised, and are now", count=lost)
    _log.info("forgot mails", count=database().call(service.prune, now=clock.now()))


def _prepare(session: Session, *, claimed: Claim, now: datetime) -> _Letter | None:
    """What the mail needs, looked up now, and the token of its link made. None: nobody is to get it, and it is over."""
    mail_id = uuid.UUID(claimed.key)
    mail = service.unsent(session, mail_id=mail_id)
    user = by_mail.recipient(session, mail, now=now) if mail is not None else None
    facts = _facts(session, mail, user, now) if mail is not None and user is not None else None
    if mail is None or user is None or facts is None:
        if mail is not None:
            service.forget(session, mail_id)
        ledger.finish(session, claimed)
        return None
    site, kind = settings().site_url, KINDS[mail.kind]
    unsubscribe = None
    if kind.switch is not None:
        token = token_for(user.id, Mailed(kind.switch), settings())
        unsubscribe = f"{settings().public_url}/v1/notifications/unsubscribe?token={token}"
    said = {name: _moment(fact, user) if isinstance(fact, datetime) else fact for name, fact in facts.items()}
    common = {
        "name": shown_name(user.name),
        "site": site,
        "moment": _moment(mail.created_at, user),
        "unsubscribe": unsubscribe,
    }
    return _Letter(mail, user.email, {"link": _link(site + kind.path, facts), **said, **common}, unsubscribe)


def _facts(session: Session, mail: Mail, user: User, now: datetime) -> dict[str, object] | None:
    """What only this kind of mail needs; moments are told in the time of whom it goes to."""
    if mail.kind == "notice":
        return telling.facts(session, mail, user)
    if mail.kind == "export_ready":
        return _archive(session, mail, user, now)
    if KINDS[mail.kind].switch is not None:
        return reminders.facts(session, mail, user)
    return by_mail.facts(session, mail, user, now=now)


def _archive(session: Session, mail: Mail, user: User, now: datetime) -> dict[str, object] | None:
    """The link to an export's archive, and until when it is good."""
    found = exports.mailed(session, mail, user, now=now)
    if found is None:
        return None
    key, until = found
    link = storage().link(key, until=until)
    return {"link": settings().public_url + link if storage().is_local else link, "until": until}


def _link(where: str, facts: dict[str, object]) -> str:
    """Where the mail's button leads: with its token, or to the one match or notice that it is about."""
    if facts.get("token"):
        return f"{where}?token={facts['token']}"
    one = facts.get("match_id") or facts.get("notice_id")
    return f"{where}/{one}" if one else where


def _written(letter: _Letter) -> EmailMessage:
    from shared.mail import rendering  # noqa: PLC0415 - the template engine, which no other queue needs

    said = rendering.words(letter.mail.kind, letter.facts)
    return rendering.message(letter.mail, said, to=letter.to, unsubscribe=letter.unsubscribe, values=settings())


def _moment(moment: datetime, user: User) -> str:
    when = moment.astimezone(ZoneInfo(user.time_zone))
    return f"{when.day} {when:%B %Y} at {when:%H:%M} ({user.time_zone})"
