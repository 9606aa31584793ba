"""The wall below: a question about a child never leaves once something is known, however late it is claimed."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from support import desk
from support.absences import Morning

from gateway import messages
from gateway.database import Database
from gateway.models import CaseState as S
from gateway.models import Message, MessageState, Sender
from gateway.models.types import core


@pytest.fixture
async def morning(database: Database) -> Morning:
    return await Morning(database).open()


async def lane(morning: Morning) -> int:
    async with morning.database.read() as session:
        return await session.scalar(sa.select(core(Sender).c.id).where(core(Sender).c.medium == "sms")) or 0


async def back_in_the_queue(morning: Morning) -> None:
    """As after a try that the provider had certainly not taken."""
    t = core(Message).c
    async with morning.database.write() as session:
        back = sa.update(core(Message)).where(t.state == MessageState.SENDING)
        await session.execute(back.values(state=MessageState.QUEUED, due_at=morning.clock.now))


async def test_a_question_that_comes_back_to_the_queue_after_the_answer_does_not_leave(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:25")
    claimed = await desk.claim(morning.database, await lane(morning), now=morning.clock.now)
    assert len(claimed.messages) == 1
    await morning.mark(child, "L")  # marked in while the call is under way
    await back_in_the_queue(morning)
    assert not (await desk.claim(morning.database, await lane(morning), now=morning.clock.now)).messages
    async with morning.database.read() as session:
        reasons = list(await session.scalars(sa.select(core(Message).c.reason)))
    assert reasons == ["accounted_for"]


async def test_while_nobody_knows_it_leaves(morning: Morning) -> None:
    child = await morning.child("Ana", await morning.parent())
    await morning.mark(child, "N")
    await morning.at("09:25")
    await desk.claim(morning.database, await lane(morning), now=morning.clock.now)
    await back_in_the_queue(morning)
    assert len((await desk.claim(morning.database, await lane(morning), now=morning.clock.now)).messages) == 1


async def test_a_failed_question_that_staff_send_again_still_asks_whether_it_is_true(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:25")
    await morning.deliver(MessageState.FAILED, reason="unreachable")
    (first,) = await morning.messages()
    async with morning.database.write() as session:
        await messages.again(session, morning.gateway, first.id, actor="Mrs Office")
    await morning.mark(child, "/")
    assert not (await desk.claim(morning.database, await lane(morning), now=morning.clock.now)).messages


async def test_the_question_waits_for_nobody_in_the_queue_of_routine(morning: Morning) -> None:
    child = await morning.child("Ana", await morning.parent())
    await morning.mark(child, "N")
    await morning.at("09:25")
    (text,) = await morning.messages()
    assert (text.priority, text.purpose) == (1, "safeguarding")
    assert text.not_after is not None
    assert await morning.states(child) == [S.ASKING]


async def test_two_clocks_ask_once_and_a_text_of_both_twins(database: Database, database_url: str) -> None:
    morning = await Morning(database).open()
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother)
    await morning.mark_all(ana, ben, code="N")
    morning.clock.now = morning.clock.now.replace(hour=9, minute=25)
    others = [Database(database_url) for _ in range(3)]
    try:
        clocks = [morning, *(Morning(other, morning.clock) for other in others)]
        await asyncio.gather(*(clock.turn() for clock in clocks))
        await morning.deliver()
        morning.clock.pass_(minutes=1)
        await morning.answer(mother.number, "1")
        await asyncio.gather(*(clock.turn() for clock in clocks))
    finally:
        for other in others:
            await other.close()
    assert await morning.cases() == 2
    (text,) = await morning.said(mother.number)
    assert "Ana and Ben" in text
    assert await morning.states(ana, ben) == [S.TO_CONFIRM, S.TO_CONFIRM]
    assert await morning.steps(ana) == ["opened", "asked", "answer", "state"]
