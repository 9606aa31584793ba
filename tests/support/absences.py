"""A school's morning: families, marks, answers and a clock to turn; the rounds are those of the daemon."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from channels import base
from channels.base import Medium
from config import sections
from config.settings import Settings
from gateway import alerting, context, intake
from gateway.absence import cases, meaning, registers, rounds, rules
from gateway.database import Database
from gateway.models import (
    About,
    AbsenceCase,
    AbsenceStep,
    Attempt,
    CaseState,
    DaySession,
    Message,
    MessageState,
    PointKind,
    Sender,
    Task,
)
from gateway.models.types import core
from gateway.registers import marks
from support import desk, school

TODAY = date(2026, 11, 23)
AM, PM = DaySession.AM, DaySession.PM
NUMBER, VOICE, MAIL = "+441134960001", "+441134960002", "office@oakfield.example"
_events = itertools.count(1)


def settings(**absence: Any) -> Settings:
    given = {"enabled": True, "safeguarding_lead": "Mrs Okafor"} | absence
    return Settings(
        school=sections.School(name="Oakfield Primary School", short_name="Oakfield", phone="020 7946 0123"),
        languages=sections.Languages(allow_drafts=True),
        absence=sections.Absence(**given),
    )


@dataclass
class Parent:
    id: int
    number: str
    mail: str = ""


@dataclass
class Morning:
    """What a test does: add families, give marks, let time pass, answer, and look."""

    database: Database
    clock: desk.Clock = field(default_factory=desk.Clock)
    absence: dict[str, Any] = field(default_factory=dict[str, Any])
    understanding: meaning.Understanding = meaning.by_menu

    def __post_init__(self) -> None:
        self.gateway = context.Gateway(
            settings=settings(**self.absence), database=self.database, log=desk.LOG, secret=b"s" * 32, channels={},
            now=self.clock,
        )  # fmt: skip
        self.rules = rules.load(self.gateway.settings)

    async def open(self) -> Morning:
        for channel, medium, address in (
            ("twilio-sms", Medium.SMS, NUMBER), ("twilio-voice", Medium.VOICE, VOICE), ("smtp", Medium.EMAIL, MAIL),
        ):  # fmt: skip
            row = Sender(channel=channel, medium=medium, address=address, rate=1000, burst=1000)
            await school.add(self.database, row)
        return self

    async def child(self, name: str, *parents: Parent, **fields: Any) -> int:
        """A child whose first parent is asked first; parents live with the child unless told otherwise."""
        pupil_id = await school.pupil(self.database, name, **({"form": "3A", "year": "3"} | fields))
        for priority, parent in enumerate(parents, 1):
            await school.tie(
                self.database, pupil_id, parent.id, priority=priority, lives_with=True, parental_responsibility=True
            )
        return pupil_id

    async def parent(self, name: str = "Maria", *, number: str = "", mail: str = "", **fields: Any) -> Parent:
        number = number or school.number()
        contact_id = await school.contact(self.database, name, **fields)
        await school.point(self.database, contact_id, number)
        if mail:
            await school.point(self.database, contact_id, mail, kind=PointKind.EMAIL)
        return Parent(contact_id, number, mail)

    async def mark(
        self,
        pupil_id: int,
        code: str,
        *,
        session: DaySession = AM,
        at: str = "",
        day: date = TODAY,
        source: marks.Source | None = None,
    ) -> None:
        arrived = datetime.fromisoformat(f"{day}T{at}:00+00:00") if at else None
        given = marks.Given(pupil_id, day, session, code, arrived)
        async with self.database.write() as session_:
            await registers.take_in(
                session_, self.gateway, self.rules, [given], source or marks.Source("file", "handbell")
            )

    async def mark_all(self, *pupil_ids: int, code: str = "/", session: DaySession = AM) -> None:
        for pupil_id in pupil_ids:
            await self.mark(pupil_id, code, session=session)

    async def turn(self) -> None:
        """A turn of the daemon's jobs, should one be due."""
        async with self.database.read() as session:
            due = await rounds.is_due(session, self.gateway, self.rules)
        if due:
            async with self.database.write() as session:
                await rounds.turn(session, self.gateway, self.rules, self.understanding)
        async with self.database.read() as session:
            due = await alerting.is_due(session, self.gateway)
        if due:
            async with self.database.write() as session:
                await alerting.alert(session, self.gateway)

    async def pass_(self, **span: float) -> None:
        """Let time pass in minutes, with a turn in each."""
        until = self.clock.now + timedelta(**span)
        while self.clock.now < until:
            self.clock.now = min(until, self.clock.now + timedelta(minutes=1))
            await self.turn()

    async def at(self, clock: str) -> None:
        """Let time pass until the clock shows this."""
        until = datetime.fromisoformat(f"{self.clock.now.date()}T{clock}:00+00:00")
        await self.pass_(minutes=(until - self.clock.now).total_seconds() / 60)

    async def deliver(self, state: MessageState = MessageState.DELIVERED, **values: Any) -> None:
        """Everything that is queued and due has become this."""
        t, now = core(Message).c, self.clock.now
        async with self.database.write() as session:
            query = sa.select(Message).where(t.state == MessageState.QUEUED, t.due_at <= now)
            for message in list(await session.scalars(query)):
                message.state, message.attempt = state, 1
                message.sqlmodel_update(values)
                session.add(Attempt(message_id=message.id, number=1, worker="w", begun_at=now))

    async def answer(self, number: str, words: str = "", *, keys: str = "", to: Message | None = None) -> None:
        """Somebody texts (or presses keys in the call of ``to``); it is interpreted as the daemon does."""
        medium = Medium.VOICE if keys else Medium.SMS
        event = base.Reply(
            medium=medium, sender=number, to=NUMBER, body=words, keys=keys, at=self.clock.now,
            in_reply_to=to.id if to else "", event_id=f"e{next(_events)}", raw={},
        )  # fmt: skip
        async with self.database.write() as session:
            await intake.store(session, "twilio-sms", [event], now=self.clock.now)
        await intake.handle_waiting(self.database, log=desk.LOG, now=self.clock.now)
        await self.turn()

    async def case(self, pupil_id: int, session: DaySession = AM) -> AbsenceCase:
        t = cases.case_table.c
        async with self.database.read() as found:
            query = sa.select(AbsenceCase).where(t.pupil_id == pupil_id, t.session == session)
            return (await found.scalars(query)).one()

    async def states(self, *pupil_ids: int) -> list[CaseState]:
        return [(await self.case(pupil_id)).state for pupil_id in pupil_ids]

    async def cases(self) -> int:
        """How many cases there are, without those that were told before anybody asked, and only wait for their code."""
        async with self.database.read() as session:
            opened = await session.scalars(sa.select(AbsenceStep).where(core(AbsenceStep).c.kind == "opened"))
            return sum(step.facts["why"] != cases.TOLD_BEFORE for step in opened)

    async def steps(self, pupil_id: int, session: DaySession = AM) -> list[str]:
        case = await self.case(pupil_id, session)
        async with self.database.read() as found:
            query = (
                sa.select(AbsenceStep).where(core(AbsenceStep).c.case_id == case.id).order_by(core(AbsenceStep).c.id)
            )
            return [step.kind for step in await found.scalars(query)]

    async def messages(self, *, about: int | None = None) -> list[Message]:
        """Every message that is not skipped, in order."""
        t = core(Message).c
        query = sa.select(Message).where(t.state != MessageState.SKIPPED).order_by(t.created_at, t.step, t.id)
        if about is not None:
            query = query.where(t.id.in_(sa.select(core(About).c.message_id).where(core(About).c.pupil_id == about)))
        async with self.database.read() as session:
            return list(await session.scalars(query))

    async def said(self, number: str, medium: Medium | None = None) -> list[str]:
        """What went to a phone or mailbox, in order."""
        return [one.body for one in await self.messages() if one.address == number and medium in (None, one.medium)]

    async def tasks(self, kind: str = "") -> Sequence[Task]:
        async with self.database.read() as session:
            found = await session.scalars(sa.select(Task).order_by(core(Task).c.id))
            return [task for task in found if task.kind.startswith(kind)]
