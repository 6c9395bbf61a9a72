"""What tables that were in use before need for matching, without holding anybody up: indexes, and hashed addresses."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op
from shared.accounts.rules import contact_hash
from shared.settings import settings

revision: str = "contact_hashes"
down_revision: str | None = "matching"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = {"ix_users_contact_hash": ("users", "contact_hash"), "ix_signals_case_id": ("signals", "case_id")}
BATCH = 1000
# Names that mean something else to Postgres, or nothing, see `accounts.rules`.
ZONES = """
UPDATE users SET time_zone = kept.name
FROM (VALUES ('CET', 'Europe/Brussels'), ('MET', 'Europe/Brussels'), ('EET', 'Europe/Athens'), ('WET', 'Europe/Lisbon'),
             ('localtime', 'UTC')) AS kept (given, name)
WHERE time_zone = kept.given
"""


def upgrade() -> None:
    """Apply. Each step is committed by itself and can be taken again: what was interrupted is run anew."""
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE signals VALIDATE CONSTRAINT fk_signals_case_id")
        for name, (table, column) in INDEXES.items():
            op.drop_index(
                name, table_name=table, if_exists=True, postgresql_concurrently=True
            )  # what was interrupted is no good
            op.create_index(name, table, [column], postgresql_concurrently=True)
        op.execute(ZONES)
        while _hash_some(op.get_bind()):
            pass


def downgrade() -> None:
    """Take back."""
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table_name=table)


def _hash_some(connection: sa.Connection) -> int:
    """Hash addresses of people who joined before; how many."""
    unhashed = sa.text("SELECT id, email FROM users WHERE contact_hash IS NULL LIMIT :most")
    rows = [
        {"id": user_id, "hash": contact_hash(email, settings().contact_salt)}
        for user_id, email in connection.execute(unhashed, {"most": BATCH})
    ]
    if rows:
        connection.execute(
            sa.text("UPDATE users SET contact_hash = :hash WHERE id = :id AND contact_hash IS NULL"), rows
        )
    return len(rows)
