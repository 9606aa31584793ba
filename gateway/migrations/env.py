"""How Alembic runs here. It executes this file; ``gateway.migrate`` gives the connection.

After a change of the tables, write the next step, then read what it wrote::

    python -m gateway.migrations "what the change is" && ruff format gateway/migrations/versions

As long as no school has a database, the first step may be written afresh instead::

    rm gateway/migrations/versions/0001_*.py
    python -m gateway.migrations "first tables" && ruff format gateway/migrations/versions
"""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel.sql.sqltypes import AutoString

from gateway.migrations import tables
from gateway.models import UtcDateTime


def write_type(kind: str, thing: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """Write plain column types into the steps: a step must mean the same when our own types have changed."""
    if kind != "type":
        return False
    if isinstance(thing, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(thing, sa.Enum):
        return f"sa.String(length={thing.length})"
    if isinstance(thing, AutoString):
        return f"sa.String(length={thing.length})" if thing.length else "sa.String()"
    return False


def migrate() -> None:
    """Run the steps, on the connection that was given or, without one, into a text of SQL."""
    given = context.config.attributes
    if context.is_offline_mode():
        context.configure(dialect_name=given["dialect"], target_metadata=tables.named(), literal_binds=True)
    else:
        context.configure(
            connection=given["connection"],
            target_metadata=tables.named(),
            # SQLite changes hardly anything of a table in place: later steps copy it over.
            render_as_batch=given.get("batch", True),
            render_item=write_type,
            transactional_ddl=True,
        )
    with context.begin_transaction():
        context.run_migrations()


migrate()
