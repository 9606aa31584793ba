"""A gateway over a real database, with a clock to turn and definitions to submit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from channels.base import Channel
from config import sections
from config.settings import Settings
from gateway import audit, context, outbox, retry
from gateway.database import Database
from gateway.definitions import model, reading
from gateway.models import Message, MessageState, Sender
from gateway.models.types import core

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LOG = audit.Log(b"k" * 32)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


def gateway(
    database: Database,
    clock: Clock | None = None,
    *,
    channels: Mapping[str, Channel] | None = None,
    drafts: bool = False,
    quiet: bool = True,
    limits: bool = True,
) -> context.Gateway:
    """A gateway without a wire; with ``limits`` a family gets one text a day of what can wait."""
    settings = Settings(
        school=sections.School(name="Oakfield Primary School", short_name="Oakfield", phone="020 7946 0123"),
        languages=sections.Languages(allow_drafts=drafts),
        quiet=sections.Quiet(enabled=quiet),
        load=sections.Load() if limits else sections.Load(texts_per_day=0, texts_per_week=0),
        costs=sections.Costs(pence_per_text_part=4, pence_per_call_minute=10, pence_per_email=0.1),
    )
    return context.Gateway(
        settings=settings, database=database, log=LOG, secret=b"s" * 32, channels=channels or {}, now=clock or Clock()
    )


def definition(**changes: Any) -> model.Definition:
    """A free text to the whole school by text message, with the changes."""
    return reading.read(
        {
            "key": "fair",
            "title": "Book fair",
            "purpose": "service",
            "text": {"en": "The book fair is on Friday for {children}."},
            "audience": {"whole_school": True},
            "media": ["sms"],
        }
        | changes
    )


async def claim(
    database: Database,
    sender_id: int,
    *,
    now: datetime = NOW,
    urgent: int = 5,
    routine: int = 5,
    worker: str = "w",
    lease: timedelta = timedelta(minutes=1),
) -> outbox.Claim:
    """Take what is due, as a lane does."""
    slots = outbox.Slots(urgent, routine)

    def turn(connection: Connection) -> outbox.Claim:
        taken = outbox.claim(connection, sender_id, slots, worker=worker, lease=lease, today=now.date(), now=now)
        LOG.write(connection, taken.lines, now=now)
        return taken

    return await database.at_once(turn)


async def leave(database: Database, *, now: datetime) -> None:
    """Whatever is due goes by the wall, and what that lets through has been delivered."""
    t = core(Message).c
    async with database.read() as session:
        lanes = list(await session.scalars(sa.select(core(Sender).c.id)))
    for lane in lanes:
        while taken := (await claim(database, lane, now=now, urgent=50, routine=50)).messages:
            gone = t.id.in_([row["id"] for row in taken])
            async with database.write() as session:
                await session.execute(sa.update(Message).where(gone).values(state=MessageState.DELIVERED))


async def settle(database: Database, sent: list[outbox.Sent], *, policy: retry.Policy, now: datetime = NOW) -> int:
    """Write down what came of calls, as a lane does. Gives how many changed."""

    def turn(connection: Connection) -> list[outbox.Sent]:
        accepted = outbox.accept(connection, sent, now=now)
        LOG.write(connection, accepted.lines, now=now)
        return accepted.others

    rest = await database.at_once(turn)
    async with database.write() as session:
        return len(sent) - len(rest) + await outbox.settle(session, rest, policy=policy, log=LOG, now=now)
