"""Of every table, and every column that could tell of a person, it is said what it holds and why."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import SQLModel

from gateway import models
from gateway.models import UtcDateTime
from gateway.privacy import holdings, retention

assert models
TABLES = SQLModel.metadata.tables
#: What can tell nothing of a person by its type.
_DUMB = (sa.Integer, sa.Boolean, sa.Float, sa.Date, UtcDateTime, sa.Enum)


def test_every_table_is_known() -> None:
    assert set(TABLES) == set(holdings.HOLDINGS)


def test_every_column_is_either_plain_or_tells_something_known() -> None:
    unknown = [
        f"{table.name}.{column.name}"
        for table in TABLES.values()
        for column in table.columns
        if not isinstance(column.type, _DUMB)
        and not column.primary_key
        and not column.foreign_keys
        and column.name not in holdings.PLAIN
        and column.name not in holdings.HOLDINGS[table.name].columns
    ]
    assert unknown == []


def test_what_is_said_is_of_columns_that_there_are() -> None:
    for name, held in holdings.HOLDINGS.items():
        assert set(held.columns) <= {column.name for column in TABLES[name].columns}, name
    columns = {column.name for table in TABLES.values() for column in table.columns}
    assert holdings.PLAIN - columns == set()


def test_what_goes_by_a_setting_goes() -> None:
    """A clock that the page promises is one that the nights keep."""
    settings = {holdings.Clock.WORDS, holdings.Clock.ATTENDANCE, holdings.Clock.RECEIVED, holdings.Clock.CODES}
    settings |= {holdings.Clock.IMPORTS, holdings.Clock.RECORDS}
    promised = {name for name, one in holdings.HOLDINGS.items() if one.clock in settings}
    assert promised - {rule.table for rule in retention.RULES} == set()
