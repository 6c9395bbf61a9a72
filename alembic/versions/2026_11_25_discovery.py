"""Discovery: where people are on the map, what ranking knows of them, queues, and nightly runs."""

from collections.abc import Sequence

import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "discovery"
down_revision: str | None = "contact_hashes"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# The middle of the cell (about 1 km wide) of a grid that a place (degrees, WGS 84) lies in, as x, y, z in metres from
# the middle of a sphere with the mean radius of IUGG. In whole numbers, a distance is the same wherever it is computed.
PLACE_OF = """
CREATE FUNCTION place_of(latitude double precision, longitude double precision) RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ARRAY[
        round(6371000 * cos(radians(north)) * cos(radians(east))),
        round(6371000 * cos(radians(north)) * sin(radians(east))),
        round(6371000 * sin(radians(north)))
    ]::integer[]
    FROM (
        SELECT north, (floor(longitude / width) + 0.5) * width AS east
        FROM (
            SELECT north, 1 / (pi() * 6371 / 180 * greatest(cos(radians(north)), 0.001)) AS width
            FROM (SELECT (floor(latitude * pi() * 6371 / 180) + 0.5) / (pi() * 6371 / 180) AS north) AS rows
        ) AS columns
    ) AS cells
$$
"""
SMALL = (
    *("gender", "seeks", "min_age", "max_age", "social_energy", "spontaneity", "emotional_openness", "directness"),
    *("independence", "adventure", "completeness", "openness", "appeal", "damping", "dice"),
)


def upgrade() -> None:
    """Apply. The column of places writes the table of users anew."""
    op.execute(PLACE_OF)
    op.add_column(
        "users",
        sa.Column(
            "place", postgresql.ARRAY(sa.Integer()), sa.Computed("place_of(latitude, longitude)", persisted=True)
        ),
    )
    op.add_column(
        "users",
        sa.Column(
            "moved_at", postgresql.ARRAY(sa.DateTime(timezone=True)), server_default=sa.text("'{}'"), nullable=False
        ),
    )
    op.create_index("ix_passes_passed_id", "passes", ["passed_id"])
    op.create_table(
        "candidates",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("shown", "offered", "offered_far")),
        *(sa.Column(name, sa.SmallInteger(), nullable=False) for name in SMALL),
        *(sa.Column(name, sa.Date(), nullable=False) for name in ("birth_date", "active_on", "joined_on")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("x", "y", "z", "cell", "region")),
        sa.Column("reach", sa.BigInteger(), nullable=False),
        sa.Column("meaning", HALFVEC(384), nullable=False),
        sa.Column("wishes", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_candidates_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name="pk_candidates"),
    )
    here, far = sa.text("shown AND offered"), sa.text("shown AND offered_far")
    op.create_index("ix_candidates_near", "candidates", ["cell", "gender", "birth_date"], postgresql_where=here)
    op.create_index("ix_candidates_far", "candidates", ["gender", "birth_date"], postgresql_where=far)
    op.create_index("ix_candidates_region", "candidates", ["region", "cell", "gender"])
    op.create_index(
        "ix_candidates_looks_far",
        "candidates",
        ["gender", sa.text("active_on DESC"), "dice"],
        postgresql_where=sa.text("shown AND reach > 14400000000"),
    )
    op.create_table(
        "discovery_queues",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("parts", sa.LargeBinary(), nullable=False),
        sa.Column("wishes", sa.Uuid(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_discovery_queues_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name="pk_discovery_queues"),
    )
    # A queue of a hundred has 2.3 kB: kept in its row, where one look finds it, not cut up and kept elsewhere. Each is
    # written anew each night: with room for it in its page, neither the index nor the table's size changes.
    op.execute("ALTER TABLE discovery_queues SET (toast_tuple_target = 8160, fillfactor = 45)")
    op.create_table(
        "discovery_exposures",
        sa.Column("region", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("queues", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.PrimaryKeyConstraint("region", name="pk_discovery_exposures"),
    )
    op.create_table(
        "discovery_runs",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("regions", sa.Integer(), nullable=False),
        sa.Column("yes_given", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column("yes_received", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("shown", sa.Integer(), nullable=True),
        sa.Column("gini", sa.REAL(), nullable=True),
        sa.Column("shown_to_nobody", sa.REAL(), nullable=True),
        sa.PrimaryKeyConstraint("day", name="pk_discovery_runs"),
    )


def downgrade() -> None:
    """Take back."""
    for table in ("discovery_runs", "discovery_exposures", "discovery_queues", "candidates"):
        op.drop_table(table)
    op.drop_index("ix_passes_passed_id", table_name="passes")
    op.drop_column("users", "moved_at")
    op.drop_column("users", "place")
    op.execute("DROP FUNCTION place_of")
