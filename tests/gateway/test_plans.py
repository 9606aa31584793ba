"""No work that is done all day reads a table from end to end, or puts a backlog in order: its cost would grow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from support import plans

from bench import growth
from channels.base import Medium, Outcome, SendResult
from gateway import outbox, retry
from gateway.models import Sender

ROWS, QUEUED = 20_000, 5_000
GROWING = ("message", "about", "attempt", "audit", "inbound")  #: tables that grow with every message


@pytest.fixture
async def shelf(database_url: str) -> AsyncIterator[growth.Shelf]:
    """History, and a backlog straight after its insert: PostgreSQL knows nothing of its size yet."""
    async with growth.shelf(database_url, ROWS, families=3_000) as one:
        await growth.queue(one, QUEUED)
        yield one


@pytest.mark.parametrize("analyzed", [False, True])
async def test_a_lane_reads_what_it_needs_and_sorts_nothing(shelf: growth.Shelf, analyzed: bool) -> None:
    if analyzed:
        await plans.statistics(shelf.database)
    gateway, now = shelf.gateway(), datetime.now(UTC)
    async with plans.listening(shelf.database) as seen:
        claim = await shelf.database.at_once(
            lambda connection: outbox.claim(
                connection,
                shelf.sender_id,
                outbox.Slots(60, 60),
                worker="w",
                lease=timedelta(minutes=1),
                today=date(2026, 11, 28),
                now=now,
            )
        )
    assert len(claim.messages) == 60
    assert len(seen.found) >= 4  # the lane, what is due, the guard, and the calls that begin
    assert seen.scanned(*GROWING, "pupil", "guardianship") == {}
    assert seen.sorted() == {}
    async with plans.listening(shelf.database) as seen:
        sent = [
            outbox.Sent(message, SendResult(Outcome.ACCEPTED, ref=f"SM{message['id']}")) for message in claim.messages
        ]
        accepted = await shelf.database.at_once(partial(outbox.accept, sent=sent, now=now))
        assert not accepted.others
        async with shelf.database.write() as session:
            await outbox.settle(session, sent, policy=retry.Policy(), log=gateway.log, now=now)
    assert seen.found
    assert seen.scanned(*GROWING) == {}


@pytest.mark.parametrize("job", ["plan, nothing due", "leases", "doubts", "seal", "gauges", "digest"])
@pytest.mark.parametrize("analyzed", [False, True])
async def test_no_job_reads_the_history(shelf: growth.Shelf, job: str, analyzed: bool) -> None:
    async with shelf.database.write() as session:  # one that is gone: what comes back to its queue is looked for
        gone = Sender(channel="twilio-sms", medium=Medium.SMS, address="+447700900999", rate=1, burst=1, active=False)
        session.add(gone)
    if analyzed:
        await plans.statistics(shelf.database)
    async with plans.listening(shelf.database) as seen:
        await growth.jobs(shelf.gateway())[job]()
    assert seen.found
    assert seen.scanned(*GROWING) == {}
