"""Tasks for staff: one for each subject and kind, counted up, and asked again once it was done and comes again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from support.desk import LOG, NOW

from gateway import audit, errors, tasks
from gateway.database import Database


async def ask(database: Database, kind: str = "account", *, later: int = 0, urgent: bool = False) -> None:
    asked = tasks.Ask(kind, "sender:1", f"What {later}.", "Cure.", urgent)
    async with database.write() as session:
        await tasks.ask(session, asked, log=LOG, now=NOW + timedelta(hours=later))


async def open_tasks(database: Database) -> list[tuple[str, int, bool]]:
    async with database.read() as session:
        return [(task.kind, task.times, task.urgent) for task in await tasks.listed(session)]


async def test_a_second_cause_counts_up_and_can_make_it_urgent(database: Database) -> None:
    await ask(database)
    await ask(database, later=1, urgent=True)
    await ask(database, later=2)
    assert await open_tasks(database) == [("account", 3, True)]
    async with database.read() as session:
        [task] = await tasks.listed(session)
        assert (task.opened_at, task.again_at, task.what) == (NOW, NOW + timedelta(hours=2), "What 2.")
        lines = await audit.lines_about(session, "sender:1")
    assert [line.action for line in lines] == ["task.opened"]


async def test_what_was_done_is_asked_again_when_it_comes_again(database: Database) -> None:
    await ask(database)
    async with database.write() as session:
        [task] = await tasks.listed(session)
        assert task.id is not None
        await tasks.done(session, task.id, by="Mrs Okafor", log=LOG, now=NOW)
    assert await open_tasks(database) == []
    await ask(database, later=1)
    assert await open_tasks(database) == [("account", 1, False)]
    async with database.write() as session:
        assert len(await tasks.listed(session, everything=True)) == 2
        with pytest.raises(errors.Conflict, match="done already, by Mrs Okafor"):
            await tasks.done(session, task.id, by="Mr Reilly", log=LOG, now=NOW)
        with pytest.raises(errors.NotFound):
            await tasks.done(session, 10_000, by="Mr Reilly", log=LOG, now=NOW)


async def test_urgent_ones_come_first_and_are_counted_apart(sqlite_database: Database) -> None:
    await ask(sqlite_database, "wording")
    await ask(sqlite_database, "account", later=1, urgent=True)
    assert [kind for kind, *_ in await open_tasks(sqlite_database)] == ["account", "wording"]
    async with sqlite_database.read() as session:
        assert await tasks.count(session) == {True: 1, False: 1}


async def test_two_at_once_open_one(database: Database) -> None:
    await asyncio.gather(*(ask(database, later=hour) for hour in range(4)))
    [(_, times, _)] = await open_tasks(database)
    assert times in range(1, 5)
