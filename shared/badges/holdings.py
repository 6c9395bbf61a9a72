"""What badges hold about a person: which they have, and why."""

from sqlalchemy import select

from shared.badges.models import BadgeRun, UserBadge
from shared.holdings import Deleted, Exported, Holdings
from shared.jobs import MAKE_BADGES

HOLDINGS = Holdings(
    "badges",
    columns=(Deleted(UserBadge.user_id), Deleted(BadgeRun.user_id)),
    work=(MAKE_BADGES,),
    exports=(
        Exported(
            "badges",
            "Your badges, and what each was given for.",
            lambda user_id: select(
                UserBadge.slug, UserBadge.reason, UserBadge.strength, UserBadge.position, UserBadge.awarded_at
            ).where(UserBadge.user_id == user_id),
            (UserBadge.slug,),
        ),
    ),
    unexported={"badge_runs": "only that badges were made, and when"},
)
