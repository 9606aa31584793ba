"""The tables as the models have them, with a name for every constraint."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import SQLModel

from gateway import models

assert models  # noqa: S101 - registers the tables

#: A constraint without a name cannot be dropped by a later step: each database would have called it something else.
NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def named() -> sa.MetaData:
    """A copy of every table, its constraints named."""
    copy = sa.MetaData(naming_convention=NAMES)
    for table in SQLModel.metadata.tables.values():
        table.to_metadata(copy)
    return copy
