"""What every table has in common, and how rows of any are chosen to be changed a few at a time."""

import uuid
from datetime import datetime
from typing import Annotated, TypeVarTuple

from sqlalchemy import CTE, DateTime, MetaData, Select, func
from sqlalchemy.orm import DeclarativeBase, mapped_column

from shared import clock

Columns = TypeVarTuple("Columns")


class Base(DeclarativeBase):
    """The declarative base; constraint names are spelt out so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


Id = Annotated[uuid.UUID, mapped_column(primary_key=True, default=clock.new_id)]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Created = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]


def chosen(rows: Select[*Columns], *, key_share: bool = False) -> CTE:
    """Rows to update or delete, locked, passing over those that others hold. Join to it; `rows` says how many at most.

    Materialized, since Postgres may run a subquery once per row, and then its LIMIT limits nothing.
    """
    return rows.with_for_update(skip_locked=True, key_share=key_share).cte("chosen").prefix_with("MATERIALIZED")
