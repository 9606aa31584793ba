"""The sending half of the gateway, whole: real lanes and channels, the sweeper, and a clock that runs fast."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from channels.base import Channel, Medium
from channels.email_smtp import SmtpEmail, SmtpServer
from channels.simulator import Simulator
from channels.twilio_account import TwilioAccount
from channels.twilio_sms import TwilioSms
from channels.twilio_voice import TwilioVoice
from config import sections
from gateway import context, daemon, outgoing, sender
from gateway.database import Database
from gateway.models import Audit, Message, MessageState, Purpose, Sender, Task
from gateway.models.types import core
from support import desk, school
from support.gate import Gate, opened
from support.waiting import PATIENCE

S = MessageState
ACCOUNT, TOKEN = "AC" + "0" * 32, "a-practice-token"
SPEED = 200  #: a minute passes in 0.3 seconds
HURRY = 2000  #: while nothing is to be done but to let time pass
TICK = 0.02  #: seconds
CONCURRENCY, URGENT_SLOTS = 4, 1
NAMES = {Medium.SMS: "twilio-sms", Medium.VOICE: "twilio-voice", Medium.EMAIL: "smtp"}
SCRIPT = {"opening": "This is Oakfield. Press one.", "fallback": "This is Oakfield.", "menu": "", "thanks": ""}


@dataclass
class Clock:
    """Runs fast, and can be set. It runs with the event loop: while that gets no turn, hardly any time passes.

    Or on a busy machine a minute would be over before anybody could do what is to be done in it.
    """

    _last: tuple[datetime, float, float] = field(default_factory=lambda: (desk.NOW, time.monotonic(), SPEED))

    def __call__(self) -> datetime:
        at, ticked, speed = self._last
        return at + timedelta(seconds=min(time.monotonic() - ticked, TICK) * speed)

    def jump(self, *, speed: float = SPEED, **span: float) -> None:
        self._last = (self() + timedelta(**span), time.monotonic(), speed)

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.jump(speed=self._last[2])

    async def passes(self, **span: float) -> None:
        """Let so much time pass, faster than it does otherwise."""
        later = self() + timedelta(**span)
        self.jump(speed=HURRY)
        while self() < later:
            await asyncio.sleep(TICK)
        self.jump()


@dataclass
class Engine:
    """One lane for each medium, each behind a gate of its own; ``world`` is what phones and mailboxes really got."""

    database: Database
    clock: Clock
    simulator: Simulator
    gates: Mapping[Medium, Gate]
    channels: Mapping[str, Channel]
    quiet: bool = False
    senders: dict[Medium, int] = field(default_factory=dict)
    gateway: context.Gateway = field(init=False)
    works: daemon.Daemon = field(init=False)

    def __post_init__(self) -> None:
        made = desk.gateway(self.database, channels=self.channels)
        settings = made.settings.model_copy(update={"sending": sections.Sending(lease_s=3600)})
        self.gateway = context.Gateway(
            settings=settings, database=self.database, log=desk.LOG, secret=b"s" * 32, channels=self.channels,
            now=self.clock,
        )  # fmt: skip
        self.works = daemon.Daemon(self.gateway, listen=None)

    async def add_senders(self) -> None:
        for medium, name in NAMES.items():
            address = "office@oakfield.example" if medium is Medium.EMAIL else f"+44113496000{len(self.senders)}"
            account = "smtp" if medium is Medium.EMAIL else "twilio"
            row = Sender(channel=name, medium=medium, address=address, rate=1000, burst=1000, account=account)
            await school.add(self.database, row)
            assert row.id
            self.senders[medium] = row.id

    def lane(self, medium: Medium) -> sender.Lane:
        rules = sender.Rules(
            concurrency=CONCURRENCY, urgent_slots=URGENT_SLOTS, lease=timedelta(hours=1), poll=0.02,
            policy=self.gateway.policy(), timezone=self.gateway.timezone,
            is_quiet=self.gateway.is_quiet if self.quiet else lambda _: False,
        )  # fmt: skip
        return sender.Lane(
            self.senders[medium], self.channels[NAMES[medium]], database=self.database, log=desk.LOG, rules=rules,
            metrics=self.gateway.metrics, outgoing=self._build, worker="w", now=self.clock,
        )  # fmt: skip

    def _build(self, message: outgoing.Row) -> Any:
        return outgoing.build(message, callback_url="", unsubscribe_url=str, now=self.clock())

    async def queue(
        self, medium: Medium, count: int = 1, *, purpose: Purpose = Purpose.SERVICE, priority: int = 2
    ) -> list[Message]:
        now = self.clock()
        rows = []
        for _ in range(count):
            one = school.ids.new_id()
            address = f"{one.lower()}@example.com" if medium is Medium.EMAIL else school.number()
            rows.append(
                Message(
                    id=one,
                    sender_id=self.senders[medium],
                    medium=medium,
                    address=address,
                    slot=one,
                    purpose=purpose,
                    priority=priority,
                    language="en",
                    subject="Hello",
                    body=f"Oakfield: hello {one}",
                    script=SCRIPT if medium is Medium.VOICE else None,
                    state=S.QUEUED,
                    due_at=now,
                    created_at=now,
                    changed_at=now,
                )
            )
        await school.add(self.database, *rows)
        return rows

    async def rows(self, messages: Sequence[Message]) -> list[Message]:
        async with self.database.read() as session:
            found = await session.scalars(sa.select(Message).where(core(Message).c.id.in_([m.id for m in messages])))
            return list(found)

    async def all_are(self, messages: Sequence[Message], *states: MessageState) -> bool:
        return all(row.state in states for row in await self.rows(messages))

    async def lane_row(self, medium: Medium) -> Sender:
        async with self.database.read() as session:
            return await session.get_one(Sender, self.senders[medium])

    async def held(self, medium: Medium) -> bool:
        return (await self.lane_row(medium)).held_until is not None

    async def wait_out_hold(self, medium: Medium) -> None:
        """Be at the end of a hold, which is never longer than a provider's wish may be."""
        until = (await self.lane_row(medium)).held_until
        if until is not None and (left := until - self.clock()) > timedelta(0):
            assert left <= timedelta(seconds=self.gateway.policy().asked_most)
            self.clock.jump(seconds=left.total_seconds())

    async def tasks(self) -> list[Task]:
        async with self.database.read() as session:
            return list(await session.scalars(sa.select(Task)))

    async def audited(self, action: str) -> int:
        async with self.database.read() as session:
            query = sa.select(sa.func.count()).select_from(Audit).where(core(Audit).c.action == action)
            return await session.scalar(query) or 0

    def got(self, message: Message) -> int:
        """How many copies the person really got."""
        world = self.simulator.world
        if message.medium is Medium.EMAIL:
            return len(world.mails_to(message.address))
        if message.medium is Medium.VOICE:
            return len(world.calls_to(message.address))
        return len([text for text in world.texts_to(message.address) if message.body in text.body])

    async def look_after(self) -> None:
        """What the clock's jobs do."""
        expire, sweep = self.works.jobs.expire, self.works.jobs.sweep
        while True:
            with contextlib.suppress(Exception):  # the database is away: the daemon's ticker goes on too
                await expire()
                await sweep()
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(
    database: Database,
    *,
    smtp: Mapping[str, Any] | None = None,
    texts: Mapping[str, Any] | None = None,
    world: Mapping[str, Any] | None = None,
    tls: ssl.SSLContext | None = None,
    quiet: bool = False,
) -> AsyncIterator[Engine]:
    """An engine with nothing in its queue.

    ``smtp``, ``texts``, ``world``  further settings of the two channels and of the simulator
    ``tls``  what the mail gate shows
    ``quiet``  whether the lanes keep quiet hours: most tests run into the night
    """
    clock = Clock()
    simulator = Simulator(account_sid=ACCOUNT, auth_token=TOKEN, now=clock, **(world or {}))
    await simulator.start()
    http_port = int(simulator.http_url.rpartition(":")[2])
    gates = {medium: Gate(simulator.smtp_port if medium is Medium.EMAIL else http_port) for medium in NAMES}
    gates[Medium.EMAIL].tls = tls
    async with opened(*gates.values()):

        def account(medium: Medium) -> TwilioAccount:
            url = f"http://127.0.0.1:{gates[medium].port}"
            quick = {"connect_seconds": 0.4, "read_seconds": 0.4, "total_seconds": 0.9}
            given: dict[str, Any] = {"account_sid": ACCOUNT, "auth_token": TOKEN, "api_base_url": url} | quick
            if medium is Medium.SMS and texts:
                given |= {"api_base_url": texts["api_base_url"].format(port=gates[medium].port)}
            return TwilioAccount(**given)

        server: dict[str, Any] = {"host": "127.0.0.1", "port": gates[Medium.EMAIL].port, "security": "none"}
        server |= {"timeout": 0.4, "deadline": 1.5, **(smtp or {})}
        found: list[Channel] = [TwilioSms(account(Medium.SMS)), TwilioVoice(account(Medium.VOICE))]
        found.append(SmtpEmail(SmtpServer(**server), now=clock))
        for channel in found:
            await channel.open()
        engine = Engine(database, clock, simulator, gates, {channel.name: channel for channel in found}, quiet)
        await engine.add_senders()
        lanes = [engine.lane(medium) for medium in NAMES]
        runs = [asyncio.create_task(lane.run()) for lane in lanes]
        jobs, ticks = asyncio.create_task(engine.look_after()), asyncio.create_task(clock.tick())
        try:
            yield engine
            assert not [run for run in (*runs, jobs, ticks) if run.done()], "nothing of the gateway has died"
        finally:
            jobs.cancel()
            for lane in lanes:
                lane.stop()
            await asyncio.wait([*runs, jobs], timeout=PATIENCE)
            ticks.cancel()
            for channel in found:
                await channel.close()
            await simulator.stop()
