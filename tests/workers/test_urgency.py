"""An emergency goes first, whichever worker takes it and whatever the others are doing."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from support import lanes, school
from support.waiting import until

from gateway.database import Database
from gateway.models import Message, MessageState

S = MessageState


async def test_a_notice_that_is_being_planned_does_not_keep_the_lane_from_an_emergency(shared: Database) -> None:
    """Rows that point to a sender lock it against deletion; a long transaction of them must not lock the lane."""
    sender = await school.sender(shared)
    wire = lanes.Wire()
    async with lanes.working(shared, wire, sender), shared.write() as planning:
        planning.add(lanes.message(sender, priority=2))
        await planning.flush()
        [urgent] = await lanes.queue(shared, sender, priority=0)
        await until(lambda: urgent in wire.calls)


async def test_workers_at_their_limit_take_the_emergency_first(shared: Database) -> None:
    """Three workers, each as full of bulk as it may be: the free slots are for what is urgent, and go by rank."""
    sender = await school.sender(shared, rate=1000, burst=1000)
    bulk = await lanes.queue(shared, sender, count=60, priority=2)
    wire = lanes.Wire(answers=False)
    async with (
        lanes.working(shared, wire, sender, concurrency=5, urgent=1),
        lanes.working(shared, wire, sender, concurrency=5, urgent=1),
        lanes.working(shared, wire, sender, concurrency=5, urgent=1),
    ):
        await until(lambda: len(wire.calls) == 12)
        absences = await lanes.queue(shared, sender, count=3, priority=1)
        await until(lambda: len(wire.calls) == 15)
        assert set(wire.calls[12:]) == set(absences)
        emergency = await lanes.queue(shared, sender, count=2, priority=0)
        later = await lanes.queue(shared, sender, count=2, priority=1)
        wire.answer(wire.calls[14])  # one slot of one worker becomes free
        await until(lambda: len(wire.calls) == 16)
        assert wire.calls[15] in emergency
        wire.answers.set()
        await until(lambda: len(wire.calls) == 67)
    behind = [one for one in wire.calls[16:] if one in later or one in bulk]
    assert set(behind[:2]) == set(later), "what was left of the urgent ones came before the bulk"
    assert sorted(wire.calls) == sorted([*bulk, *absences, *emergency, *later]), "each once"


async def test_a_lane_that_is_too_fast_pays_the_urgent_one_first(shared: Database) -> None:
    """The next token belongs to the emergency, however much bulk waits for it, and however many workers ask."""
    sender = await school.sender(shared, rate=2, burst=1)
    wire = lanes.Wire()
    await lanes.queue(shared, sender, count=20, priority=2)
    async with lanes.working(shared, wire, sender), lanes.working(shared, wire, sender):
        await until(lambda: len(wire.calls) >= 2)
        [urgent] = await lanes.queue(shared, sender, priority=0)
        before = len(wire.calls)
        await until(lambda: urgent in wire.calls)
        assert wire.calls.index(urgent) <= before + 2  # one may have been claimed, and one claim have been under way


async def test_a_worker_that_found_the_lane_taken_asks_again_soon(shared: Database) -> None:
    """The poll is long here: whoever met another worker's claim must not sleep for that long."""
    sender = await school.sender(shared)
    wire = lanes.Wire()
    table = sa.text("SELECT id FROM sender WHERE id = :id FOR NO KEY UPDATE")
    async with lanes.working(shared, wire, sender, poll=600) as lane:
        await asyncio.sleep(0.3)  # it has looked once, and sleeps
        async with shared.write() as other:
            await other.execute(table, {"id": sender})
            [urgent] = await lanes.queue(shared, sender, priority=0)
            lane.wake()
            await asyncio.sleep(0.3)
            assert not wire.calls
        await until(lambda: wire.calls == [urgent])


async def test_messages_of_a_claim_are_not_yet_due_for_another(shared: Database) -> None:
    """Many workers, one queue: each message is called once, by somebody."""
    sender = await school.sender(shared, rate=1000, burst=1000)
    ids = await lanes.queue(shared, sender, count=200, priority=2)
    wires = [lanes.Wire() for _ in range(4)]
    async with (
        lanes.working(shared, wires[0], sender),
        lanes.working(shared, wires[1], sender),
        lanes.working(shared, wires[2], sender),
        lanes.working(shared, wires[3], sender),
    ):
        await until(lambda: sum(len(wire.calls) for wire in wires) >= 200)
    assert sorted(one for wire in wires for one in wire.calls) == sorted(ids)
    async with shared.read() as session:
        states = set(await session.scalars(sa.select(Message.state)))
    assert states == {S.ACCEPTED}
