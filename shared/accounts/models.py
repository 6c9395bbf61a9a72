"""The tables of accounts: users, login sessions, tokens of mails, and what guards login while Redis is away."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from pgvector.sqlalchemy import BIT
from sqlalchemy import (
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, validates

from shared.accounts.rules import contact_hash
from shared.models import Base, Created, Id, Moment
from shared.settings import settings


class Role(StrEnum):
    """What somebody may do; each includes those before it."""

    USER = "user"
    MODERATOR = "moderator"
    ADMIN = "admin"


class Status(StrEnum):
    """The state of an account."""

    ACTIVE = "active"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    DELETING = "deleting"


class BanKind(StrEnum):
    """What of a banned person is recognised."""

    EMAIL = "email"
    USERNAME = "username"
    PHOTO = "photo"


class Gender(StrEnum):
    """Genders that people have and seek."""

    WOMAN = "woman"
    MAN = "man"
    NONBINARY = "nonbinary"


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class User(Base):
    """A person's account."""

    __tablename__ = "users"
    __table_args__ = (
        Index("uq_users_email", func.lower(text("email")), unique=True),
        Index("uq_users_username", "username", unique=True),
        _one_of("role", Role),
        _one_of("status", Status),
        _one_of("gender", Gender),
        Index("ix_users_contact_hash", "contact_hash"),
        Index("ix_users_created_at", "created_at"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="location_whole"),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="location_on_earth"),
        CheckConstraint("18 <= min_age AND min_age <= max_age AND max_age <= 99", name="age_range"),
        CheckConstraint("max_distance_km BETWEEN 1 AND 500", name="distance_range"),
        CheckConstraint("char_length(bio) <= 500", name="bio_length"),
        Index("ix_users_suspended_until", "suspended_until", postgresql_where=text("status = 'suspended'")),
        Index("ix_users_erase_at", "erase_at", postgresql_where=text("erase_at IS NOT NULL")),
    )

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(Text)
    email_verified_at: Mapped[Moment | None]
    username: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    birth_date: Mapped[date] = mapped_column(Date)
    gender: Mapped[str | None] = mapped_column(Text)
    bio: Mapped[str] = mapped_column(Text, default="", server_default="")
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    place: Mapped[list[int] | None] = mapped_column(
        ARRAY(Integer), Computed("place_of(latitude, longitude)", persisted=True)
    )
    """The middle of the cell of a map that they are in, in metres from the middle of the earth: what distances are
    computed from. Postgres makes it, so that nobody can forget to."""
    moved_at: Mapped[list[datetime]] = mapped_column(
        ARRAY(DateTime(timezone=True)), default=list, server_default=text("'{}'")
    )
    """When they were in another cell than before, lately."""
    time_zone: Mapped[str] = mapped_column(Text, default="UTC", server_default="UTC")
    sought_genders: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=lambda: list(Gender), server_default=text("'{woman,man,nonbinary}'")
    )
    min_age: Mapped[int] = mapped_column(SmallInteger, default=18, server_default=text("18"))
    max_age: Mapped[int] = mapped_column(SmallInteger, default=99, server_default=text("99"))
    max_distance_km: Mapped[int | None] = mapped_column(SmallInteger)
    role: Mapped[str] = mapped_column(Text, default=Role.USER, server_default=Role.USER)
    status: Mapped[str] = mapped_column(Text, default=Status.ACTIVE, server_default=Status.ACTIVE)
    created_at: Mapped[Created]
    updated_at: Mapped[Moment] = mapped_column(server_default=func.now(), onupdate=func.now())
    last_active_at: Mapped[Moment] = mapped_column(server_default=func.now())
    contact_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of the e-mail address, as others upload hashes of addresses that they never want to meet; nobody's while there
    is none, in accounts that an older version has made."""
    erase_at: Mapped[Moment | None]
    """When an account that is being deleted is erased; until then logging in brings it back."""
    deleting_from: Mapped[str | None] = mapped_column(Text)
    """The state to come back to then."""
    likes_paused_until: Mapped[Moment | None]
    hidden_at: Mapped[Moment | None]
    """Since when the account is hidden from discovery, until a moderator has looked."""
    suspended_until: Mapped[Moment | None]
    """When a suspension ends; empty in somebody suspended: never, they are banned."""
    suspended_from: Mapped[str | None] = mapped_column(Text)
    """The state to come back to."""
    dating_match_id: Mapped[uuid.UUID | None]
    """The match in which they are dating, which pauses them."""
    paused_by_dating: Mapped[bool] = mapped_column(default=False, server_default=false())

    @validates("email")
    def _hash_email(self, _key: str, email: str) -> str:
        self.contact_hash = contact_hash(email, settings().contact_salt)
        return email


class LoginSession(Base):
    """One login on one device. Its refresh token is rotated in place, so that there is exactly one good one."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_user_id", "user_id"), Index("ix_sessions_idle_until", "idle_until"))

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the refresh token's secret; the secret itself is nowhere."""
    prev_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    rotated_at: Mapped[Moment] = mapped_column(server_default=func.now())
    idle_until: Mapped[Moment]
    expires_at: Mapped[Moment]
    revoked_at: Mapped[Moment | None]
    revoked_why: Mapped[str | None] = mapped_column(Text)
    device: Mapped[str] = mapped_column(Text, default="", server_default="")
    created_at: Mapped[Created]


class LoginAttempts(Base):
    """Tries to log in per minute, used only while Redis does not answer."""

    __tablename__ = "login_attempts"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    """A hash of address and account."""
    minute: Mapped[Moment] = mapped_column(primary_key=True)
    tries: Mapped[int] = mapped_column(SmallInteger, default=1, server_default=text("1"))


class EmailToken(Base):
    """What a link in a mail proves. The token itself is nowhere but in that mail."""

    __tablename__ = "email_tokens"
    __table_args__ = (Index("ix_email_tokens_user_id", "user_id"), Index("ix_email_tokens_expires_at", "expires_at"))

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """SHA-256 of the token."""
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    """The address that the mail went to, which is what the token says something about."""
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]


class Ban(Base):
    """A hash of something of a banned person. It names nobody, and stays when the account is gone."""

    __tablename__ = "bans"
    __table_args__ = (_one_of("kind", BanKind), Index("ix_bans_kind_hash", "kind", "hash"))

    case_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    """The case whose decision this was, to be found again when that is taken back."""
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    fingerprint: Mapped[str | None] = mapped_column(BIT(64))
    """Of a photo: its perceptual hash, and its dominant colour."""
    color: Mapped[str | None] = mapped_column(Text)
