"""A school with families, whose notices are planned as the daemon plans them, on both databases."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import col, select
from support import desk, school

from channels import base
from channels.base import Medium, Outcome, SendResult
from config import sections
from gateway import context, digest, ids, intake, notices, outbox, retry
from gateway.database import Database
from gateway.definitions import model
from gateway.models import Audit, ContactPoint, LineType, Message, Notice, PointKind, Sender, Wish
from gateway.preferences import wishes

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
OFFICE = "+441134960001"
_MEDIA = {Medium.SMS: "twilio-sms", Medium.EMAIL: "smtp", Medium.VOICE: "twilio-voice"}


@dataclass
class House:
    """Does what a test says; ``senders`` are by medium."""

    database: Database
    clock: desk.Clock = field(default_factory=lambda: desk.Clock(MONDAY))
    senders: dict[Medium, int] = field(default_factory=dict[Medium, int])
    gateway: context.Gateway = field(init=False)

    def __post_init__(self) -> None:
        self.set()

    def set(self, *, quiet: Mapping[str, Any] | None = None, load: Mapping[str, Any] | None = None) -> None:
        made = desk.gateway(self.database, self.clock, drafts=True)
        settings = made.settings.model_copy(
            update={"quiet": sections.Quiet(**quiet or {}), "load": sections.Load(**load or {})}
        )
        self.gateway = dataclasses.replace(made, settings=settings)

    async def open(self) -> House:
        for medium, channel in _MEDIA.items():
            address = "office@oakfield.example" if medium is Medium.EMAIL else OFFICE
            row = Sender(channel=channel, medium=medium, address=address, rate=1000, burst=1000)
            await school.add(self.database, row)
            self.senders[medium] = row.id or 0
        return self

    async def parent(
        self, *children: int, phone: str = "", mail: str = "", name: str = "Maria", home: bool = True, **fields: Any
    ) -> int:
        contact = await school.contact(self.database, name, **fields)
        for child in children:
            await school.tie(self.database, child, contact, parental_responsibility=True, lives_with=home)
        if phone:
            await school.point(self.database, contact, phone)
        if mail:
            row = ContactPoint(contact_id=contact, kind=PointKind.EMAIL, address=mail, line_type=LineType.NONE)
            await school.add(self.database, row)
        return contact

    async def send(self, definition: model.Definition) -> list[Message]:
        """Hand a notice in and plan it. Gives its messages."""
        async with self.database.write() as session:
            notice = await notices.submit(session, self.gateway, definition, author="office")
        await self.plan()
        async with self.database.read() as session:
            stored = await session.get_one(Notice, notice.id)
            assert stored.trouble == ""
            run_ids = await notices.run_ids(session, stored)
            query = select(Message).where(col(Message.run_id).in_(run_ids)).order_by(col(Message.id))
            return list(await session.scalars(query))

    async def plan(self) -> None:
        while True:
            async with self.database.write() as session:
                if await notices.plan_due(session, self.gateway) is None:
                    return

    async def prefer(self, contact: int, topic: str, **media: str) -> None:
        wanted = {Medium(medium): Wish(wish) for medium, wish in media.items()}
        async with self.database.write() as session:
            await wishes.choose(session, contact, topic, wanted, by="office", log=desk.LOG, now=self.clock())

    async def digest(self) -> None:
        while await digest.work(self.gateway):
            pass

    async def claim(self, medium: Medium = Medium.SMS) -> outbox.Claim:
        """What the lane of a medium would send now."""
        now = self.clock()

        def turn(connection: Any) -> outbox.Claim:
            taken = outbox.claim(
                connection, self.senders[medium], outbox.Slots(50, 50), worker="w", lease=desk.timedelta(minutes=1),
                today=self.gateway.today(), now=now, quiet=self.gateway.is_quiet(now), sign=desk.LOG.sign,
            )  # fmt: skip
            desk.LOG.write(connection, taken.lines, now=now)
            return taken

        return await self.database.at_once(turn)

    async def leave(self, medium: Medium = Medium.SMS, outcome: Outcome = Outcome.ACCEPTED) -> list[str]:
        """Send what is due by a medium. Gives the words."""
        claim = await self.claim(medium)
        results = [outbox.Sent(row, SendResult(outcome, ref=f"R{row['id']}")) for row in claim.messages]
        await desk.settle(self.database, results, policy=retry.Policy(), now=self.clock())
        return [row["body"] for row in claim.messages]

    async def texted(self, body: str, *, sender: str) -> str:
        """A family's text is taken in. Gives what came of it."""
        reply = base.Reply(
            medium=Medium.SMS, sender=sender, to=OFFICE, body=body, event_id=ids.new_id(), at=self.clock()
        )
        async with self.database.write() as session:
            await intake.store(session, "twilio-sms", [reply], now=self.clock())
        await intake.handle_waiting(self.database, log=desk.LOG, answering=self.gateway.answering(), now=self.clock())
        async with self.database.read() as session:
            found = await session.scalars(select(intake.Inbound.outcome).order_by(col(intake.Inbound.id).desc()))
            return found.first() or ""

    async def messages(self) -> list[Message]:
        async with self.database.read() as session:
            return list(await session.scalars(select(Message).order_by(col(Message.id))))

    async def message(self, message_id: str) -> Message:
        async with self.database.read() as session:
            return await session.get_one(Message, message_id)

    async def deeds(self) -> list[str]:
        async with self.database.read() as session:
            return list(await session.scalars(select(Audit.action).order_by(col(Audit.id))))


@pytest.fixture
async def house(sqlite_database: Database) -> House:
    """On SQLite, where the rule is the same on both databases."""
    return await House(sqlite_database).open()


@pytest.fixture
async def each_house(database: Database) -> House:
    """On both databases, where the statements are what is tested."""
    return await House(database).open()
