"""Who answers for each pupil, and whom an absence text would reach: the rules of messages, looked at from outside."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from support import school

from channels.base import Medium
from gateway import roll
from gateway.database import Database
from gateway.models import LineType, OptOut, PointKind, PointState, Pupil

TODAY = date(2026, 9, 21)
MUM, DAD, GRAN = "+447700900101", "+447700900102", "+447700900103"
HOME = "+441134960101"


class Home:
    """One pupil and the contacts around it."""

    def __init__(self, database: Database, pupil_id: int):
        self.database, self.pupil_id = database, pupil_id

    async def adult(self, name: str, *phones: str, priority: int = 1, deceased: bool = False, **tie: Any) -> int:
        contact_id = await school.contact(self.database, name, deceased=deceased)
        await school.tie(self.database, self.pupil_id, contact_id, priority=priority, **tie)
        for rank, phone in enumerate(phones, start=1):
            await self.point(contact_id, phone, rank=rank)
        return contact_id

    async def point(self, contact_id: int, address: str, **fields: Any) -> None:
        line = LineType.LANDLINE if address.startswith("+441") else LineType.MOBILE
        email = {"kind": PointKind.EMAIL, "line_type": LineType.NONE} if "@" in address else {}
        await school.point(self.database, contact_id, address, **({"line_type": line} | email | fields))

    async def line(self, **wanted: str) -> roll.Line:
        (found,) = await lines(self.database, **wanted)
        return found

    async def texted(self) -> list[str]:
        return [point.address for _, point in (await self.line()).texted]

    async def why_not(self) -> dict[str, str]:
        return {person.contact.forename: person.why_not for person in (await self.line()).people}


async def lines(database: Database, **wanted: str) -> list[roll.Line]:
    async with database.read() as session:
        return [line async for line in roll.lines(session, roll.Wanted(**wanted), today=TODAY)]


@pytest.fixture
async def home(database: Database) -> Home:
    return Home(database, await school.pupil(database, "Ana", year="5", form="5B"))


async def test_the_first_who_can_be_texted_is_texted(home: Home) -> None:
    await home.adult("Gran", GRAN, priority=2)
    await home.adult("Mum", HOME, MUM, priority=1)
    found = await home.line()
    assert [person.contact.forename for person in found.people] == ["Mum", "Gran"]
    assert [point.address for _, point in found.texted] == [MUM]
    assert set((await home.why_not()).values()) == {""}


async def test_everybody_of_the_first_priority_is_texted_and_a_shared_phone_once(home: Home) -> None:
    await home.adult("Mum", MUM)
    await home.adult("Dad", DAD)
    await home.adult("Step", MUM)
    assert await home.texted() == [MUM, DAD]


async def test_where_nobody_has_said_the_order_one_is_texted(home: Home) -> None:
    await home.adult("Mum", MUM, priority=99)
    await home.adult("Dad", DAD, priority=99)
    assert await home.texted() == [MUM]


async def test_a_landline_a_dead_phone_and_a_stop_pass_the_turn_on(home: Home, database: Database) -> None:
    await home.adult("Aunt", HOME, priority=1)
    dead = await home.adult("Mum", priority=2)
    await home.point(dead, MUM, state=PointState.DEAD)
    await home.adult("Dad", DAD, priority=3)
    await school.add(
        database, OptOut(medium=Medium.SMS, address=DAD, since=datetime(2026, 9, 1, tzinfo=UTC), how="test")
    )
    await home.adult("Gran", GRAN, priority=4)
    assert await home.texted() == [GRAN]
    assert await home.why_not() == {
        "Aunt": "",  # can be called
        "Mum": "The number or address does not work.",
        "Dad": "",
        "Gran": "",
    }
    people = (await home.line()).people
    assert [way.texts.split(":")[0] for person in people for way in person.ways] == [
        "Only a landline on file", "The number or address does not work.", "Asked us to stop.", "",
    ]  # fmt: skip
    assert people[2].ways[0].opted_out == [Medium.SMS]


async def test_nothing_goes_to_anybody_barred_nor_to_a_phone_that_they_share(home: Home) -> None:
    await home.adult("Dad", DAD, priority=1, no_contact=True)
    await home.adult("Step", DAD, priority=2)
    await home.adult("Gran", DAD, GRAN, priority=3)
    assert await home.texted() == [GRAN]
    found = await home.why_not()
    assert found["Dad"] == "Must not be contacted about this child."
    assert found["Step"].startswith("This phone or mailbox also belongs to somebody")
    assert found["Gran"] == ""


async def test_a_barred_contact_s_own_phone_and_mailbox_say_that_it_is_he_who_is_barred(home: Home) -> None:
    dad = await home.adult("Dad", DAD, no_contact=True)
    await home.point(dad, "dad@example.com", kind=PointKind.EMAIL)
    await home.adult("Step", DAD, priority=2)
    his, shared = (await home.line()).people
    assert [way.texts for way in his.ways] == ["Must not be contacted about this child."] * 2
    assert shared.ways[0].texts.startswith("This phone or mailbox also belongs to somebody")


@pytest.mark.parametrize(
    ("begins", "ends", "barred"),
    [
        (None, date(2026, 9, 20), False),
        (None, TODAY, True),
        (date(2026, 9, 22), None, False),
        (TODAY, None, True),
    ],
)
async def test_a_bar_has_its_days(home: Home, begins: date | None, ends: date | None, barred: bool) -> None:
    await home.adult("Dad", DAD, no_contact=True, no_contact_from=begins, no_contact_until=ends)
    assert (await home.texted() == []) is barred


async def test_the_dead_and_those_without_a_phone_say_why(home: Home) -> None:
    await home.adult("Mum", MUM, deceased=True)
    await home.adult("Gran", priority=2)
    mail = await home.adult("Aunt", priority=3)
    await home.point(mail, "aunt@example.com")
    assert await home.texted() == []
    found = await home.why_not()
    assert "died" in found["Mum"]
    assert found["Gran"] == "No phone number on file."
    assert found["Aunt"] == ""


async def test_leavers_and_the_dead_are_not_on_the_roll(home: Home, database: Database) -> None:
    await school.pupil(database, "Ben", left_on=date(2026, 9, 20))
    await school.pupil(database, "Cora", deceased=True)
    await school.pupil(database, "Dora", left_on=TODAY)
    assert {line.pupil.forename for line in await lines(database)} == {"Ana", "Dora"}


async def test_filters(home: Home, database: Database) -> None:
    await school.pupil(database, "Ben", year="R", form="RW", known_as="Benny")
    await home.adult("Zofia", MUM)
    assert [line.pupil.forename for line in await lines(database, form="5b")] == ["Ana"]
    assert [line.pupil.forename for line in await lines(database, year="r")] == ["Ben"]
    assert [line.pupil.forename for line in await lines(database, name="benny")] == ["Ben"]
    assert [line.pupil.forename for line in await lines(database, name="zofia example")] == ["Ana"]
    assert await lines(database, name="100%") == []


async def test_more_pupils_than_a_batch_come_in_the_order_of_their_names(database: Database) -> None:
    rows = [Pupil(source_id=f"s{n}", forename=f"P{n:04}", surname="Example") for n in range(roll.BATCH + 20)]
    await school.add(database, *rows)
    found = await lines(database)
    names = [line.pupil.forename for line in found]
    assert (names, len(names)) == (sorted(names), roll.BATCH + 20)
    assert all(line.people == [] and line.texted == [] for line in found)
