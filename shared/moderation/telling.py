"""What the mail about a decision says, read when it is sent."""

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.mail.models import Mail
from shared.moderation.models import Notice


def facts(session: Session, letter: Mail, user: User) -> dict[str, Any] | None:
    """What the template needs of the notice that the mail's data names; None when there is no such notice of theirs."""
    notice_id = uuid.UUID(letter.data["notice_id"])
    notice = session.scalar(select(Notice).where(Notice.id == notice_id, Notice.user_id == user.id))
    if notice is None:
        return None
    return {
        "notice_id": str(notice.id),
        "facts": notice.facts,
        "rule": notice.rule,
        "automatic": notice.automatic,
        "until": notice.until,
    }
