"""Likes that are refused as spam: each is a signal, and several within a day pause a person's likes."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import User
from shared.accounts.service import lock
from shared.errors import Refusal
from shared.matching.likes import Wish, paused
from shared.moderation import service as moderation
from shared.moderation.models import Signal
from shared.moderation.rules import NoticeKind
from shared.moderation.service import Statement
from shared.settings import settings

KIND: Final = "like_refused"
REFUSALS: Final = frozenset({"comment_duplicated", "comment_contact_info", "too_fast"})
RULE: Final = (
    "Likes are for personal words to one person: no message sent to many, no links, addresses, numbers or handles, and "
    "not many likes within a minute."
)


def count(session: Session, user: User, *, refusal: Refusal, wish: Wish, now: datetime) -> Refusal:
    """Keep a refusal of REFUSALS as a signal, pause the person's likes if that was one too many; what to answer."""
    lock(session, user.id)
    session.refresh(user)
    if user.likes_paused_until is not None and user.likes_paused_until > now:
        return paused(user.likes_paused_until)
    evidence = {"code": refusal.code, "comment": wish.comment}
    moderation.keep_signal(session, kind=KIND, subject=str(clock.new_id()), user_id=user.id, evidence=evidence, now=now)
    signals = session.scalars(
        select(Signal).where(
            Signal.user_id == user.id,
            Signal.kind == KIND,
            Signal.created_at > now - timedelta(hours=settings().refusals_hours),
            Signal.case_id.is_(None),  # what has led to a pause does not count towards another
        )
    ).all()
    details: dict[str, Any] = {**(refusal.details or {}), "refusals": len(signals)}
    if len(signals) >= settings().refusals_until_pause:
        user.likes_paused_until = until = now + timedelta(hours=settings().likes_pause_hours)
        case = moderation.open_case(session, user_id=user.id, now=now, signals=signals)
        hours = settings().refusals_hours
        facts = f"{len(signals)} of your likes within {hours} hours were refused as spam, so your likes are paused."
        statement = Statement(kind=NoticeKind.LIKES_PAUSED, facts=facts, rule=RULE, until=until)
        moderation.give_notice(session, statement, user_id=user.id, case_id=case.id, now=now)
        details["likes_paused_until"] = until
    details["refusals_until_pause"] = settings().refusals_until_pause
    return Refusal(refusal.code, refusal.message, details=details, headers=refusal.headers)
