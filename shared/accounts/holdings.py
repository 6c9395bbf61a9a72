"""What accounts hold about a person: who they are, and where they have logged in."""

from sqlalchemy import select

from shared.accounts.models import EmailToken, LoginSession, User
from shared.holdings import Deleted, Exported, Holdings
from shared.idempotency import IdempotencyKey

HOLDINGS = Holdings(
    "accounts",
    columns=(
        Deleted(LoginSession.user_id),
        Deleted(EmailToken.user_id),
        Deleted(IdempotencyKey.user_id),
        Deleted(User.id),
    ),
    unexported={"idempotency_keys": "answers of the last day, which tell what the rest of the export tells"},
    exports=(
        Exported(
            "account",
            "Who you are, as you have told us, what you look for, and the state of your account.",
            lambda user_id: select(
                User.id,
                User.email,
                User.email_verified_at,
                User.username,
                User.name,
                User.birth_date,
                User.gender,
                User.bio,
                User.latitude,
                User.longitude,
                User.moved_at.label("changed_place_at"),
                User.time_zone,
                User.sought_genders,
                User.min_age,
                User.max_age,
                User.max_distance_km,
                User.role,
                User.status,
                User.created_at,
                User.updated_at,
                User.last_active_at,
                User.likes_paused_until,
                User.hidden_at.label("hidden_until_looked_at_since"),
                User.contact_hash.label("hash_by_which_contacts_find_you"),
            ).where(User.id == user_id),
            (User.id,),
        ),
        Exported(
            "logins",
            "Where and when you have logged in, and how each login ended.",
            lambda user_id: select(
                LoginSession.device,
                LoginSession.created_at,
                LoginSession.rotated_at.label("last_used_at"),
                LoginSession.expires_at,
                LoginSession.revoked_at.label("ended_at"),
                LoginSession.revoked_why.label("ended_why"),
            ).where(LoginSession.user_id == user_id),
            (LoginSession.id,),
        ),
        Exported(
            "mailed_links",
            "Links that we have mailed to you, to prove your address or to choose a new password.",
            lambda user_id: select(
                EmailToken.purpose, EmailToken.email, EmailToken.expires_at, EmailToken.used_at
            ).where(EmailToken.user_id == user_id),
            (EmailToken.hash,),
        ),
    ),
)
