"""Letters: who needs one, in which words, printed once, posted, and counted as told."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from support import desk, school
from support.praises import Staffroom

from gateway import errors, notices
from gateway.database import Database
from gateway.good_news import balance, praising, telling
from gateway.letters import needing, printing
from gateway.models import Audit, Contact, Letter, LineType, Message, MessageState, PointState
from gateway.models.types import core

HOME = ["12 Mill Lane", "Leeds", "LS1 1AA"]


@pytest.fixture
async def room(database: Database) -> Staffroom:
    made = Staffroom(database)
    await made.open()
    return made


async def unreachable(room: Staffroom, name: str = "Amina", *, lines: bool = True, **fields: object) -> int:
    """Somebody with one mobile, which is dead, and an address."""
    contact = await school.contact(room.database, name, **fields)
    await school.point(room.database, contact, school.number(), state=PointState.DEAD)
    if lines:
        async with room.database.write() as session:
            await printing.move(session, room.gateway, contact, HOME, by="office")
    return contact


async def notice(room: Staffroom, **more: object) -> None:
    wanted = desk.definition(**{"key": "photo", "text": {"en": "Photos of {children} are on Friday."}} | more)
    async with room.database.write() as session:
        await notices.submit(session, room.gateway, wanted, author="Mr Hill")
    async with room.database.write() as session:
        assert await notices.plan_due(session, room.gateway)
    await room.deliver()


async def needed(room: Staffroom) -> list[tuple[str, str]]:
    async with room.database.read() as session:
        found = await needing.every(session, room.gateway)
    return [(need.contact.forename, " ".join(child.called for child in need.children)) for need in found]


async def test_who_needs_a_letter(room: Staffroom) -> None:
    """Each contact of Ana's is a reason of its own why or why not."""
    maria = await room.parent()
    child = await room.child("Ana", maria)  # at home, and reached
    home, away = await unreachable(room, "Home"), await unreachable(room, "Away")
    barred, gone = await unreachable(room, "Barred"), await unreachable(room, "Gone", deceased=True)
    ringing = await school.contact(room.database, "Ringing")
    await school.point(room.database, ringing, "+441134960777", line_type=LineType.LANDLINE)
    for contact, more in (
        (home, {"lives_with": True}), (away, {}), (gone, {}), (ringing, {}), (barred, {"no_contact": True}),
    ):  # fmt: skip
        await school.tie(room.database, child, contact, parental_responsibility=True, **more)
    await notice(room)
    assert await needed(room) == [("Away", "Ana")]  # whoever has a landline can be rung

    async with room.database.write() as session:  # the mother's text comes back: now nobody at home has heard
        t = core(Message)
        gone_too = sa.update(t).where(t.c.contact_id == maria.id)
        await session.execute(gone_too.values(state=MessageState.FAILED, reason="bad_address"))
        await session.execute(
            sa.text("UPDATE contact_point SET state = 'dead' WHERE contact_id = :id"), {"id": maria.id}
        )
    assert await needed(room) == [("Maria", "Ana"), ("Home", "Ana"), ("Away", "Ana")]
    await school.point(room.database, away, school.number())  # a working number since
    assert ("Away", "Ana") not in await needed(room)


async def test_only_while_it_is_worth_saying_and_never_an_advertisement(room: Staffroom) -> None:
    child = await school.pupil(room.database, "Ana")
    await school.tie(room.database, child, await unreachable(room), parental_responsibility=True)
    await room.child("Ben", await room.parent())
    await notice(room, key="today", valid={"for": "12h"})
    await notice(room, key="fair", purpose="community")
    assert await needed(room) == [("Amina", "Ana")]
    room.clock.now += timedelta(hours=13)
    assert await needed(room) == []


async def test_printed_once_posted_and_told(room: Staffroom) -> None:
    child = await school.pupil(room.database, "Ana", source_id="S1")
    away = await unreachable(room, "Amina", written_language="ur")
    nowhere = await unreachable(room, "Nowhere", lines=False)
    for contact in (away, nowhere):
        await school.tie(room.database, child, contact, parental_responsibility=True)
    await room.child("Ben", await room.parent())
    await room.praise("S1", "effort", "She <b>never</b> gave up.")
    await room.praise("Ben", "effort")
    await room.kind_hour()
    async with room.database.write() as session:
        made = await printing.make(session, room.gateway, by="office")
    assert [need.contact.forename for need in made.without] == ["Nowhere"]
    (row,) = made.letters
    assert row.lines.splitlines() == ["Amina Example", *HOME]
    assert "بہت محنت" in row.body
    assert "{" not in row.body
    assert "http" not in row.body  # the footer of an email is not for paper
    page = printing.page(room.gateway, made.letters)
    assert 'lang="ur" dir="rtl"' in page
    assert "&lt;b&gt;never" in page
    assert await needed(room) == [("Nowhere", "Ana")]

    async def heard() -> int:
        wanted = balance.Wanted(room.gateway.today())
        async with room.database.read() as session:
            whole = await balance.of(session, room.gateway, wanted)
        return next(one.good for one in whole.children if one.pupil.id == child)

    assert await heard() == 0
    async with room.database.write() as session:
        assert await printing.posted(session, room.gateway, by="office", batch=made.name) == 1
        assert await printing.posted(session, room.gateway, by="office", letter_ids=[row.id or 0]) == 0
        with pytest.raises(errors.NotFound, match="no batch"):
            await printing.posted(session, room.gateway, by="office", batch="x")
        with pytest.raises(errors.NotFound, match="no letter L99"):
            await printing.posted(session, room.gateway, by="office", letter_ids=[99])
    assert await heard() == 1
    async with room.database.read() as session:
        listed = [one.praise for one in await praising.listed(session)]
        assert set((await telling.outcomes(session, listed)).values()) == {"told by letter", "told"}
    async with room.database.read() as session:
        assert await printing.lying(session) == []
        actions = list(await session.scalars(sa.select(core(Audit).c.action).order_by(core(Audit).c.id)))
        bodies = " ".join(await session.scalars(sa.select(core(Audit).c.body)))
    assert actions[-2:] == ["letter.printed", "letter.posted"]
    assert "Mill Lane" not in bodies


async def test_a_letter_of_which_there_is_no_pdf_was_never_printed(room: Staffroom) -> None:
    child = await school.pupil(room.database, "Ana")
    await school.tie(room.database, child, await unreachable(room), parental_responsibility=True)
    await room.child("Ben", await room.parent())
    await notice(room)
    async with room.database.write() as session:
        made = await printing.make(session, room.gateway, by="office")
    async with room.database.write() as session:
        await printing.forget(session, room.gateway, made, by="office")
    async with room.database.read() as session:
        assert list(await session.scalars(sa.select(Letter))) == []
    assert await needed(room) == [("Amina", "Ana")]


async def test_an_address_is_written_down(room: Staffroom) -> None:
    contact = await unreachable(room)
    async with room.database.read() as session:
        assert (await session.get_one(Contact, contact)).postal_address == "\n".join(HOME)
    async with room.database.write() as session:
        with pytest.raises(errors.NotFound):
            await printing.move(session, room.gateway, 999, HOME, by="office")
