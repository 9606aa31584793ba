"""A worker that stands still for longer than its lease, in processes of its own: nothing goes out twice by that."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import lanes, school
from support.desk import LOG
from support.sink import Sink
from support.waiting import PATIENCE, until
from support.workers import stands_still, worker

from channels.base import FindResult, Found
from gateway import context, outbox, retry
from gateway.database import Database
from gateway.models import Attempt, Message, MessageState

S = MessageState
POLICY = retry.Policy(grace=timedelta(seconds=0.5))
LEASE = 1.5


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with Sink.listening() as listening:
        yield listening


async def take_over(database: Database, sink: Sink) -> list[str]:
    """What the clock's jobs do once the lease is over: a doubt, a look at the provider's list, the queue again."""
    taken: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while not taken:
            await asyncio.sleep(0.1)
            async with database.write() as session:
                await outbox.expire_leases(session, policy=POLICY, log=LOG, now=context.utc_now())
            async with database.read() as session:
                doubts = await outbox.doubts(session, now=context.utc_now())
            for doubt in doubts:
                seen = doubt.message["id"] in sink.ids
                found = FindResult(Found.HERE, (f"ref-{doubt.message['id']}",)) if seen else FindResult(Found.ABSENT)
                async with database.write() as session:
                    await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=context.utc_now())
                taken.append(doubt.message["id"])
    return taken


async def rows(database: Database) -> list[Message]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(Message).order_by(Message.id)))


async def attempts(database: Database) -> list[tuple[str, int, str, str | None]]:
    async with database.read() as session:
        found = await session.scalars(sa.select(Attempt).order_by(Attempt.message_id, Attempt.number))
        return [(one.message_id, one.number, one.worker, one.outcome) for one in found]


async def settled(database: Database, *wanted: MessageState) -> None:
    async with asyncio.timeout(PATIENCE):
        while not all(row.state in wanted for row in await rows(database)):
            await asyncio.sleep(0.05)


async def test_frozen_before_the_call_it_does_not_make_it(
    shared: Database, shared_url: str, sink: Sink, tmp_path: Path
) -> None:
    """Claimed, then SIGSTOP, before the first byte: the successor sends it, and the sleeper wakes and must not."""
    sender = await school.sender(shared)
    ids = await lanes.queue(shared, sender, count=3)
    async with worker(shared_url, sink, tmp_path / "old", "--lease", str(LEASE), "--freeze-once") as old:
        await stands_still(old)
        assert sink.ids == []
        while set(await take_over(shared, sink)) != set(ids):
            pass
        async with worker(shared_url, sink, tmp_path / "new", "--lease", "60", "--name", "new"):
            await settled(shared, S.ACCEPTED)
            old.send_signal(signal.SIGCONT)
            await until(lambda: "lane.lease_over" in (tmp_path / "old").read_text())
    assert sorted(sink.ids) == sorted(ids), "each once, by the successor"
    assert {(number, name) for _, number, name, _ in await attempts(shared)} == {(1, "old"), (2, "new")}
    assert {row.state for row in await rows(shared)} == {S.ACCEPTED}


async def test_frozen_before_the_call_it_gives_back_what_nobody_took_over(
    shared: Database, shared_url: str, sink: Sink, tmp_path: Path
) -> None:
    """Nobody has looked into the doubt yet: what was not begun is queued again, and has lost none of its tries."""
    sender = await school.sender(shared)
    ids = await lanes.queue(shared, sender, count=3)
    async with worker(shared_url, sink, tmp_path / "old", "--lease", str(LEASE), "--freeze-once") as old:
        await stands_still(old)
        await asyncio.sleep(LEASE)
        old.send_signal(signal.SIGCONT)
        await settled(shared, S.ACCEPTED)
    assert sorted(sink.ids) == sorted(ids)
    assert {row.retries for row in await rows(shared)} == {0}
    tries = await attempts(shared)
    # On a busy machine the second lease may be over as well before a call has begun.
    last = {(row.id, row.attempt) for row in await rows(shared)}
    assert {(one, number) for one, number, _, outcome in tries if outcome == "accepted"} == last
    assert {(one, 1) for one in ids} <= {(one, number) for one, number, _, outcome in tries if outcome == "retry"}
    assert {outcome for *_, outcome in tries} == {"retry", "accepted"}


async def test_frozen_in_the_call_its_late_word_changes_nothing(
    shared: Database, shared_url: str, sink: Sink, tmp_path: Path
) -> None:
    """The provider took it while the worker stood still: evidence decides, and the late answer finds it decided."""
    sender = await school.sender(shared)
    ids = await lanes.queue(shared, sender, count=3)
    sink.answers.clear()
    async with worker(shared_url, sink, tmp_path / "old", "--lease", str(LEASE)) as old:
        await until(lambda: len(sink.ids) == 3)
        old.send_signal(signal.SIGSTOP)
        sink.answers.set()
        while set(await take_over(shared, sink)) != set(ids):
            pass
        before = await rows(shared)
        async with worker(shared_url, sink, tmp_path / "new", "--lease", "60", "--name", "new"):
            old.send_signal(signal.SIGCONT)
            await asyncio.sleep(1)  # at its end it has settled what it knows, so that this is no race
    assert sorted(sink.ids) == sorted(ids)
    assert [(row.state, row.ref) for row in before] == [(S.ACCEPTED, f"ref-{row.id}") for row in before]
    assert [row.model_dump() for row in await rows(shared)] == [row.model_dump() for row in before]


async def test_frozen_in_its_claim_it_does_not_keep_the_lane(
    shared: Database, shared_url: str, sink: Sink, tmp_path: Path
) -> None:
    """It holds the sender's row as it stops: the server ends that transaction, and the lane goes on without it."""
    sender = await school.sender(shared)
    ids = await lanes.queue(shared, sender, count=3)
    async with worker(shared_url, sink, tmp_path / "old", "--lease", "60", "--freeze-in-claim") as old:
        await stands_still(old)
        async with shared.write() as session:
            lane = sa.text("SELECT id FROM sender FOR NO KEY UPDATE SKIP LOCKED")
            assert not (await session.execute(lane)).all(), "it is locked, or this test shows nothing"
        async with worker(shared_url, sink, tmp_path / "new", "--lease", "60", "--name", "new"):
            await settled(shared, S.ACCEPTED)
            old.send_signal(signal.SIGCONT)
            more = await lanes.queue(shared, sender, count=3)
            await settled(shared, S.ACCEPTED)
    assert sorted(sink.ids) == sorted([*ids, *more])
