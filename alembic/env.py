"""Runs migrations against DATABASE_URL, one transaction each, one runner at a time."""

import time

from sqlalchemy import create_engine, pool, text

import shared.accounts.models
import shared.audit
import shared.badges.models
import shared.discovery.models
import shared.health
import shared.idempotency
import shared.ledger
import shared.mail.models
import shared.matching.models
import shared.messaging.models
import shared.moderation.models
import shared.notifications.models
import shared.photos.models
import shared.privacy.models
import shared.prompts.models
import shared.quiz.models  # noqa: F401 - each import brings its tables
from alembic import context
from shared.models import Base
from shared.settings import settings

PARTITIONS = "passes_"  # come and go with the weeks
LOCK = 7_237_423  # any number: whoever starts migrations at the same time waits for it


def run() -> None:
    """Upgrade or check, whatever the command asked for."""
    engine = create_engine(settings().migrations_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        # Tried again and again: one that waits in a statement would in turn be waited for by CREATE INDEX CONCURRENTLY.
        while not connection.scalar(text(f"SELECT pg_try_advisory_lock({LOCK})")):
            connection.commit()
            time.sleep(0.2)
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_server_default=True,
            include_name=lambda name, kind, _: kind != "table" or not str(name).startswith(PARTITIONS),
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
