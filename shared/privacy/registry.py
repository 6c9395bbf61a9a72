"""Everything that is held about people: the declarations of all domains, in the order in which they are erased."""

from typing import Final

from shared.accounts.holdings import HOLDINGS as ACCOUNTS
from shared.badges.holdings import HOLDINGS as BADGES
from shared.discovery.holdings import HOLDINGS as DISCOVERY
from shared.discovery.holdings import LISTS
from shared.holdings import Holdings
from shared.mail.holdings import HOLDINGS as MAIL
from shared.matching.holdings import HOLDINGS as MATCHING
from shared.matching.holdings import LEFT_BEHIND as MATCHES_LEFT_BEHIND
from shared.messaging.holdings import HOLDINGS as MESSAGING
from shared.messaging.holdings import LEFT_BEHIND as MESSAGES_LEFT_BEHIND
from shared.moderation.holdings import HOLDINGS as MODERATION
from shared.notifications.holdings import HOLDINGS as NOTIFICATIONS
from shared.photos.holdings import HOLDINGS as PHOTOS
from shared.privacy.holdings import HOLDINGS as PRIVACY
from shared.prompts.holdings import HOLDINGS as PROMPTS
from shared.quiz.holdings import HOLDINGS as QUIZ

# Who refers to whom goes first. The account is last of what is only theirs; then it shows which conversations have
# nobody left to read them: of two people who are erased at once, the second sees that the first is gone.
REGISTRY: Final[tuple[Holdings, ...]] = (
    *(
        DISCOVERY,
        MESSAGING,
        MATCHING,
        BADGES,
        QUIZ,
        PROMPTS,
        MODERATION,
        PHOTOS,
        NOTIFICATIONS,
        MAIL,
        PRIVACY,
        ACCOUNTS,
    ),
    *(MESSAGES_LEFT_BEHIND, MATCHES_LEFT_BEHIND, LISTS),
)
