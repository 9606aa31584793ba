"""The bare side of the planning bench writes the very rows that were planned."""

from __future__ import annotations

import sqlalchemy as sa
from support import school
from support.desk import NOW

from bench import planning
from gateway.database import Database
from gateway.models import Message
from gateway.models.types import core


async def rows(database: Database) -> list[dict[str, object]]:
    async with database.read() as session:
        found = await session.execute(sa.select(core(Message)).order_by(core(Message).c.id))
        return [dict(row) for row in found.mappings()]


async def test_what_is_taken_out_goes_back_as_it_was(database: Database) -> None:
    sender = await school.sender(database)
    for _ in range(3):
        await school.message(database, sender, now=NOW)
    before = await rows(database)
    messages, about = await planning.taken_out(database)
    assert (len(messages), await rows(database)) == (3, [])
    assert await planning.bare(database, messages, about) > 0
    assert await rows(database) == before
