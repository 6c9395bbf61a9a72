"""The rules of moderation: what weighs how much, what moderators can decide, and the words people are told."""

from enum import StrEnum
from typing import Final

# --- What weighs how much ---

SEVERITY: Final = {
    "underage": 8.0,
    "offline_behaviour": 5.0,
    "harassment": 3.0,
    "inappropriate_content": 2.0,
    "fake_profile": 2.0,
    "spam": 1.0,
    "other": 1.0,
}
"""Of a report, by its reason: what can harm somebody comes first."""

SIGNALS: Final = {"appeal": 4.0, "banned_photo": 5.0, "stolen_photo": 2.0, "like_refused": 0.2}
"""Of a signal, by its kind."""

SERIAL: Final = 3  # so many more unfounded reports than founded ones, and somebody's word weighs less


def reporter_weight(*, founded: int, unfounded: int) -> float:
    """What the word of somebody weighs whose reports were so often founded: 1, or less after several false ones.

    One or two that moderators saw otherwise are no reason: a half after three more of those than of the others, a third
    after four, and so on.
    """
    excess = unfounded - founded
    return 1.0 if excess < SERIAL else 1 / (excess - SERIAL + 2)


# --- What can be decided ---


class Decision(StrEnum):
    """What a moderator decides on a case."""

    DISMISS = "dismiss"
    WARN = "warn"
    REMOVE_PHOTO = "remove_photo"
    REMOVE_ANSWER = "remove_answer"
    REMOVE_BIO = "remove_bio"
    SUSPEND = "suspend"
    BAN = "ban"
    UPHOLD = "uphold"
    """Of an appeal: the decision stands."""
    OVERTURN = "overturn"
    """Of an appeal: the decision is taken back."""


class NoticeKind(StrEnum):
    """What a notice is about."""

    HIDDEN = "hidden"
    LIKES_PAUSED = "likes_paused"
    DISMISSED = "dismissed"
    WARNED = "warned"
    PHOTO_REMOVED = "photo_removed"
    ANSWER_REMOVED = "answer_removed"
    BIO_REMOVED = "bio_removed"
    SUSPENDED = "suspended"
    BANNED = "banned"
    RESTORED = "restored"
    APPEAL_UPHELD = "appeal_upheld"
    APPEAL_OVERTURNED = "appeal_overturned"
    REPORT_FOUNDED = "report_founded"
    REPORT_UNFOUNDED = "report_unfounded"


FAVOURABLE: Final = frozenset(
    {
        NoticeKind.DISMISSED,
        NoticeKind.RESTORED,
        NoticeKind.APPEAL_UPHELD,
        NoticeKind.APPEAL_OVERTURNED,
        NoticeKind.REPORT_FOUNDED,
        NoticeKind.REPORT_UNFOUNDED,
    }
)
"""What nobody can object to: it takes nothing away, or the objection has been decided."""

HOW_TO_OBJECT: Final = "You can object: appeal against this notice, and somebody from our team will look at it again."

TOLD: Final = {
    Decision.DISMISS: NoticeKind.DISMISSED,
    Decision.WARN: NoticeKind.WARNED,
    Decision.REMOVE_PHOTO: NoticeKind.PHOTO_REMOVED,
    Decision.REMOVE_ANSWER: NoticeKind.ANSWER_REMOVED,
    Decision.REMOVE_BIO: NoticeKind.BIO_REMOVED,
    Decision.SUSPEND: NoticeKind.SUSPENDED,
    Decision.BAN: NoticeKind.BANNED,
    Decision.UPHOLD: NoticeKind.APPEAL_UPHELD,
    Decision.OVERTURN: NoticeKind.APPEAL_OVERTURNED,
}

FACTS: Final = {
    Decision.DISMISS: "Our team has looked at your account and found nothing against the rules. Nothing changes.",
    Decision.WARN: "This is a warning. If it happens again, your account may be suspended.",
    Decision.REMOVE_PHOTO: "We have removed one of your photos.",
    Decision.REMOVE_ANSWER: "We have removed one of your answers.",
    Decision.REMOVE_BIO: "We have removed the text about yourself.",
    Decision.SUSPEND: "We have suspended your account for {days}.",
    Decision.BAN: "We have closed your account for good.",
    Decision.UPHOLD: "Somebody from our team who had not decided on it has looked at it. The decision stands.",
    Decision.OVERTURN: "Somebody from our team who had not decided on it has looked at it, and takes it back.",
}
"""What was done, before the moderator's own words on why."""

RULES: Final = {
    "spam": "Messages and likes are for personal words to one person, not for selling or sending to many.",
    "fake_profile": "A profile shows the person who uses it: their own photos, age and story.",
    "harassment": "Treat people with respect: no insults, no threats, and a no is a no.",
    "inappropriate_content": "Photos and words must be fit for everybody: no nudity, violence or hate.",
    "underage": "Only adults may be here.",
    "offline_behaviour": "Whoever endangers or hurts somebody they met here cannot stay.",
    "other": "Our community rules hold for everybody.",
}
"""By the reason of a report: the rule that was broken."""

REPORT_OUTCOMES: Final = {
    True: "You reported somebody. Our team has looked at it and acted on it. Thank you: it keeps people safe.",
    False: "You reported somebody. Our team has looked at it and found nothing against the rules. Thank you all the "
    "same: please tell us again if something happens.",
}
"""Of a report that was founded or not, to who made it."""

REPORT_RULE: Final = "Every report is looked at by a person."

SIGNAL_WORDS: Final = {
    "appeal": "objects to a decision",
    "banned_photo": "has a photo of an account that was banned",
    "stolen_photo": "has a photo that somebody else has too",
    "like_refused": "sent a like that was refused as spam",
}
"""By kind of signal: what was noticed of the person."""
