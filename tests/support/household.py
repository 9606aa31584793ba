"""A family, an office that sends texts and emails, and what comes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import col, select

from channels import base
from channels.base import Medium
from gateway import context, ids, intake, notices, runs, turns
from gateway.database import Database
from gateway.desk import arriving, promise
from gateway.freshness import rounds
from gateway.models import (
    Attempt,
    ContactPoint,
    FreshQuestion,
    Message,
    MessageState,
    NewDetail,
    Notice,
    PointKind,
    Reply,
    Sender,
    Task,
)
from gateway.understanding import library
from support import desk, school
from support.desk import LOG

MUM, DAD, NEW, OFFICE = "+447700900001", "+447700900002", "+447700900123", "+441134960001"
PRAISE = {
    "purpose": "good_news",
    "template": "good_news",
    "text": {},
    "values": {"news": "She helped.", "staff": "Ms Okafor"},
}


@dataclass
class House:
    """A school with one family, and everything that a test does with it."""

    gateway: context.Gateway
    clock: desk.Clock
    child: int
    mother: int
    father: int
    phone: int
    other_phone: int

    @property
    def database(self) -> Database:
        return self.gateway.database

    async def send(self, **changes: Any) -> list[Message]:
        """Plan a notice, let it go out, and give its messages."""
        wanted = desk.definition(**{"key": ids.new_id().lower()} | changes)
        async with self.database.write() as session:
            await notices.submit(session, self.gateway, wanted, author="office")
        async with self.database.write() as session:
            notice = (await session.scalars(select(Notice).where(Notice.key == wanted.key))).one()
            run = await runs.begin(session, self.gateway, notice, wanted, fire_at=self.gateway.now())
            await runs.advance(session, self.gateway, notice, wanted, run)
            run_id = run.id
        await self.leave()
        return [one for one in await self.messages() if one.run_id == run_id]

    async def praise(self) -> Message:
        """Good news by text; gives the mother's."""
        found = await self.send(**PRAISE)
        return next(one for one in found if one.address == MUM)

    async def leave(self) -> None:
        """Whatever is queued has gone out and was delivered."""
        async with self.database.write() as session:
            for one in await session.scalars(select(Message).where(Message.state == MessageState.QUEUED)):
                if one.due_at > self.clock():
                    continue
                one.state, one.attempt, one.changed_at = MessageState.DELIVERED, 1, self.clock()
                session.add(one)
                session.add(Attempt(message_id=one.id, number=1, worker="w", begun_at=self.clock()))
        self.clock.pass_(minutes=1)

    async def hears(
        self, body: str, *, sender: str = MUM, medium: Medium = Medium.SMS, keys: str = "", to_message: str = ""
    ) -> None:
        """A family writes, or presses a key, and everybody of the house has looked at it."""
        to = "office@oakfield.example" if medium is Medium.EMAIL else OFFICE
        reply = base.Reply(
            medium=medium, sender=sender, to=to, body=body, event_id=ids.new_id(), at=self.clock(), keys=keys,
            in_reply_to=to_message,
        )  # fmt: skip
        async with self.database.write() as session:
            await intake.store(session, "twilio-sms", [reply], now=self.clock())
        gateway = self.gateway
        await intake.handle_waiting(self.database, log=LOG, answering=gateway.answering(), now=self.clock())

        async def look() -> int:
            async with self.database.write() as session:
                return await arriving.turn(session, gateway, promise.load(gateway.settings), library.load())

        while await turns.again(look):
            pass
        await self.turn()
        self.clock.pass_(minutes=1)

    def change(self, **freshness: Any) -> None:
        """Let the school have other settings of freshness."""
        settings = self.gateway.settings
        changed = settings.freshness.model_copy(update=freshness)
        self.gateway = replace(self.gateway, settings=settings.model_copy(update={"freshness": changed}))

    async def turn(self) -> None:
        async with self.database.write() as session:
            await rounds.turn(session, self.gateway)

    async def slow_turn(self, *, processes: int = 1) -> None:
        """Three hands may do it at once, as there may be ten processes."""

        async def turn() -> None:
            async with self.database.write() as session:
                await rounds.slow_turn(session, self.gateway)

        await asyncio.gather(*(turns.again(turn) for _ in range(processes)))

    async def messages(self) -> list[Message]:
        return await self.all(Message, col(Message.created_at), col(Message.id))

    async def to(self, address: str, slot: str = "") -> list[Message]:
        return [one for one in await self.messages() if one.address == address and one.slot.startswith(slot)]

    async def point(self, point_id: int) -> ContactPoint:
        async with self.database.read() as session:
            return await session.get_one(ContactPoint, point_id)

    async def points(self, contact_id: int) -> dict[str, ContactPoint]:
        return {one.address: one for one in await self.all(ContactPoint) if one.contact_id == contact_id}

    async def details(self) -> list[NewDetail]:
        return await self.all(NewDetail, col(NewDetail.id))

    async def questions(self) -> list[FreshQuestion]:
        return await self.all(FreshQuestion, col(FreshQuestion.id))

    async def waiting(self) -> list[str]:
        """The words that nobody has understood."""
        return [one.body for one in await self.all(Reply) if not one.settled and not one.option]

    async def tasks(self) -> list[str]:
        """The kinds of the open tasks."""
        return sorted(one.kind for one in await self.all(Task) if one.open_key)

    async def all(self, table: Any, *order: Any) -> list[Any]:
        async with self.database.read() as session:
            return list(await session.scalars(select(table).order_by(*order)))


async def build(database: Database) -> House:
    clock = desk.Clock()
    gateway = desk.gateway(database, clock, drafts=True, quiet=False, limits=False)
    for medium, address in ((Medium.SMS, OFFICE), (Medium.VOICE, OFFICE), (Medium.EMAIL, "office@oakfield.example")):
        row = Sender(channel=f"c-{medium}", medium=medium, address=address, rate=100, burst=100)
        await school.add(database, row)
    child = await school.pupil(database)
    mother, father = await school.contact(database, "Maria"), await school.contact(database, "Ivan")
    phone, other = await school.point(database, mother, MUM), await school.point(database, father, DAD)
    for priority, contact in enumerate((mother, father), start=1):
        await school.tie(database, child, contact, priority=priority, parental_responsibility=True)
    return House(gateway, clock, child, mother, father, phone, other)


async def mailbox(house: House, contact_id: int, address: str = "maria@example.com") -> int:
    return await school.point(house.database, contact_id, address, kind=PointKind.EMAIL)
