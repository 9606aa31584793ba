"""Writes the next step: ``python -m gateway.migrations "what the change is"``, in a checkout."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from gateway import migrate


async def write_step(what: str) -> None:
    """Compare the tables that the steps make with those of the models, and write the difference as a step."""
    number = len(list((migrate.FOLDER / "versions").glob("[0-9]*.py"))) + 1

    def revise(config: Config) -> None:
        # A first step only makes tables, and reads better without the copying over.
        config.attributes["batch"] = number > 1
        command.revision(config, what, autogenerate=True, rev_id=f"{number:04}")

    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'steps.sqlite'}"
        if number > 1:
            await migrate.upgrade(url)
        async with migrate.connected(url) as connection, connection.begin():
            await migrate.run(connection, revise)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('Say what changes: python -m gateway.migrations "a column for …"')
    asyncio.run(write_step(sys.argv[1]))
