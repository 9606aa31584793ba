"""Lanes at work, several on one database, and a wire that answers when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from channels.base import Channel, FindResult, Found, Medium, Outcome, Outgoing, SendResult
from gateway import context, outgoing, retry, routing, sender
from gateway.database import Database
from gateway.metrics import Metrics
from gateway.models import Message, MessageState, Sender
from support import school
from support.desk import LOG
from support.waiting import PATIENCE


class Wire:
    """A channel that keeps a list of its calls. ``answers`` set: at once; else each when ``answer`` names it."""

    name = "wire"
    medium = Medium.SMS

    def __init__(self, *, answers: bool = True) -> None:
        self.calls: list[str] = []
        self.answers = asyncio.Event()
        self._answered: dict[str, asyncio.Event] = {}
        if answers:
            self.answers.set()

    def answer(self, message_id: str) -> None:
        self._answered[message_id].set()

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, message: Outgoing) -> SendResult:
        self.calls.append(message.id)
        mine = self._answered[message.id] = asyncio.Event()
        waits = [asyncio.create_task(event.wait()) for event in (self.answers, mine)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return SendResult(Outcome.ACCEPTED, ref=f"ref-{message.id}")

    async def find(self, message: Outgoing, since: datetime) -> FindResult:
        return FindResult(Found.CANNOT_TELL)

    async def check(self) -> str:
        return "fine"

    def speaks(self, locale: str) -> bool:
        return True


def build(message: outgoing.Row) -> Outgoing:
    return outgoing.build(message, callback_url="", unsubscribe_url=str, now=context.utc_now())


def rules(*, concurrency: int = 10, urgent: int = 2, poll: float = 0.2, lease: float = 60) -> sender.Rules:
    return sender.Rules(
        concurrency=concurrency,
        urgent_slots=urgent,
        lease=timedelta(seconds=lease),
        poll=poll,
        policy=retry.Policy(),
        timezone=ZoneInfo("Europe/London"),
    )


def make(
    database: Database,
    wire: Channel,
    sender_id: int,
    *,
    worker: str = "w",
    now: Callable[[], datetime] = context.utc_now,
    outgoing: Callable[[outgoing.Row], Outgoing] = build,
    concurrency: int = 10,
    urgent: int = 2,
    poll: float = 0.2,
    lease: float = 60,
) -> sender.Lane:
    return sender.Lane(
        sender_id,
        wire,
        database=database,
        log=LOG,
        rules=rules(concurrency=concurrency, urgent=urgent, poll=poll, lease=lease),
        metrics=Metrics(),
        outgoing=outgoing,
        worker=worker,
        now=now,
    )


def router(senders: Mapping[Medium, Sequence[Sender]], *, now: datetime, **rules: Sequence[str]) -> routing.Router:
    """What chooses among senders by rules as the settings have them, by medium: ``sms=["twilio"]``."""
    wished = {Medium(medium): routing.rules(written) for medium, written in rules.items()}
    return routing.Router(senders, routing.Surroundings(wished, {}, {}), today=now.date(), now=now)


@asynccontextmanager
async def running(lane: sender.Lane) -> AsyncIterator[sender.Lane]:
    """A lane that works; at the end it is stopped, and waited for."""
    run = asyncio.create_task(lane.run())
    try:
        yield lane
    finally:
        lane.stop()
        async with asyncio.timeout(PATIENCE):
            await run


@asynccontextmanager
async def working(
    database: Database,
    wire: Wire,
    sender_id: int,
    *,
    concurrency: int = 10,
    urgent: int = 2,
    poll: float = 0.2,
    lease: float = 60,
) -> AsyncIterator[sender.Lane]:
    made = make(database, wire, sender_id, concurrency=concurrency, urgent=urgent, poll=poll, lease=lease)
    async with running(made) as lane:
        yield lane


def message(sender_id: int, *, priority: int = 2, address: str = "", parts: int = 1) -> Message:
    """A text that is due."""
    now = context.utc_now()
    return Message(
        id=school.ids.new_id(),
        sender_id=sender_id,
        medium=Medium.SMS,
        address=address or school.number(),
        slot=school.ids.new_id(),
        purpose=school.Purpose.SERVICE,
        priority=priority,
        body="Oakfield: hello",
        parts=parts,
        state=MessageState.QUEUED,
        due_at=now,
        created_at=now,
        changed_at=now,
    )


async def queue(database: Database, sender_id: int, *, count: int = 1, priority: int = 2, parts: int = 1) -> list[str]:
    rows = [message(sender_id, priority=priority, parts=parts) for _ in range(count)]
    await school.add(database, *rows)
    return [row.id for row in rows]
