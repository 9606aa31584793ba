"""Good and bad news by pupil, form, group and teacher, against the raw rows; what is said to a worry."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from support import desk, school
from support.praises import Staffroom

from gateway import errors, notices
from gateway.database import Database
from gateway.good_news import balance, sheet, worries
from gateway.models import About, Membership, Message, MessageState, PupilGroup, Purpose
from gateway.models.types import core

SEPTEMBER = date(2026, 9, 1)


@pytest.fixture
async def room(database: Database) -> Staffroom:
    made = Staffroom(database)
    await made.open()
    for number, name in enumerate(("Ana", "Ben", "Cem", "Dia")):
        await made.child(name, await made.parent(), form="3A" if number < 2 else "5B", source_id=f"S{number + 1}")
    group = PupilGroup(name="SEN")
    await school.add(made.database, group)
    await school.add(made.database, *(Membership(pupil_id=one, group_id=group.id or 0) for one in (2, 3)))
    return made


async def notice(room: Staffroom, key: str, *pupils: str, **more: object) -> None:
    wanted = desk.definition(key=key, audience={"pupils": list(pupils)} if pupils else {"whole_school": True}, **more)
    async with room.database.write() as session:
        await notices.submit(session, room.gateway, wanted, author="Mr Hill")
    async with room.database.write() as session:
        assert await notices.plan_due(session, room.gateway)
    await room.deliver()


async def looked(room: Staffroom, **wanted: str) -> balance.Balance:
    async with room.database.read() as session:
        return await balance.of(session, room.gateway, balance.Wanted(SEPTEMBER, **wanted))


async def test_by_pupil_form_group_and_teacher(room: Staffroom) -> None:
    await room.praise("Ana")
    await room.praise("Ana", "kindness")
    await room.praise("Ben", staff="Mr Hill")
    await room.kind_hour()
    await room.praise("Ana", "progress")
    await room.kind_hour(day=24)
    await notice(room, "choir", "S1", purpose="good_news")  # by hand: it is good news all the same
    await notice(room, "late", "S1", "S3", worrying=True)
    await notice(room, "asked", "S3", text={}, template="absence_reason", values={"date": "2026-11-23"},
                 purpose="safeguarding")  # fmt: skip
    await notice(room, "fair")
    await notice(room, "unheard", "S4", worrying=True)
    async with room.database.write() as session:  # the last one arrived nowhere
        late = sa.select(core(About).c.message_id).where(core(About).c.pupil_id == 4)
        gone = sa.update(core(Message)).where(core(Message).c.id.in_(late)).values(state=MessageState.FAILED)
        await session.execute(gone)

    found = await looked(room)
    assert {one.pupil.called: (one.good, one.bad, one.last_good) for one in found.children} == {
        "Ana": (3, 1, date(2026, 11, 24)),
        "Ben": (1, 0, date(2026, 11, 23)),
        "Cem": (0, 2, None),
        "Dia": (0, 0, None),
    }
    assert [one.pupil.called for one in found.children] == ["Cem", "Dia", "Ben", "Ana"]  # longest without, then bad
    assert [(one.name, one.pupils, one.good, one.bad, one.without) for one in found.by_form()] == [
        ("3A", 2, 4, 1, 0),
        ("5B", 2, 0, 2, 2),
    ]
    assert [(one.name, one.good, one.bad, one.without) for one in found.by_group()] == [("SEN", 1, 2, 1)]
    async with room.database.read() as session:
        teachers = await balance.by_teacher(session, room.gateway, balance.Wanted(SEPTEMBER))
        of_sen = await balance.by_teacher(session, room.gateway, balance.Wanted(SEPTEMBER, group="SEN"))
        with pytest.raises(errors.NotFound, match="form 9Z"):
            await balance.by_teacher(session, room.gateway, balance.Wanted(SEPTEMBER, form="9Z"))
        heard = await session.execute(
            sa.select(core(About).c.pupil_id, core(Message).c.run_id)
            .join(core(Message), core(Message).c.id == core(About).c.message_id)
            .where(core(Message).c.state == MessageState.DELIVERED, core(Message).c.purpose == Purpose.GOOD_NEWS)
        )
        raw = Counter(pupil_id for pupil_id, _ in set(map(tuple, heard)))
    # Two praises of Ms Okafor's went in one message; a notice of good news by hand is its author's.
    sums = [(one.name, one.pupils, one.good, one.bad) for one in teachers]
    assert sums == [("Mr Hill", 3, 2, 3), ("Ms Okafor", 1, 2, 0)]
    assert sum(one.good for one in teachers) == sum(one.good for one in found.children)
    assert [(one.name, one.pupils, one.good, one.bad) for one in of_sen] == [("Mr Hill", 2, 1, 2)]
    assert {one.pupil.id: one.good for one in found.children if one.good} == dict(raw)
    assert [one.pupil.called for one in (await looked(room, form="3a", group="sen")).children] == ["Ben"]
    with pytest.raises(errors.NotFound, match="form 9Z"):
        await looked(room, form="9Z")


async def test_the_sheet_holds_no_formula(room: Staffroom) -> None:
    found = await looked(room, form="3A")
    evil = found.children[0].pupil._replace(forename="=1+1")
    written = sheet.of_children([balance.Child(evil)])
    assert "'=1+1" in written


async def test_what_is_said_to_a_worry(room: Staffroom) -> None:
    await room.praise("Ben")
    await room.kind_hour()

    async def said(*pupils: str, **more: object) -> list[str]:
        wanted = desk.definition(audience={"pupils": list(pupils)} if pupils else {"whole_school": True}, **more)
        async with room.database.read() as session:
            return await worries.of_audience(session, room.gateway, wanted)

    assert await said("S1") == []  # no worry
    assert await said("S2", worrying=True) == []  # good news of today
    assert await said("S1", worrying=True) == ["Ana: no good news yet: add one? handbell praise S1 effort --from NAME"]
    room.clock.now += timedelta(days=20)
    assert await said("S2", worrying=True) == [
        "Ben: no good news since 23 November: add one? handbell praise S2 effort --from NAME"
    ]
    for name in "EFG":
        await room.child(name, await room.parent())
    assert await said(worrying=True) == [
        "7 of these children have had no good news for 14 days, 6 of them never: handbell balance shows whom."
    ]
