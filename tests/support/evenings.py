"""A parents' evening: families, an invitation, their answers and a clock to turn; the work is the daemon's."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from channels import base
from channels.base import Medium
from config import sections
from config.settings import Settings
from gateway import context, intake, notices
from gateway.database import Database
from gateway.definitions import reading
from gateway.events import hearing, views, waiting
from gateway.models import Attempt, EventGuest, Message, MessageState, Notice, PointKind, Sender, Task
from gateway.models.types import core
from support import desk, school

NUMBER, VOICE, MAIL = "+441134960001", "+441134960002", "office@oakfield.example"
_events = itertools.count(1)

EVENING = {
    "key": "evening",
    "kind": "event",
    "title": "Parents' evening",
    "purpose": "service",
    "template": "event_invitation",
    "audience": {"whole_school": True},
    "media": ["sms"],
}
STARTS, ENDS = "2026-12-08T15:30:00", "2026-12-08T19:00:00"
PLAIN = {"starts": STARTS, "ends": ENDS, "place": "the hall"}
TIMES = PLAIN | {"sessions": [{"starts": "2026-12-08T15:30:00", "ends": "2026-12-08T16:00:00", "minutes": 10}]}


@dataclass
class Evening:
    """What a test does: add families, invite them, answer, let time pass, and look."""

    database: Database
    clock: desk.Clock = field(default_factory=desk.Clock)

    def __post_init__(self) -> None:
        settings = Settings(
            school=sections.School(name="Oakfield Primary School", short_name="Oakfield", phone="020 7946 0123"),
            languages=sections.Languages(allow_drafts=True),
            web=sections.Web(public_base_url="https://bell.example.com"),
        )
        self.gateway = context.Gateway(
            settings=settings, database=self.database, log=desk.LOG, secret=b"s" * 32, channels={}, now=self.clock
        )

    async def open(self) -> Evening:
        for channel, medium, address in (
            ("twilio-sms", Medium.SMS, NUMBER), ("twilio-voice", Medium.VOICE, VOICE), ("smtp", Medium.EMAIL, MAIL),
        ):  # fmt: skip
            await school.add(
                self.database, Sender(channel=channel, medium=medium, address=address, rate=1000, burst=1000)
            )
        return self

    async def child(self, name: str, *parents: int, form: str = "3A", apart: int | None = None) -> int:
        """A child who lives with these parents, and another who lives apart."""
        pupil_id = await school.pupil(self.database, name, form=form, year="3")
        for priority, parent in enumerate([*parents, *([apart] if apart else [])], 1):
            await school.tie(
                self.database, pupil_id, parent, priority=priority, lives_with=parent != apart,
                parental_responsibility=True,
            )  # fmt: skip
        return pupil_id

    async def parent(self, number: str, name: str = "Maria", *, mail: str = "", **fields: Any) -> int:
        contact_id = await school.contact(self.database, name, **fields)
        await school.point(self.database, contact_id, number)
        if mail:
            await school.point(self.database, contact_id, mail, kind=PointKind.EMAIL)
        return contact_id

    async def family(self, number: str, child: str = "Ana", *, form: str = "3A", **fields: Any) -> int:
        """One child with one parent."""
        return await self.child(child, await self.parent(number, **fields), form=form)

    async def invite(self, event: dict[str, Any] = PLAIN, **changes: Any) -> Notice:
        async with self.database.write() as session:
            definition = reading.read(EVENING | {"event": event} | changes)
            notice = await notices.submit(session, self.gateway, definition, author="office")
        await self.turn()
        return notice

    async def turn(self) -> None:
        """What the daemon does at every poll; whatever is due has then been delivered."""
        while True:
            async with self.database.write_here() as session:
                if await notices.plan_due(session, self.gateway) is None:
                    break
        async with self.database.read() as session:
            due = await waiting.is_due(session, self.gateway)
        if due:
            async with self.database.write() as session:
                await waiting.turn(session, self.gateway)
        await self.deliver()

    async def deliver(self) -> None:
        t, now = core(Message).c, self.clock.now
        async with self.database.write() as session:
            query = sa.select(Message).where(t.state == MessageState.QUEUED, t.due_at <= now)
            for message in list(await session.scalars(query)):
                message.state, message.attempt = MessageState.DELIVERED, 1
                session.add(Attempt(message_id=message.id, number=1, worker="w", begun_at=now))

    async def pass_(self, **span: float) -> None:
        self.clock.pass_(**span)
        await self.turn()

    async def answer(self, number: str, words: str = "", *, keys: str = "", to: Message | None = None) -> None:
        """Somebody texts, or presses keys in the call of ``to``; or answers its email."""
        medium = Medium.VOICE if keys else Medium.EMAIL if "@" in number else Medium.SMS
        event = base.Reply(
            medium=medium, sender=number, to=MAIL if medium is Medium.EMAIL else NUMBER, body=words, keys=keys,
            at=self.clock.now, in_reply_to=to.id if to else "", event_id=f"e{next(_events)}", raw={},
        )  # fmt: skip
        async with self.database.write() as session:
            await intake.store(session, "twilio-sms", [event], now=self.clock.now)
        await intake.handle_waiting(
            self.database, log=desk.LOG, now=self.clock.now, answering=hearing.answering_of(self.gateway)
        )
        await self.turn()

    async def whole(self, key: str = "evening") -> views.Whole:
        async with self.database.read() as session:
            return await views.whole(session, key)

    async def guests(self) -> dict[str, EventGuest]:
        """By the first child's name; the second household of a child has a star."""
        found: dict[str, EventGuest] = {}
        for one in sorted((await self.whole()).guests, key=lambda one: one.guest.id or 0):
            name = one.pupils[0].called
            found[f"{name}*" if name in found else name] = one.guest
        return found

    async def states(self) -> dict[str, str]:
        return {name: guest.state.value for name, guest in (await self.guests()).items()}

    async def said(self, address: str) -> list[str]:
        """What reached a phone or mailbox, in order."""
        return [one.body for one in await self.messages(address)]

    async def messages(self, address: str) -> list[Message]:
        t = core(Message).c
        async with self.database.read() as session:
            query = sa.select(Message).where(t.address == address, t.state == MessageState.DELIVERED)
            return list(await session.scalars(query.order_by(t.created_at, t.id)))

    async def tasks(self, kind: str) -> list[Task]:
        async with self.database.read() as session:
            found = await session.scalars(sa.select(Task).where(core(Task).c.kind == kind))
            return [one for one in found if one.open_key is not None]
