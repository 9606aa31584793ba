"""Teachers who praise, on top of a school's morning: the rounds are those of the daemon."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from channels.base import Medium
from config import sections
from gateway import digest
from gateway.good_news import praising, telling
from gateway.models import About, Audit, Message, MessageState, Praise, Wish
from gateway.models.types import core
from gateway.preferences import topics, wishes
from support import desk
from support.absences import Morning, Parent


@dataclass
class Staffroom(Morning):
    """``good_news`` and ``load`` are its settings; it begins at half past eight of a Monday."""

    good_news: dict[str, Any] = field(default_factory=dict[str, Any])
    load: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        super().__post_init__()
        # What is counted here is what was said, unless a test is about the limits.
        load: dict[str, Any] = {"texts_per_day": 0, "texts_per_week": 0}
        changed = {"good_news": sections.GoodNews(**self.good_news), "load": sections.Load(**load | self.load)}
        settings = self.gateway.settings.model_copy(update=changed)
        object.__setattr__(self.gateway, "settings", settings)

    async def praise(self, pupil: str, kind: str = "effort", words: str = "", **more: Any) -> Praise:
        given = praising.Given(pupil, kind, more.pop("staff", "Ms Okafor"), words, **more)
        async with self.database.write() as session:
            return (await praising.add(session, self.gateway, given, by="anna")).praise

    def clock_at(self, clock: str, day: int | None = None) -> None:
        hour, minute = map(int, clock.split(":"))
        self.clock.now = self.clock.now.replace(day=day or self.clock.now.day, hour=hour, minute=minute)

    async def kind_hour(self, clock: str = "16:30", day: int | None = None) -> telling.Sent:
        """It strikes half past four, and everything arrives."""
        self.clock_at(clock, day)
        sent = await telling.turn(self.gateway)
        await self.deliver()
        return sent

    async def prefer(self, parent: Parent, **media: str) -> None:
        """What a parent wants of what has no topic, good news among it: ``sms="digest"``."""
        wanted = {Medium(medium): Wish(wish) for medium, wish in media.items()}
        async with self.database.write() as session:
            await wishes.choose(session, parent.id, topics.OTHER, wanted, by="office", log=desk.LOG, now=self.clock.now)

    async def heard(self, address: str) -> list[str]:
        """What arrived at a phone or mailbox: not what waits for a digest."""
        there = (one for one in await self.messages() if one.sender_id is not None and one.address == address)
        return [one.body for one in there if one.state is MessageState.DELIVERED]

    async def deeds(self) -> list[str]:
        """What the audit log says, in order."""
        async with self.database.read() as session:
            return list(await session.scalars(sa.select(core(Audit).c.action).order_by(core(Audit).c.id)))

    async def digest(self, clock: str, day: int) -> None:
        """It strikes the digest's hour, and everything arrives."""
        self.clock_at(clock, day)
        while await digest.work(self.gateway):
            pass
        await self.deliver()

    async def about(self, message: Message) -> list[int]:
        about = core(About).c
        async with self.database.read() as session:
            query = sa.select(about.pupil_id).where(about.message_id == message.id).order_by(about.pupil_id)
            return list(await session.scalars(query))

    async def waiting(self) -> list[tuple[int, datetime]]:
        async with self.database.read() as session:
            found = await praising.listed(session, waiting=True)
        return [(one.praise.id or 0, one.praise.due_at) for one in found]


__all__ = ["Medium", "Staffroom", "desk"]
