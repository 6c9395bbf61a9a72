"""What notifications hold about a person: what they were told, and what they do not want mailed."""

from sqlalchemy import select

from shared.holdings import Deleted, Exported, Holdings
from shared.notifications.models import MutedMail, Notification

HOLDINGS = Holdings(
    "notifications",
    columns=(Deleted(Notification.user_id), Deleted(MutedMail.user_id)),
    exports=(
        Exported(
            "notifications",
            "What the app has told you.",
            lambda user_id: select(Notification.kind, Notification.created_at, Notification.read_at).where(
                Notification.user_id == user_id
            ),
            (Notification.created_at, Notification.id),
        ),
        Exported(
            "mails_switched_off",
            "Kinds of mail that you do not want.",
            lambda user_id: select(MutedMail.kind).where(MutedMail.user_id == user_id),
            (MutedMail.kind,),
        ),
    ),
)
