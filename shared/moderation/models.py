"""What is noticed about people and reported of them, the cases it adds up to, and what people are told of decisions."""

import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Created, Id, Moment
from shared.moderation.rules import FAVOURABLE, HOW_TO_OBJECT


class Reason(StrEnum):
    """Why somebody is reported."""

    SPAM = "spam"
    FAKE_PROFILE = "fake_profile"
    HARASSMENT = "harassment"
    INAPPROPRIATE_CONTENT = "inappropriate_content"
    UNDERAGE = "underage"
    OFFLINE_BEHAVIOUR = "offline_behaviour"
    OTHER = "other"


def _user() -> Mapped[uuid.UUID]:
    return mapped_column(ForeignKey("users.id", ondelete="CASCADE"))


def _case() -> Mapped[uuid.UUID | None]:
    return mapped_column(ForeignKey("cases.id", ondelete="SET NULL"))


class Case(Base):
    """What moderators have to look at about one person: the signals and reports that name it. One is open at a time.

    Whoever takes a case has it to themself for a while.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("uq_cases_open", "user_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_cases_user_id", "user_id"),
        Index("ix_cases_priority", text("priority DESC"), "opened_at", postgresql_where=text("closed_at IS NULL")),
        Index("ix_cases_taken_by", "taken_by"),
        Index("ix_cases_closed_by", "closed_by"),
        CheckConstraint("(closed_at IS NULL) = (decision IS NULL)", name="closed_by_decision"),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = _user()
    opened_at: Mapped[Moment]
    priority: Mapped[float] = mapped_column(default=0, server_default=text("0"))
    """The sum of what its reports and signals weigh."""
    taken_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    taken_at: Mapped[Moment | None]
    closed_at: Mapped[Moment | None]
    closed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    decision: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)


class Signal(Base):
    """One thing noticed. `subject` names what it is about, so that noticing it twice is noticing it once."""

    __tablename__ = "signals"
    __table_args__ = (
        Index("uq_signals_kind_subject", "kind", "subject", unique=True),
        Index("ix_signals_user_id", "user_id"),
        Index("ix_signals_case_id", "case_id"),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    user_id: Mapped[uuid.UUID] = _user()
    case_id: Mapped[uuid.UUID | None] = _case()
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Created]


class Report(Base):
    """One person's report of another, with what was reported as it was at that time."""

    __tablename__ = "reports"
    __table_args__ = (
        CheckConstraint(f"reason IN ({', '.join(repr(str(reason)) for reason in Reason)})", name="reason_known"),
        Index("ix_reports_user_id_created_at", "user_id", "created_at"),
        Index("ix_reports_reporter_id", "reporter_id"),
        Index("ix_reports_case_id", "case_id"),
    )

    id: Mapped[Id]
    reporter_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    user_id: Mapped[uuid.UUID] = _user()
    case_id: Mapped[uuid.UUID | None] = _case()
    reason: Mapped[str] = mapped_column(Text)
    details: Mapped[str] = mapped_column(Text)
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSONB)
    weight: Mapped[float] = mapped_column(default=1, server_default=text("1"))
    """Below 1 of somebody whose reports were mostly unfounded."""
    founded: Mapped[bool | None]
    """What moderators found, once they have decided."""
    created_at: Mapped[Moment]


class ReportFile(Base):
    """A stored file that a report's snapshot shows: it stays while the report does, whatever becomes of the photo."""

    __tablename__ = "report_files"
    __table_args__ = (Index("ix_report_files_photo_id", "photo_id"),)

    report_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reports.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    photo_id: Mapped[uuid.UUID]


class Notice(Base):
    """A decision about a person, told to them: what happened, by which rule, until when; and their appeal."""

    __tablename__ = "notices"
    __table_args__ = (
        CheckConstraint("(appeal IS NULL) = (appealed_at IS NULL)", name="appeal_whole"),
        Index("ix_notices_user_id_created_at", "user_id", "created_at"),
        Index("ix_notices_case_id", "case_id"),
        Index("ix_notices_decided_by", "decided_by"),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = _user()
    case_id: Mapped[uuid.UUID | None] = _case()
    kind: Mapped[str] = mapped_column(Text)
    facts: Mapped[str] = mapped_column(Text)
    rule: Mapped[str] = mapped_column(Text)
    automatic: Mapped[bool]
    """Decided by a rule; else by a person."""
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """The moderator, who is never told and never decides on an appeal against it."""
    removed: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """What was taken away, to be put back should an appeal succeed."""
    until: Mapped[Moment | None]
    created_at: Mapped[Moment]
    appeal: Mapped[str | None] = mapped_column(Text)
    appealed_at: Mapped[Moment | None]
    overturned: Mapped[bool | None]
    """What became of the appeal."""

    @property
    def how_to_object(self) -> str | None:
        """What the person can do about it; None where there is nothing to object to."""
        return None if self.kind in FAVOURABLE else HOW_TO_OBJECT
