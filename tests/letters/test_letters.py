"""Letters: who needs one, in which words, printed once, posted, and counted as told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from support import desk, school
from support.praises import Staffroom

from gateway import errors, notices
from gateway.database import Database
from gateway.good_news import balance, praising, telling
from gateway.letters import needing, printing
from gateway.models import Audit, Contact, Guardianship, Letter, LineType, Message, MessageState, PointState, Purpose
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


async def test_nothing_that_was_taken_back_waits_for_approval_or_asks_of_an_absence(room: Staffroom) -> None:
    child = await school.pupil(room.database, "Ana", form="3A")
    await school.tie(room.database, child, await unreachable(room), priority=1, parental_responsibility=True)
    await room.child("Ben", await room.parent())
    await notice(room, key="held", approval={"required": True})
    assert await needed(room) == []
    await notice(room, key="trip")
    assert await needed(room) == [("Amina", "Ana")]
    async with room.database.write() as session:
        await notices.cancel(session, room.gateway, "trip", actor="office")
    assert await needed(room) == []
    await room.mark(child, "N")
    await room.at("10:00")
    async with room.database.read() as session:
        reasons = await session.scalars(
            sa.select(core(Message).c.reason).where(core(Message).c.purpose == Purpose.SAFEGUARDING)
        )
    assert "dead" in set(reasons)  # it was asked, and nobody heard
    assert await needed(room) == []
    async with room.database.write() as session:
        await notices.approve(session, room.gateway, "held", approver="head")
    assert await needed(room) == [("Amina", "Ana")]


async def test_whom_a_letter_would_betray(room: Staffroom) -> None:
    """Whoever has the letter box, or the phone, of somebody who is barred gets none; staff are told."""
    child = await room.child("Ana", await room.parent())
    box, phone, free = [await unreachable(room, name) for name in ("Box", "Phone", "Free")]
    for contact in (box, phone, free):
        await school.tie(room.database, child, contact, parental_responsibility=True)
    dad = await school.contact(room.database, "Dad", postal_address="12, Mill Lane\nls1 1aa")
    await school.tie(room.database, child, dad, no_contact=True)
    shared = school.number()
    for contact in (phone, dad):
        await school.point(room.database, contact, shared)
    async with room.database.write() as session:
        for contact in (phone, free):
            await printing.move(session, room.gateway, contact, ["3 Park Row", "Leeds", "LS2 2BB"], by="office")
    await notice(room)
    async with room.database.write() as session:
        made = await printing.make(session, room.gateway, by="office")
    assert [row.lines.partition(" ")[0] for row in made.letters] == ["Free"]
    assert [(one.contact.forename, "same phone or letter box" in one.stop) for one in made.without] == [
        ("Box", True), ("Phone", True),
    ]  # fmt: skip


async def test_two_who_print_at_once_print_each_letter_once(room: Staffroom) -> None:
    child = await school.pupil(room.database, "Ana")
    for name in ("Amina", "Bilal"):
        await school.tie(room.database, child, await unreachable(room, name), parental_responsibility=True)
    await room.child("Ben", await room.parent())
    await notice(room)

    async def make() -> printing.Batch:
        async with room.database.write() as session:
            return await printing.make(session, room.gateway, by="office")

    made = await asyncio.gather(make(), make(), make())
    assert sorted(len(batch.letters) for batch in made) == [0, 0, 2]
    assert len({batch.name for batch in made}) == 3  # though they are of one second


async def test_whom_nothing_but_a_letter_reaches(room: Staffroom) -> None:
    child = await room.child("Ana", await room.parent())
    away, home = await unreachable(room, "Away"), await unreachable(room, "Home", lines=False)
    await school.tie(room.database, child, away, parental_responsibility=True)
    await school.tie(
        room.database, child, home, parental_responsibility=True, lives_with=True
    )  # with one who is reached
    async with room.database.read() as session:
        (one,) = await needing.by_letter_alone(session, room.gateway)
    assert (one.contact.forename, [child.called for child in one.children], one.lines) == ("Away", ["Ana"], HOME)


async def test_a_notice_that_there_is_not(room: Staffroom) -> None:
    async with room.database.read() as session:
        with pytest.raises(errors.NotFound, match="no notice “fotos”"):
            await needing.every(session, room.gateway, key="fotos")


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
        assert len(await printing.again(session, room.gateway, made.name, by="office")) == 1
    assert await heard() == 1
    async with room.database.read() as session:
        listed = [one.praise for one in await praising.listed(session)]
        assert set((await telling.outcomes(session, listed)).values()) == {"told by letter", "told"}
    async with room.database.read() as session:
        assert await printing.lying(session, room.gateway) == []
        actions = list(await session.scalars(sa.select(core(Audit).c.action).order_by(core(Audit).c.id)))
        bodies = " ".join(await session.scalars(sa.select(core(Audit).c.body)))
    assert actions[-3:] == ["letter.printed", "letter.posted", "letter.printed_again"]
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


async def test_a_letter_that_lies_printed_is_not_posted_to_who_was_barred_meanwhile(room: Staffroom) -> None:
    father = await unreachable(room, "Ivan")
    child = await room.child("Ana", await room.parent())
    await school.tie(room.database, child, father, parental_responsibility=True)
    await notice(room)
    async with room.database.write() as session:
        made = await printing.make(session, room.gateway, by="office")
        assert [one.stop for one in await printing.lying(session, room.gateway)] == [""]
        await session.execute(
            sa.update(core(Guardianship)).where(core(Guardianship).c.contact_id == father).values(no_contact=True)
        )
    async with room.database.write() as session:
        [one] = await printing.lying(session, room.gateway)
        assert one.stop == "May not be told of the child any more: do not post it."
        with pytest.raises(errors.Conflict, match="do not post it"):
            await printing.again(session, room.gateway, made.name, by="office")
