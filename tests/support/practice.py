"""A school in practice mode, whose phones stand on a page: one child is away, and their mother has been asked."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from channels.base import Medium
from channels.simulator import Simulator
from channels.simulator.magic import CallFate, TextStatus
from config import sections
from gateway import clock, context
from gateway.database import Database
from gateway.models import Conversation, Message, MessageState, Reply
from gateway.models.types import core
from gateway.web import site as pages
from gateway.wiring import pretending
from support import absences, website

ACCOUNT = "AC" + "0" * 32


@dataclass
class School:
    """A practice school with one absent child, whose mother has been asked."""

    site: website.Running
    simulator: Simulator
    morning: absences.Morning
    mum: absences.Parent
    child: int


@contextlib.asynccontextmanager
async def opened(database: Database, folder: Path) -> AsyncIterator[School]:
    """The school of Monday 23 November 2026, at half past nine."""
    morning = await absences.Morning(database).open()
    mum = await morning.parent("Ewa", mail="ewa@example.com", written_language="pl")
    child = await morning.child("Lena", mum)
    await morning.mark(child, "N")
    await morning.at("09:30")
    moved = clock.Movable(morning.clock, folder / "practice.clock")
    simulator = Simulator(account_sid=ACCOUNT, auth_token="t" * 32, now=moved, school_number=absences.NUMBER)

    def changed(gateway: context.Gateway) -> context.Gateway:
        more = {
            "practice": sections.Practice(enabled=True),
            "database": sections.Database(state_dir=folder),
            "web": sections.Web(),
        }
        settings = absences.settings().model_copy(update=more)
        return replace(gateway, settings=settings, now=moved)

    await simulator.start()
    try:
        async with website.running_on(
            database, practice=pages.Practice(pretending.Pretend(simulator), moved), changed=changed
        ) as site:
            yield School(site, simulator, morning, mum, child)
    finally:
        await simulator.stop()


def text_arrives(school: School, words: str = "Lena is not in school. Reply 1 for ill, 2 for late.") -> None:
    world = school.simulator.world
    text = school.simulator._carrier._note(
        sender=absences.NUMBER, to=school.mum.number, body=words, direction="outbound-api", status=TextStatus.DELIVERED
    )
    world.show(world.phone(school.mum.number), text)


def call_comes(school: School, number: str) -> None:
    """The school rings a number: it rings until somebody answers on the page."""
    exchange = school.simulator._exchange  # as the provider does for a call that it takes
    school.simulator.world.phone(number).call_fate = CallFate.RING
    words = '<Response><Gather numDigits="1"><Say language="en-GB">Press 1 for ill</Say></Gather></Response>'
    exchange.start(exchange.take({"From": [absences.VOICE], "To": [number], "Twiml": [words]}))


async def mirrored(database: Database, *, now: Callable[[], datetime]) -> Simulator:
    """A pretend world in which every text of a database has arrived; nothing listens."""
    simulator = Simulator(account_sid=ACCOUNT, auth_token="t" * 32, now=now)
    message, reply, talk = core(Message).c, core(Reply).c, core(Conversation).c
    async with database.read() as session:
        got = sa.select(message.created_at, message.address, message.body).where(
            message.medium == Medium.SMS, message.state == MessageState.DELIVERED, message.address != ""
        )
        wrote = sa.select(reply.at, talk.address, reply.body).join(core(Conversation), talk.id == reply.conversation_id)
        said = [(*one, True) for one in await session.execute(got)]
        said += [(*one, False) for one in await session.execute(wrote)]
    for at, number, words, ours in sorted(said):
        ends = (absences.NUMBER, number) if ours else (number, absences.NUMBER)
        way, status = ("outbound-api", TextStatus.DELIVERED) if ours else ("inbound", TextStatus.RECEIVED)
        text = simulator._carrier._note(sender=ends[0], to=ends[1], body=words, direction=way, status=status)
        text.created = at
        simulator.world.show(simulator.world.phone(number), text)
    return simulator
