"""What the mail service holds about a person: which mails they were sent, for some weeks."""

from sqlalchemy import select

from shared.holdings import Deleted, Exported, Holdings
from shared.jobs import SEND_MAIL
from shared.mail.models import Mail

HOLDINGS = Holdings(
    "mail",
    columns=(Deleted(Mail.user_id, cancels=(SEND_MAIL,)),),
    exports=(
        Exported(
            "mails",
            "Mails that we have sent you lately.",
            lambda user_id: select(Mail.kind, Mail.created_at, Mail.sent_at).where(Mail.user_id == user_id),
            (Mail.id,),
        ),
    ),
)
