"""What is noticed about people and reported of them, the cases it adds up to, and what people are told of decisions."""

import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Created, Id, Moment


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
    """What moderators have to look at about one person: the signals and reports that name it. One is open at a time."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("uq_cases_open", "user_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_cases_user_id", "user_id"),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = _user()
    opened_at: Mapped[Moment]
    closed_at: Mapped[Moment | None]


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
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = _user()
    case_id: Mapped[uuid.UUID | None] = _case()
    kind: Mapped[str] = mapped_column(Text)
    facts: Mapped[str] = mapped_column(Text)
    rule: Mapped[str] = mapped_column(Text)
    automatic: Mapped[bool]
    """Decided by a rule; else by a person."""
    until: Mapped[Moment | None]
    created_at: Mapped[Moment]
    appeal: Mapped[str | None] = mapped_column(Text)
    appealed_at: Mapped[Moment | None]
