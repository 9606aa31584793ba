"""A lane at work on real databases, with a wire that does what a wire can do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from sqlalchemy.engine import Connection
from sqlalchemy.exc import InterfaceError
from sqlmodel import col, select
from support import databases, school
from support.desk import LOG
from support.waiting import PATIENCE, until

from channels.base import FindResult, Found, Medium, Outcome, Outgoing, Reason, SendResult
from gateway import calls, context, messages, outbox, outgoing, retry, sender
from gateway.database import Database, Session
from gateway.metrics import Metrics
from gateway.models import Message, MessageState, OptOut, Sender

S = MessageState
T = TypeVar("T")
LONDON = ZoneInfo("Europe/London")


class Wire:
    """A channel that answers as its messages' words say, and keeps a list of the calls."""

    name = "wire"
    medium = Medium.SMS

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.gate = asyncio.Event()  # what says «wait» waits for it
        self.last = asyncio.Event()  # what says «wait longer» for this

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, message: Outgoing) -> SendResult:
        self.calls.append(message.id)
        match message.body:
            case "refuse":
                return SendResult(Outcome.REFUSED, reason=Reason.CONTENT, text="Not these words.")
            case "refuse later":
                await self.gate.wait()
                return SendResult(Outcome.REFUSED, reason=Reason.CONTENT, text="Not these words.")
            case "retry":
                return SendResult(Outcome.RETRY, reason=Reason.TEMPORARY)
            case "unknown":
                return SendResult(Outcome.UNKNOWN)
            case "raise":
                raise RuntimeError("a bug")
            case "hang":
                await asyncio.Event().wait()
            case "wait":
                await self.gate.wait()
            case "account":
                await self.gate.wait()
                return SendResult(Outcome.RETRY, reason=Reason.AUTH, code="20003", text="Wrong token.", lane_wide=True)
            case "wait longer":
                await self.last.wait()
            case "cancel":  # a future of a library's that somebody else gave up
                given_up = asyncio.get_running_loop().create_future()
                given_up.cancel()
                await given_up
            case "spoil":  # no database takes half a character
                return SendResult(Outcome.ACCEPTED, ref="\ud800")
        return SendResult(Outcome.ACCEPTED, ref=f"ref-{message.id}")

    async def find(self, message: Outgoing, since: datetime) -> FindResult:
        return FindResult(Found.CANNOT_TELL)

    async def check(self) -> str:
        return "fine"

    def speaks(self, locale: str) -> bool:
        return True


class Door(Database):
    """The database, whose door for writing can be shut, and which counts how often it is opened."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.shut = False
        self.slams = 0  # so many writes fail, those of ``at_once`` not counted
        self.opened = 0
        self.hangs = self.hanging = False  # a piece of work waits until it no longer hangs
        self.hiccups = 0  # so many pieces of work fail, though the database answers
        self.then: Callable[[], None] | None = None  # done at the end of the next piece of work

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Session]:
        self.opened += 1
        self.slams, slam = max(0, self.slams - 1), self.slams > 0
        if self.shut or slam:
            raise ConnectionRefusedError("the database is away")
        async with super().write() as session:
            yield session

    async def at_once(self, work: Callable[[Connection], T]) -> T:
        self.opened += 1
        if self.shut:
            raise ConnectionRefusedError("the database is away")
        self.hanging = self.hangs
        while self.hangs:
            await asyncio.sleep(0.02)
        self.hiccups, hiccup = max(0, self.hiccups - 1), self.hiccups > 0
        if hiccup:
            raise InterfaceError("connection is closed", None, ConnectionError())
        done = await super().at_once(work)
        then, self.then = self.then, None
        if then:
            then()
        return done


@pytest.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    opened = Door(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def wire() -> Wire:
    return Wire()


def build(message: outgoing.Row) -> Outgoing:
    if message["body"] == "unbuildable":
        raise KeyError("a bug")
    return outgoing.build(message, callback_url="", unsubscribe_url=str, now=context.utc_now())


@asynccontextmanager
async def working(
    database: Database, wire: Wire, sender_id: int, *, concurrency: int = 10, urgent: int = 2, poll: float = 0.05,
    lease: float = 60, ahead: int = 0,
) -> AsyncIterator[sender.Lane]:  # fmt: skip
    """A lane that works; at the end it is stopped, and waited for."""
    rules = sender.Rules(
        concurrency=concurrency,
        urgent_slots=urgent,
        lease=timedelta(seconds=lease),
        poll=poll,
        policy=retry.Policy(),
        timezone=LONDON,
        ahead=ahead,
    )
    lane = sender.Lane(
        sender_id, wire, database=database, log=LOG, rules=rules, metrics=Metrics(), outgoing=build, worker="w",
        now=context.utc_now,
    )  # fmt: skip
    run = asyncio.create_task(lane.run())
    try:
        yield lane
    finally:
        lane.stop()
        async with asyncio.timeout(PATIENCE):
            await run


async def queue(database: Database, sender_id: int, *bodies: str, priority: int = 2) -> list[str]:
    """Due messages with these words, one after another. The words of ``Wire`` say what becomes of them."""
    now = context.utc_now()
    soon = [now - timedelta(milliseconds=len(bodies) - place) for place in range(len(bodies))]
    rows = [
        Message(
            id=school.ids.new_id(), sender_id=sender_id, medium=Medium.SMS, address=school.number(),
            slot=school.ids.new_id(), purpose=school.Purpose.SERVICE, priority=priority, body=body, state=S.QUEUED,
            due_at=due, created_at=now, changed_at=now,
        )
        for body, due in zip(bodies, soon, strict=True)
    ]  # fmt: skip
    await school.add(database, *rows)
    return [row.id for row in rows]


async def states(database: Database, ids: Sequence[str]) -> list[MessageState]:
    async with database.read() as session:
        rows = await session.scalars(select(Message).where(col(Message.id).in_(ids)))
        found = {row.id: row.state for row in rows}
    return [found[one] for one in ids]


def all_are(database: Database, ids: Sequence[str], *wanted: MessageState) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return all(state in wanted for state in await states(database, ids))

    return look


async def test_whatever_becomes_of_a_call_is_written_down(door: Door, wire: Wire) -> None:
    lane = await school.sender(door)
    words = ["", "refuse", "retry", "unknown", "raise", "cancel", "unbuildable"]
    ids = await queue(door, lane, *words)
    ends = [S.ACCEPTED, S.FAILED, S.QUEUED, S.UNKNOWN, S.UNKNOWN, S.UNKNOWN, S.FAILED]
    async with working(door, wire, lane):

        async def written() -> bool:
            return await states(door, ids) == ends

        await until(lambda: len(wire.calls) == 6)
        await until(written)
    assert sorted(wire.calls) == sorted(ids[:6]), "each once, and what cannot be built never"
    async with door.read() as session:
        attempts = [attempt for one in ids for attempt in await school.attempts(session, one)]
        accepted = await session.get_one(Message, ids[0])
    assert all(attempt.ended_at and attempt.outcome for attempt in attempts)
    assert accepted.ref == f"ref-{ids[0]}"


async def test_a_call_that_hangs_gives_up_its_slot_at_the_end_of_its_lease(door: Door, wire: Wire) -> None:
    lane = await school.sender(door)
    hung = await queue(door, lane, "hang", priority=0)
    fine = await queue(door, lane, "", "")
    async with working(door, wire, lane, concurrency=1, urgent=0, lease=0.3):
        await until(all_are(door, hung, S.UNKNOWN))
        await until(all_are(door, fine, S.ACCEPTED))


async def test_urgent_overtakes_bulk(door: Door, wire: Wire) -> None:
    lane = await school.sender(door, rate=1000, burst=1000)
    bulk = await queue(door, lane, *["wait"] * 6)
    async with working(door, wire, lane, concurrency=3, urgent=1) as running:
        await until(lambda: len(wire.calls) == 2)  # one slot is kept free
        urgent = await queue(door, lane, "", "", priority=0)
        running.wake()
        await until(all_are(door, urgent, S.ACCEPTED))
        assert wire.calls[2:4] == urgent
        assert await states(door, bulk) == [S.SENDING, S.SENDING, *[S.QUEUED] * 4]
        wire.gate.set()
        await until(all_are(door, bulk, S.ACCEPTED))


async def test_an_emergency_uses_the_last_slots_as_they_come_free(door: Door, wire: Wire) -> None:
    """The provider answers half of the calls and hangs in the others: nothing waits for a poll all the same."""
    lane = await school.sender(door, rate=1000, burst=1000)
    hung = await queue(door, lane, "wait", "wait", priority=0)
    await asyncio.sleep(0.01)  # those are due first
    fine = await queue(door, lane, *[""] * 8, priority=0)
    async with working(door, wire, lane, concurrency=4, urgent=2, poll=PATIENCE * 2):
        await until(all_are(door, fine, S.ACCEPTED))
        assert await states(door, hung) == [S.SENDING] * 2
        wire.gate.set()


async def test_stopping_finishes_what_is_on_the_wire_and_claims_nothing_more(door: Door, wire: Wire) -> None:
    lane = await school.sender(door)
    ids = await queue(door, lane, *["wait"] * 5)
    async with working(door, wire, lane, concurrency=2, urgent=0) as running:
        await until(lambda: len(wire.calls) == 2)
        running.stop()
        wire.gate.set()
    assert len(wire.calls) == 2
    assert sorted(await states(door, ids)) == sorted([S.ACCEPTED, S.ACCEPTED, S.QUEUED, S.QUEUED, S.QUEUED])


async def claimed_ahead(door: Door, wire: Wire, *words: str) -> tuple[int, list[str]]:
    lane = await school.sender(door, rate=1000, burst=1000)
    return lane, await queue(door, lane, *words)


async def test_what_is_ahead_waits_for_a_call_and_not_for_a_commit(door: Door, wire: Wire) -> None:
    lane, ids = await claimed_ahead(door, wire, *["wait"] * 6)
    async with working(door, wire, lane, concurrency=2, urgent=0, ahead=4):
        await until(all_are(door, ids, S.SENDING))
        assert len(wire.calls) == 2
        door.shut = True  # no turn can be made
        wire.gate.set()
        await until(lambda: len(wire.calls) == 6)
        door.shut = False
        await until(all_are(door, ids, S.ACCEPTED))
    assert wire.calls == ids


async def test_urgent_overtakes_what_is_ahead(door: Door, wire: Wire) -> None:
    lane, bulk = await claimed_ahead(door, wire, *["wait"] * 8)
    async with working(door, wire, lane, concurrency=2, urgent=1, ahead=4) as running:
        await until(all_are(door, bulk[:5], S.SENDING))
        urgent = await queue(door, lane, "", "", "", priority=0)
        running.wake()
        await until(all_are(door, urgent, S.ACCEPTED))
        assert wire.calls == [bulk[0], *urgent]
        wire.gate.set()
        await until(all_are(door, bulk, S.ACCEPTED))


async def test_what_is_ahead_goes_back_when_the_lane_stops(door: Door, wire: Wire) -> None:
    lane, ids = await claimed_ahead(door, wire, *["wait"] * 5)
    async with working(door, wire, lane, concurrency=2, urgent=0, ahead=4) as running:
        await until(all_are(door, ids, S.SENDING))
        running.stop()
        wire.gate.set()
    assert wire.calls == ids[:2]
    assert await states(door, ids) == [S.ACCEPTED, S.ACCEPTED, *[S.QUEUED] * 3]
    async with door.read() as session:
        assert [(await session.get_one(Message, one)).retries for one in ids] == [0] * 5


async def test_what_is_ahead_goes_back_when_the_provider_will_not_have_us(door: Door, wire: Wire) -> None:
    lane, ids = await claimed_ahead(door, wire, *["account"] * 6)
    async with working(door, wire, lane, concurrency=1, urgent=0, ahead=5):
        await until(all_are(door, ids, S.SENDING))
        wire.gate.set()
        await until(all_are(door, ids, S.QUEUED))
    assert wire.calls == ids[:1], "one is enough to be told"


async def test_what_waits_for_long_goes_back_and_the_guard_is_asked_again(door: Door, wire: Wire) -> None:
    lane, ids = await claimed_ahead(door, wire, "wait", "", "")
    async with working(door, wire, lane, concurrency=1, urgent=0, ahead=2):
        await until(all_are(door, ids, S.SENDING))
        await until(all_are(door, ids[1:], S.QUEUED))
        async with door.write() as session:
            barred = await session.get_one(Message, ids[1])
            session.add(OptOut(medium=Medium.SMS, address=barred.address, since=context.utc_now()))
        wire.gate.set()
        await until(all_are(door, ids[1:], S.SKIPPED, S.ACCEPTED))
    assert wire.calls == [ids[0], ids[2]]
    async with door.read() as session:
        first, *_, last = await school.attempts(session, ids[2])
    assert (first.code, last.outcome) == ("not begun", Outcome.ACCEPTED)


async def test_what_waits_for_long_is_not_called_while_a_turn_hangs(door: Door, wire: Wire) -> None:
    """The database stands still for a while: nobody could see by now who has told us to stop."""
    lane, ids = await claimed_ahead(door, wire, "wait", "wait longer", "")
    async with working(door, wire, lane, concurrency=2, urgent=0, ahead=2, poll=30) as running:
        await until(lambda: len(wire.calls) == 2)
        door.hangs = True
        running.wake()  # a turn begins, and comes to no end
        await until(lambda: door.hanging)
        await asyncio.sleep(retry.AHEAD_SECONDS)
        wire.gate.set()
        await asyncio.sleep(0.1)
        called = list(wire.calls)
        door.hangs = False
        wire.last.set()
        await until(all_are(door, ids, S.ACCEPTED))
    assert called == ids[:2]


async def test_after_a_trouble_of_the_account_no_further_message_is_called(door: Door, wire: Wire) -> None:
    lane = await school.sender(door)
    ids = await queue(door, lane, *["account"] * 8)
    async with working(door, wire, lane, concurrency=2, urgent=0):
        await until(lambda: len(wire.calls) == 2)
        wire.gate.set()

        async def open_now() -> bool:
            async with door.read() as session:
                return (await session.get_one(Sender, lane)).open_since is not None

        await until(open_now)
        await until(all_are(door, ids, S.QUEUED))
    assert len(wire.calls) == 2


async def test_what_a_last_turn_claims_is_not_called(door: Door, wire: Wire) -> None:
    lane = await school.sender(door)
    async with working(door, wire, lane, poll=30) as running:
        await until(lambda: door.opened > 0)
        ids = await queue(door, lane, "", "")
        door.then = running.stop
        running.wake()
    assert not wire.calls
    assert await states(door, ids) == [S.QUEUED, S.QUEUED]


async def test_a_hiccup_of_a_connection_loses_no_result(door: Door, wire: Wire) -> None:
    lane = await school.sender(door)
    ids = await queue(door, lane, "wait")
    async with working(door, wire, lane):
        await until(lambda: len(wire.calls) == 1)
        door.hiccups = 2
        wire.gate.set()
        await until(all_are(door, ids, S.ACCEPTED))
    assert door.hiccups == 0


async def test_a_lane_that_is_cut_off_while_the_database_is_away_keeps_its_results(door: Door, wire: Wire) -> None:
    lane_id = await school.sender(door)
    ids = await queue(door, lane_id, "wait")
    with suppress(asyncio.CancelledError):
        async with working(door, wire, lane_id):
            await until(lambda: len(wire.calls) == 1)
            door.shut = True
            before = door.opened
            wire.gate.set()
            await until(lambda: door.opened > before)
            [run] = [task for task in asyncio.all_tasks() if "Lane.run" in repr(task.get_coro())]
            await asyncio.sleep(0.1)  # it waits the trouble out
            run.cancel()
            door.shut = False
    assert await states(door, ids) == [S.ACCEPTED]


async def test_a_call_whose_lease_ends_before_its_first_step_is_not_forgotten(wire: Wire) -> None:
    """The machine slept in that moment."""
    ended = list[int]()
    under = calls.Calls(
        wire, limits=calls.Limits(1, 0, 60.0), metrics=Metrics(), outgoing=build, attachments=None,
        ended=lambda: ended.append(1),
    )  # fmt: skip
    under.begin([{"id": "1", "priority": 2, "body": "unbuildable"}], lease_ends=calls.elapsed() - 1)
    under.look_after()
    await until(lambda: ended == [1])
    assert (under.in_hand, len(under.results)) == (0, 1)


async def test_a_lane_that_is_cut_off_still_writes_down_what_comes_back(door: Door, wire: Wire) -> None:
    """Another loop of the daemon died: the lane's task is cancelled while a call is on the wire."""
    lane_id = await school.sender(door)
    ids = await queue(door, lane_id, "wait")
    with suppress(asyncio.CancelledError):
        async with working(door, wire, lane_id) as running, asyncio.TaskGroup() as group:
            del running
            await until(lambda: len(wire.calls) == 1)
            [run] = [task for task in asyncio.all_tasks() if "Lane.run" in repr(task.get_coro())]
            run.cancel()
            group.create_task(_open_soon(wire))
    assert await states(door, ids) == [S.ACCEPTED]


async def _open_soon(wire: Wire) -> None:
    await asyncio.sleep(0.1)
    wire.gate.set()


async def test_no_result_is_lost_while_the_database_is_away(door: Door, wire: Wire) -> None:
    lane = await school.sender(door)
    ids = await queue(door, lane, *["wait"] * 5)
    async with working(door, wire, lane, urgent=0) as running:
        await until(lambda: len(wire.calls) == 5)
        door.shut = True
        before = door.opened
        wire.gate.set()
        await until(lambda: door.opened >= before + 3)  # it tries, and tries again
        assert running.failing
        door.shut = False
        await until(all_are(door, ids, S.ACCEPTED))
        await until(lambda: not running.failing)  # with the next turn
    assert len(wire.calls) == 5, "nothing is sent twice"


async def test_what_was_settled_before_the_database_went_away_is_not_settled_again(door: Door, wire: Wire) -> None:
    """The line that says it was taken is found by the moment at which its call ended: that stays."""
    lane = await school.sender(door)
    taken, _ = ids = await queue(door, lane, "", "refuse")
    door.slams = 1
    async with working(door, wire, lane):
        await until(all_are(door, ids, S.ACCEPTED, S.FAILED))
    assert door.slams == 0
    assert await states(door, ids) == [S.ACCEPTED, S.FAILED]
    async with door.read() as session:
        lines = await messages.deeds(session, taken)
    assert [line.action for line in lines] == ["outbox.accepted", "outbox.claimed"]


async def test_a_lane_whose_results_could_not_be_written_down_does_not_wait_for_its_poll(
    door: Door, wire: Wire
) -> None:
    """The turn that failed had claimed the second message, and learnt that it must ask again in a moment."""
    lane = await school.sender(door, rate=20, burst=1)
    ids = await queue(door, lane, "refuse later", "wait longer")
    async with working(door, wire, lane, poll=3600) as running:
        await until(lambda: len(wire.calls) == 2)
        ids += await queue(door, lane, "", "")
        door.slams = 1
        wire.gate.set()
        for _ in range(5):  # the call has ended; the lane waits a moment for others to end
            await asyncio.sleep(0)
        running.wake()
        await until(all_are(door, [ids[0], *ids[2:]], S.ACCEPTED, S.FAILED))
        wire.last.set()
    assert door.slams == 0
    assert len(wire.calls) == 4


async def test_a_lane_that_stops_while_the_database_is_away_comes_to_an_end(door: Door, wire: Wire) -> None:
    lane = await school.sender(door)
    ids = await queue(door, lane, "wait")
    async with working(door, wire, lane) as running:
        await until(lambda: len(wire.calls) == 1)
        door.shut = True
        running.stop()
        wire.gate.set()
    door.shut = False
    assert await states(door, ids) == [S.SENDING], "its lease is written down, and will raise the doubt"


async def test_one_result_that_cannot_be_stored_does_not_spoil_the_others(door: Door, wire: Wire) -> None:
    lane = await school.sender(door)
    [spoiled] = await queue(door, lane, "spoil")
    ids = await queue(door, lane, *[""] * 5)
    async with working(door, wire, lane):
        await until(all_are(door, ids, S.ACCEPTED))
        more = await queue(door, lane, "", "")
        await until(all_are(door, more, S.ACCEPTED))
    assert await states(door, [spoiled]) == [S.SENDING]
    later = context.utc_now() + timedelta(hours=1)
    async with door.write() as session:
        assert await outbox.expire_leases(session, policy=retry.Policy(), log=LOG, now=later) == 1


async def test_a_server_that_cuts_every_connection_while_results_come_in(
    request: pytest.FixtureRequest, wire: Wire
) -> None:
    """The real thing: PostgreSQL throws everybody out, and lets nobody in for a while."""
    server, template = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_template")
    with databases.postgres_copy(server, template) as url:
        database = Database(url)
        try:
            lane = await school.sender(database)
            ids = await queue(database, lane, *["wait"] * 5)
            async with working(database, wire, lane, urgent=0):
                await until(lambda: len(wire.calls) == 5)
                await throw_out(url, let_in=False)
                wire.gate.set()
                await asyncio.sleep(1.5)
                await throw_out(url, let_in=True)
                await until(all_are(database, ids, S.ACCEPTED))
            assert len(wire.calls) == 5
        finally:
            await database.close()


async def throw_out(url: str, *, let_in: bool) -> None:
    target = Database(url)
    name = target.url.database
    admin = target.url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    await target.close()
    connection = await asyncpg.connect(admin)
    try:
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(let_in).lower()}')
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    finally:
        await connection.close()


@pytest.mark.parametrize("trouble", ["nothing due", "every slot taken", "held", "too fast"])
async def test_a_lane_with_nothing_to_do_rests(door: Door, wire: Wire, trouble: str) -> None:
    lane = await school.sender(
        door, rate=0.01 if trouble == "too fast" else 100, burst=1 if trouble == "too fast" else 9
    )
    if trouble == "held":
        async with door.write() as session:
            (await session.get_one(Sender, lane)).held_until = context.utc_now() + timedelta(hours=1)
    if trouble != "nothing due":
        await queue(door, lane, *["wait"] * 4)
    async with working(door, wire, lane, concurrency=2, urgent=0, poll=0.25):
        expected = {"nothing due": 0, "every slot taken": 2, "held": 0, "too fast": 1}[trouble]
        await until(lambda: len(wire.calls) == expected)
        await asyncio.sleep(0.3)  # whatever woke it has been looked at
        before, began = door.opened, time.monotonic()
        await asyncio.sleep(1)
        polls = (time.monotonic() - began) / 0.25
        assert door.opened - before <= polls + 2, "it looks at every poll, and no more"
        wire.gate.set()


async def test_a_sender_that_is_gone_is_left_alone(door: Door, wire: Wire) -> None:
    lane = await school.sender(door)
    async with door.write() as session:
        (await session.get_one(Sender, lane)).active = False
    ids = await queue(door, lane, "")
    async with working(door, wire, lane):
        await until(lambda: door.opened > 8)
    assert await states(door, ids) == [S.QUEUED]
