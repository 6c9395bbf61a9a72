"""The tables of discovery: what ranking knows of each person, everybody's queue, and how the nightly runs went."""

import uuid
from datetime import date

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    REAL,
    BigInteger,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.embedding.rules import DIMENSIONS
from shared.models import Base, Moment


def _user() -> Mapped[uuid.UUID]:
    return mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)


_HERE = text("shown AND offered")
_FAR = text("shown AND offered_far")
_LOOKS_FAR = text("shown AND reach > 14400000000")  # `rules.NEAR`


class Candidate(Base):
    """What ranking knows of somebody, derived from all that they have said, in one narrow row.

    Made anew when something of it changes, and each night. Until then it may be old: what must not be shown is decided
    when a queue is read, from the tables that this is made of. All columns are of fixed width and never null, so that
    millions of rows are read in binary as one array. See `rules.Person` for what they mean.
    """

    __tablename__ = "candidates"
    __table_args__ = (
        Index("ix_candidates_near", "cell", "gender", "birth_date", postgresql_where=_HERE),
        Index("ix_candidates_far", "gender", "birth_date", postgresql_where=_FAR),
        Index("ix_candidates_region", "region", "cell", "gender"),
        Index("ix_candidates_looks_far", "gender", text("active_on DESC"), "dice", postgresql_where=_LOOKS_FAR),
    )

    user_id: Mapped[uuid.UUID] = _user()
    shown: Mapped[bool]
    """Whether they could be shown to anybody when this was made."""
    offered: Mapped[bool]
    offered_far: Mapped[bool]
    gender: Mapped[int] = mapped_column(SmallInteger)
    seeks: Mapped[int] = mapped_column(SmallInteger)
    min_age: Mapped[int] = mapped_column(SmallInteger)
    max_age: Mapped[int] = mapped_column(SmallInteger)
    birth_date: Mapped[date] = mapped_column(Date)
    x: Mapped[int] = mapped_column(Integer)
    y: Mapped[int] = mapped_column(Integer)
    z: Mapped[int] = mapped_column(Integer)
    cell: Mapped[int] = mapped_column(Integer)
    region: Mapped[int] = mapped_column(Integer)
    reach: Mapped[int] = mapped_column(BigInteger)
    social_energy: Mapped[int] = mapped_column(SmallInteger)
    spontaneity: Mapped[int] = mapped_column(SmallInteger)
    emotional_openness: Mapped[int] = mapped_column(SmallInteger)
    directness: Mapped[int] = mapped_column(SmallInteger)
    independence: Mapped[int] = mapped_column(SmallInteger)
    adventure: Mapped[int] = mapped_column(SmallInteger)
    meaning: Mapped[list[float]] = mapped_column(HALFVEC(DIMENSIONS))
    """The profile's vector in whole numbers, `rules.UNIT` long."""
    active_on: Mapped[date] = mapped_column(Date)
    joined_on: Mapped[date] = mapped_column(Date)
    completeness: Mapped[int] = mapped_column(SmallInteger)
    openness: Mapped[int] = mapped_column(SmallInteger)
    appeal: Mapped[int] = mapped_column(SmallInteger)
    damping: Mapped[int] = mapped_column(SmallInteger)
    dice: Mapped[int] = mapped_column(SmallInteger)
    wishes: Mapped[uuid.UUID] = mapped_column(Uuid)
    """A hash of all that decides whom they want to see: a queue that was made for other wishes is no good."""


class DiscoveryQueue(Base):
    """The people for one person, the best first. One row with arrays: a slice reads as fast as from Redis."""

    __tablename__ = "discovery_queues"
    user_id: Mapped[uuid.UUID] = _user()
    ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    parts: Mapped[bytes] = mapped_column(LargeBinary)
    """Six bytes for each of `ids`: the parts of the score as `queues.packed` has them."""
    wishes: Mapped[uuid.UUID] = mapped_column(Uuid)
    computed_at: Mapped[Moment]


class DiscoveryExposure(Base):
    """In how many queues of a region each person is, as of the region's last run."""

    __tablename__ = "discovery_exposures"

    region: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    queues: Mapped[list[int]] = mapped_column(ARRAY(Integer))


class DiscoveryRun(Base):
    """One night's run over everybody, and how fair it came out."""

    __tablename__ = "discovery_runs"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    started_at: Mapped[Moment]
    finished_at: Mapped[Moment | None]
    regions: Mapped[int]
    yes_given: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    """The share of likes among what people have decided lately, for each of `rules.GENDERS`."""
    yes_received: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    """The same among what was decided about them."""
    failed: Mapped[int | None]
    """How many regions were given up, whose people have the queues of the night before."""
    people: Mapped[int | None]
    """Who had a queue at the end."""
    shown: Mapped[int | None]
    """Who could have been in one."""
    gini: Mapped[float | None] = mapped_column(REAL)
    """Of exposure, the number of queues that each of `shown` is in: 0 when all are in as many, 1 when all are in none
    but one."""
    shown_to_nobody: Mapped[float | None] = mapped_column(REAL)
    """The share of `shown` that is in no queue."""
