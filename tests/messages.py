"""Messages for tests: written by the one statement that the route runs, in transactions of their own, on any thread."""

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.tokens import Claims
from shared.database import one
from shared.messaging import messages
from shared.messaging.messages import Draft, Sent
from shared.messaging.statements import SEND


def write(
    session: Session,
    claims: Claims,
    *,
    match_id: uuid.UUID,
    text: str = "Hello!",
    client_id: str | None = None,
    now: datetime | None = None,
) -> Sent:
    """Write in a match.

    Raises:
        Refusal: why there is no message.
    """
    wanted = Draft(match_id, text, client_id)
    asked = messages.draft(claims, wanted, now=now or clock.now())
    return messages.sent(one(session, SEND, asked), wanted, claims.user_id)
