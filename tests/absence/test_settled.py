"""What an answer leaves for a person: nothing where it was understood, a promise where it was not."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from support.absences import Morning

from gateway.absence import listening
from gateway.database import Database
from gateway.desk import arriving, promise
from gateway.models import Conversation, Reply
from gateway.understanding import library


@pytest.fixture
async def morning(sqlite_database: Database) -> Morning:
    return await Morning(sqlite_database, understanding=listening.by_words(library.load())).open()


@pytest.mark.parametrize(
    ("words", "settled", "kind"),
    [
        ("1", "understood: illness", ""),
        ("sorry shes got a temperature, wont be in", "understood: illness", ""),
        ("running late, be there in 10", "understood: late", ""),
        ("shes poorly. can you send her homework?", "", "absence"),
        ("we are on holiday in Spain until Friday", "", "absence"),
        ("she left for school at 8!!", "", "absence"),
        ("zxcv", "", "absence"),
        ("Help", "", "absence"),
        ("thanks", "", ""),
    ],
)
async def test_what_waits_for_a_person(morning: Morning, words: str, settled: str, kind: str) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, words)
    gateway = morning.gateway
    async with morning.database.write() as session:
        await arriving.turn(session, gateway, promise.load(gateway.settings), library.load())
    async with morning.database.read() as session:
        reply = (await session.scalars(sa.select(Reply))).one()
        conversation = (await session.scalars(sa.select(Conversation))).one()
    assert reply.settled == settled
    assert reply.sorted_at is not None
    assert (conversation.waiting_since is None) is bool(settled)
    assert (conversation.kind, conversation.state) == (kind, "closed" if settled else "open")
    if kind:
        urgent = "left for school" in words
        due_at = morning.clock.now + (timedelta(0) if urgent else timedelta(minutes=15))
        assert (conversation.urgent, conversation.due_at) == (urgent, due_at)
    elif settled and words != "1":  # a key never waited
        assert conversation.outcome == settled


class Unheard(Morning):
    """A morning in which the job of the absences does not come round."""

    async def turn(self) -> None:
        pass


async def test_a_reply_is_not_answered_before_the_absences_have_had_it(sqlite_database: Database) -> None:
    morning = await Unheard(sqlite_database).open()
    mother = await morning.parent()
    await morning.child("Ana", mother)
    await morning.answer(mother.number, "zxcv")
    async with morning.database.read() as session:
        assert not await arriving.any_waiting(session, morning.gateway)
    await Morning.turn(morning)
    async with morning.database.read() as session:
        assert await arriving.any_waiting(session, morning.gateway)


async def test_should_the_absences_be_stuck_the_family_is_answered_all_the_same(sqlite_database: Database) -> None:
    morning = await Unheard(sqlite_database).open()
    mother = await morning.parent()
    await morning.answer(mother.number, "zxcv")
    await morning.pass_(minutes=6)
    async with morning.database.read() as session:
        assert await arriving.any_waiting(session, morning.gateway)
