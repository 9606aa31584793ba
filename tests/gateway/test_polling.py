"""Looks at a provider's lists: each event once, whatever fails, whoever looks, and whichever way it came first."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import exc
from sqlmodel import select
from support import desk, school
from support.waiting import until

from channels import base, twilio_polling
from channels.base import Medium, ReceiptState
from config import sections
from gateway import context, daemon, guard, intake, polling
from gateway.database import Database
from gateway.models import Attempt, Inbound, Message, MessageState, Reply, Watermark

NUMBER = "+441134960001"
INBOUND = f"inbound {NUMBER}"
PAGE = 3
_names = itertools.count()


@dataclass
class Record:
    """A text in the provider's list; it shows from ``appears`` on."""

    sid: str
    date_created: datetime
    appears: datetime
    body: str = "Yes"
    status: str = "received"


@dataclass
class Page:
    """One page, counted by position: what comes meanwhile shifts it."""

    provider: Provider
    number: int

    def __iter__(self) -> Page:
        self.left = iter(self.provider.shown()[self.number * PAGE : (self.number + 1) * PAGE])
        return self

    def __next__(self) -> Record:
        return next(self.left)

    async def next_page_async(self) -> Page | None:
        more = len(self.provider.shown()) > (self.number + 1) * PAGE
        return self.provider.page(self.number + 1) if more else None


@dataclass
class Provider:
    """A channel whose list is in memory and is read by Twilio's reader. ``name`` is its own in each test."""

    clock: desk.Clock
    name: str = ""
    medium: Medium = Medium.SMS
    records: list[Record] = field(default_factory=list)
    fails_at: int | None = None
    wait: float | None = None
    statuses: dict[str, str] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    looks: int = 0

    def __post_init__(self) -> None:
        self.name = self.name or f"wire-{next(_names)}"

    def arrive(self, *, late: float = 0, body: str = "Yes") -> Record:
        created = self.clock()
        record = Record(f"{self.name}-{len(self.records)}", created, created + timedelta(minutes=late), body)
        self.records.append(record)
        return record

    def shown(self) -> list[Record]:
        found = [record for record in self.records if record.appears <= self.clock()]
        found.reverse()
        return sorted(found, key=lambda record: record.date_created, reverse=True)

    def page(self, number: int) -> Page:
        if self.fails_at == number:
            raise base.CouldNotLook("The line was cut.", wait=self.wait)
        return Page(self, number)

    def streams(self) -> Sequence[str]:
        return (INBOUND,)

    def look(self, stream: str, since: datetime, *, now: datetime) -> AsyncGenerator[base.Look, None]:
        self.looks += 1

        async def first() -> Page:
            return self.page(0)

        return twilio_polling.look(first, self.event, since, now=now)

    def event(self, record: Record) -> base.Reply:
        return base.Reply(Medium.SMS, "+447700900123", NUMBER, record.body, record.sid, record.date_created)

    async def follow(
        self, pending: Sequence[base.Pending], *, now: datetime
    ) -> AsyncGenerator[Sequence[base.Receipt], None]:
        self.page(0)
        self.asked.append([one.ref for one in pending])
        yield [self.receipt(one.ref, now) for one in pending if one.ref in self.statuses]

    def receipt(self, ref: str, now: datetime) -> base.Receipt:
        status = self.statuses[ref]
        state = {"delivered": ReceiptState.DELIVERED, "failed": ReceiptState.FAILED}.get(status, ReceiptState.ACCEPTED)
        return base.Receipt("", ref, state, f"{ref}:{status}", now)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, message: base.Outgoing) -> base.SendResult:
        return base.SendResult(base.Outcome.ACCEPTED, ref=f"ref-{message.id}")

    async def find(self, message: base.Outgoing, since: datetime) -> base.FindResult:
        return base.FindResult(base.Found.CANNOT_TELL)

    async def check(self) -> str:
        return "fine"

    def speaks(self, locale: str) -> bool:
        return True


@dataclass
class Bench:
    """A gateway with one polled channel."""

    gateway: context.Gateway
    provider: Provider
    clock: desk.Clock

    def looks(self, name: str = INBOUND) -> polling.Looks:
        [stream] = [one for one in polling.streams(self.gateway) if one.name == name]
        pause = polling.pause(self.gateway)
        assert pause is not None
        return polling.Looks(self.gateway, stream, pause, arrived=lambda: None, turned=lambda: None)

    async def mark(self, name: str = INBOUND) -> Watermark:
        query = select(Watermark).where(Watermark.channel == self.provider.name, Watermark.stream == name)
        async with self.gateway.database.read() as session:
            return (await session.scalars(query)).one()

    async def stored(self) -> list[str]:
        query = select(Inbound.event_id).where(Inbound.channel == self.provider.name).order_by(sa.column("id"))
        async with self.gateway.database.read() as session:
            return list(await session.scalars(query))

    async def handle(self) -> None:
        now = self.clock()
        while await intake.handle_waiting(self.gateway.database, log=self.gateway.log, now=now):
            pass


def bench_on(database: Database, **twilio: object) -> Bench:
    clock = desk.Clock()
    provider = Provider(clock)
    made = desk.gateway(database, clock, channels={provider.name: provider})
    chosen = made.settings.model_copy(update={"twilio": sections.Twilio.model_validate(twilio)})
    return Bench(replace(made, settings=chosen), provider, clock)


@pytest.fixture
def bench(database: Database) -> Bench:
    return bench_on(database)


async def test_what_came_while_we_were_away_is_stored_oldest_first(bench: Bench) -> None:
    bench.clock.pass_(hours=-30)
    bench.provider.arrive()  # before there was a Handbell
    bench.clock.pass_(hours=10)
    sent = []
    for _ in range(10):
        sent.append(bench.provider.arrive().sid)
        bench.clock.pass_(hours=2)
    await bench.looks().tick()
    assert await bench.stored() == sent
    mark = await bench.mark()
    assert mark.since == bench.provider.records[-1].date_created, "by the provider's clock, not by ours"
    assert (mark.looked_at, mark.failures, mark.trouble) == (bench.clock(), 0, "")


async def test_a_look_that_stops_half_way_moves_nothing_and_backs_off(bench: Bench) -> None:
    for _ in range(3 * PAGE):
        bench.provider.arrive()
    looks = bench.looks()
    bench.provider.fails_at = 2
    await looks.tick()
    before = await bench.mark()
    assert await bench.stored() == []
    assert (before.failures, before.trouble, before.looked_at) == (1, "The line was cut.", None)
    assert before.due_at == bench.clock() + timedelta(seconds=30)
    waits = []
    for _ in range(8):
        bench.clock.now = (await bench.mark()).due_at
        await looks.tick()
        waits.append(((await bench.mark()).due_at - bench.clock()).total_seconds())
    assert waits == [60, 120, 240, 480, 900, 900, 900, 900]
    assert (await bench.mark()).since == before.since
    bench.provider.fails_at = None
    await looks.tick()
    assert await bench.stored() == [], "it is not time yet"
    bench.clock.pass_(minutes=15)
    await looks.tick()
    assert len(await bench.stored()) == 3 * PAGE
    mark = await bench.mark()
    assert (mark.failures, mark.trouble, mark.looked_at) == (0, "", bench.clock())


async def test_as_long_as_the_provider_asks_is_waited(bench: Bench) -> None:
    bench.provider.fails_at, bench.provider.wait = 0, 2000
    await bench.looks().tick()
    assert (await bench.mark()).due_at == bench.clock() + timedelta(seconds=2000)


async def test_a_process_that_starts_looks_at_once(bench: Bench) -> None:
    """Whatever was written before: by a mode that looked rarely, or by a process that was killed in its look."""
    await bench.looks().tick()
    async with bench.gateway.database.write() as session:
        await session.execute(sa.update(Watermark).values(due_at=bench.clock() + timedelta(hours=5)))
    sid = bench.provider.arrive().sid
    looks = bench.looks()
    await looks.tick()
    assert await bench.stored() == [sid]
    bench.provider.arrive()
    await looks.tick()
    assert len(await bench.stored()) == 1


async def test_a_clock_that_was_set_back_keeps_nobody_from_looking(bench: Bench) -> None:
    looks = bench.looks()
    await looks.tick()
    bench.clock.now -= timedelta(hours=3)
    sid = bench.provider.arrive().sid
    await looks.tick()
    assert await bench.stored() == [sid]


async def test_a_look_that_the_database_fails_in_comes_again_in_time(bench: Bench) -> None:
    """Not only when its lease is over; nor at once, as a bug of ours would ask the provider without end."""
    looks = bench.looks()
    await looks.tick()
    async with bench.gateway.database.write() as session:
        await session.execute(sa.text("ALTER TABLE inbound RENAME TO away"))
    bench.clock.pass_(seconds=30)
    sid = bench.provider.arrive().sid
    with pytest.raises(exc.DBAPIError):
        await looks.tick()
    async with bench.gateway.database.write() as session:
        await session.execute(sa.text("ALTER TABLE away RENAME TO inbound"))
    seen = bench.provider.looks
    await looks.tick()
    assert bench.provider.looks == seen
    bench.clock.pass_(seconds=30)
    await looks.tick()
    assert await bench.stored() == [sid]
    bench.clock.pass_(seconds=1)
    await looks.tick()
    assert bench.provider.looks == seen + 1, "from then on it follows the plan again"


async def test_processes_share_one_plan(bench: Bench) -> None:
    many = [bench.looks() for _ in range(4)]
    for looks in many:
        await looks.tick()
        bench.clock.pass_(seconds=1)
    bench.provider.looks = 0
    for _ in range(40):
        bench.clock.pass_(seconds=30)
        bench.provider.arrive()
        await asyncio.gather(*(looks.tick() for looks in many))
    assert bench.provider.looks == 40
    assert len(await bench.stored()) == len(set(await bench.stored())) == 40


async def test_processes_that_look_at_once_do_no_harm(bench: Bench) -> None:
    for _ in range(2 * PAGE + 1):
        bench.provider.arrive()
    await asyncio.gather(*(bench.looks().tick() for _ in range(3)))
    assert sorted(await bench.stored()) == sorted(record.sid for record in bench.provider.records)


async def test_a_watermark_never_goes_back(bench: Bench) -> None:
    looks = bench.looks()
    bench.provider.arrive()
    await looks.tick()
    since = (await bench.mark()).since
    bench.provider.records.clear()
    bench.clock.pass_(minutes=1)
    await looks.tick()
    assert (await bench.mark()).since == since


async def test_webhook_and_look_take_an_answer_once(bench: Bench) -> None:
    first, second = bench.provider.arrive(), bench.provider.arrive()
    bench.clock.pass_(seconds=1)
    async with bench.gateway.database.write() as session:
        await intake.store(session, bench.provider.name, [bench.provider.event(first)], now=bench.clock())
    await bench.looks().tick()
    async with bench.gateway.database.write() as session:
        await intake.store(session, bench.provider.name, [bench.provider.event(second)], now=bench.clock())
    await bench.handle()
    async with bench.gateway.database.read() as session:
        assert await session.scalar(select(sa.func.count()).select_from(Reply)) == 2


async def test_what_came_for_another_schools_number_is_none_of_ours(bench: Bench) -> None:
    """Notify's list is of a whole service, which schools of a trust may share."""
    bench.gateway = replace(bench.gateway, elsewhere=frozenset({NUMBER}))
    bench.provider.arrive()
    bench.clock.pass_(minutes=1)
    await bench.looks().tick()
    assert await bench.stored() == []
    assert (await bench.mark()).since == bench.provider.records[-1].date_created, "it was read all the same"


async def accepted(bench: Bench, count: int) -> list[str]:
    sender = await school.sender(bench.gateway.database, channel=bench.provider.name)
    found = []
    for _ in range(count):
        ref = f"SM{next(_names)}"
        now = bench.clock()
        await school.message(bench.gateway.database, sender, now=now, state=MessageState.ACCEPTED, ref=ref)
        found.append(ref)
    return found


async def states(bench: Bench) -> dict[str, MessageState]:
    async with bench.gateway.database.read() as session:
        return {row.ref: row.state for row in await session.scalars(select(Message))}


async def test_a_message_is_followed_until_its_last_word(bench: Bench) -> None:
    one, other = await accepted(bench, 2)
    looks = bench.looks(polling.STATUSES)
    bench.provider.statuses = {one: "sent", other: "delivered", "SM-not-ours": "delivered"}
    await looks.tick()
    await bench.handle()
    assert await states(bench) == {one: MessageState.ACCEPTED, other: MessageState.DELIVERED}
    bench.clock.pass_(seconds=30)
    await looks.tick()
    assert bench.provider.asked == [[one, other], [one]]
    bench.provider.statuses[one] = "failed"
    bench.clock.pass_(hours=60)
    await looks.tick()
    await bench.handle()
    assert await states(bench) == {one: MessageState.FAILED, other: MessageState.DELIVERED}
    assert sorted(await bench.stored()) == sorted([f"{one}:sent", f"{one}:failed", f"{other}:delivered"])
    bench.clock.pass_(hours=1)
    await looks.tick()
    assert len(bench.provider.asked) == 3, "nothing is open any more, so nothing is asked"


async def test_what_evidence_found_late_is_looked_for_where_the_list_has_it(bench: Bench) -> None:
    """In the list it stands from when it was called, not from when we heard that it was taken."""
    [ref] = await accepted(bench, 1)
    begun = bench.clock() - timedelta(minutes=10)
    async with bench.gateway.database.write() as session:
        one = (await session.scalars(select(Message).where(Message.ref == ref))).one()
        one.attempt = 1
        session.add(Attempt(message_id=one.id, number=1, worker="w", begun_at=begun))
    async with bench.gateway.database.read() as session:
        [pending] = await polling._open(session, bench.provider.name, now=bench.clock())
    assert pending == base.Pending(ref, begun)


async def test_a_failed_text_is_followed_as_long_as_its_second_copy_waits(bench: Bench) -> None:
    """A late truth stops the copy, and where nobody calls us back it must be asked for."""
    database, now = bench.gateway.database, bench.clock()
    sender, run = await school.sender(database, channel=bench.provider.name), await school.run(database, now=now)
    refs = {"first": "SM-first", f"first{guard.AGAIN}": "", "gone": "SM-gone"}
    for slot, ref in refs.items():
        state = MessageState.FAILED if ref else MessageState.QUEUED
        message_id = await school.message(database, sender, now=now, run=run, state=state, ref=ref)
        async with database.write() as session:
            await session.execute(sa.update(Message).where(Message.id == message_id).values(slot=slot))
    looks = bench.looks(polling.STATUSES)
    bench.provider.statuses = {"SM-first": "delivered"}
    await looks.tick()
    await bench.handle()
    assert bench.provider.asked == [["SM-first"]]
    assert (await states(bench))["SM-first"] is MessageState.DELIVERED


async def test_the_older_a_message_the_more_rarely_it_is_asked_about(bench: Bench) -> None:
    [ref] = await accepted(bench, 1)
    looks = bench.looks(polling.STATUSES)
    begun = bench.clock()
    at = []
    while bench.clock() - begun < timedelta(days=4):
        before = len(bench.provider.asked)
        await looks.tick()
        waited = (bench.clock() - begun).total_seconds() / 60
        if len(bench.provider.asked) > before:
            at.append(waited)
        bench.clock.pass_(minutes=5 if waited < 240 else 60)  # the days after the first hours in bigger steps
    assert at == [0, 5, 10, 15, 30, 60, 120, 240, 480, 960, 1920, 3840]
    assert (await states(bench))[ref] is MessageState.ACCEPTED


async def test_a_turn_that_was_missed_is_made_up_once(bench: Bench) -> None:
    refs = await accepted(bench, 2)
    looks = bench.looks(polling.STATUSES)
    await looks.tick()
    bench.provider.fails_at = 0
    bench.clock.pass_(hours=7)
    await looks.tick()
    bench.provider.fails_at = None
    bench.clock.pass_(hours=1, seconds=-1)
    await looks.tick()
    bench.clock.pass_(seconds=120)
    await looks.tick()
    assert bench.provider.asked == [refs, refs, refs]


def test_very_many_come_in_turns_that_miss_nobody() -> None:
    now = desk.NOW
    pending = [base.Pending(f"SM{n}", now - timedelta(minutes=20, seconds=n // 7)) for n in range(1000)]
    asked: list[str] = []
    since = now - polling.FOLLOWED
    for _ in range(9):
        part, since = polling.turns(pending, since=since, now=now)
        assert len(part) <= 220
        asked += [one.ref for one in part]
    assert sorted(asked) == sorted(one.ref for one in pending)
    assert since == now


async def test_the_mode_is_the_settings_word(sqlite_database: Database) -> None:
    def seconds(url: str = "", **twilio: object) -> float | None:
        made = bench_on(sqlite_database, **twilio).gateway
        web = sections.Web(public_base_url=url)
        span = polling.pause(replace(made, settings=made.settings.model_copy(update={"web": web})))
        return span.total_seconds() if span else None

    url = "https://school.example"
    assert (seconds(), seconds(url)) == (30, 900)
    assert (seconds(poll="always"), seconds(url, poll="always")) == (30, 30)
    assert (seconds(poll="never"), seconds(url, poll="never")) == (None, None)
    assert (seconds(poll_every_s=5), seconds(url, poll_every_s=60)) == (5, 60)


async def test_looks_that_have_failed_for_long_are_told(bench: Bench) -> None:
    async def told() -> list[str]:
        async with bench.gateway.database.read() as session:
            return await polling.troubles(session, bench.gateway)

    looks = bench.looks()
    await looks.tick()
    assert await told() == []
    bench.provider.fails_at = 0
    for _ in range(10):
        bench.clock.pass_(minutes=16)
        await looks.tick()
    [sentence] = await told()
    assert sentence == (
        f"The list inbound …0001 of {bench.provider.name} could be read to its end last at 2026-11-23 09:00 UTC. "
        "The line was cut."
    )
    bench.provider.fails_at = None
    bench.clock.pass_(minutes=16)
    await looks.tick()
    assert await told() == []


async def test_the_daemon_looks_by_itself(sqlite_database: Database) -> None:
    bench = bench_on(sqlite_database, poll_every_s=1)
    [ref] = await accepted(bench, 1)
    bench.provider.arrive()
    bench.provider.statuses[ref] = "delivered"
    works = daemon.Daemon(bench.gateway, listen=None, roles=("clock",))
    running = asyncio.create_task(works.run())

    async def done() -> bool:
        assert not running.done(), running
        found = (await states(bench))[ref]
        async with bench.gateway.database.read() as session:
            return found is MessageState.DELIVERED and bool((await session.scalars(select(Reply))).all())

    await until(done, "the text is known to be delivered, and the answer is in")
    works.stop()
    await running


DEEDS = st.one_of(
    st.tuples(st.just("arrive"), st.sampled_from([0, 30, 50, 59])),  # minutes late
    st.tuples(st.just("burst"), st.integers(1, 30)),
    st.tuples(st.just("look"), st.integers(0, 1)),
    st.tuples(st.just("fail"), st.integers(0, 4)),
    st.tuples(st.just("webhook"), st.integers(0, 20)),
)
SECONDS = st.sampled_from([1, 120, 600, 1500, 100_000])
STEPS = st.lists(st.tuples(SECONDS, DEEDS), min_size=6, max_size=30)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_every_event_is_stored_exactly_once(
    sqlite_database: Database, steps: Sequence[tuple[int, tuple[str, int]]]
) -> None:
    """Arrivals, late appearances within the overlap, looks of two processes, failures and webhooks in any order."""
    bench = bench_on(sqlite_database)
    provider, clock = bench.provider, bench.clock
    lasting = bench.looks()

    async def look(which: int) -> None:
        clock.pass_(minutes=16)  # beyond any pause
        await (lasting if which else bench.looks()).tick()

    # The first look says from when on we listen; an older text may lie too far back for it.
    for seconds, (word, number) in [(1, ("look", 1)), *steps, (3600, ("look", 0))]:
        clock.pass_(seconds=seconds)
        match word:
            case "arrive":
                provider.arrive(late=number)
            case "burst":
                for _ in range(number):
                    provider.arrive()
            case "look":
                await look(number)
            case "fail":
                provider.fails_at = number
                await look(1)
                provider.fails_at = None
            case _ if number < len(provider.records):
                event = provider.event(provider.records[number])
                async with bench.gateway.database.write() as session:
                    await intake.store(session, provider.name, [event], now=clock())
    assert sorted(await bench.stored()) == sorted(record.sid for record in provider.records)
