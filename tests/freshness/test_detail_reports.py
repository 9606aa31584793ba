"""Who can hardly be reached: the reports' lines are those that a count of the raw rows finds."""

from __future__ import annotations

from typing import Any

from sqlmodel import select
from support import school
from support.desk import LOG, NOW
from support.household import House, mailbox

from channels.base import Medium
from gateway import points
from gateway.freshness import reports
from gateway.models import ContactPoint, LineType, PointKind, PointState


async def lines(house: House, which: reports.Which) -> list[dict[str, object]]:
    async with house.database.read() as session:
        return await reports.rows(session, house.gateway, which)


async def works(house: House, address: str, medium: Medium = Medium.SMS) -> None:
    async with house.database.write() as session:
        await points.good(session, medium, address, at=NOW, log=LOG, now=NOW)


async def family(house: House, name: str, *phones: tuple[str, str], **fields: Any) -> int:
    """A pupil with contacts, each with a phone or mailbox that works unless it begins with ``?``."""
    child = await school.pupil(house.database, name, form="3A")
    contacts = dict[str, int]()
    for priority, (contact, address) in enumerate(phones):
        proven, address = not address.startswith("?"), address.removeprefix("?")
        if contact not in contacts:
            contacts[contact] = await school.contact(house.database, contact)
            await school.tie(house.database, child, contacts[contact], priority=priority, **fields)
        line = LineType.LANDLINE if address.startswith("+44113") else LineType.MOBILE
        kind = PointKind.EMAIL if "@" in address else PointKind.PHONE
        await school.point(
            house.database, contacts[contact], address, kind=kind, line_type=line if kind == "phone" else LineType.NONE
        )
        if proven:
            await works(house, address, Medium.EMAIL if kind is PointKind.EMAIL else Medium.SMS)
    return child


async def test_few_independent_numbers(house: House) -> None:
    number = school.number
    shared, ana = number(), [line["name"] for line in await lines(house, "few")]
    assert ana == ["Ana Example"], "nothing is proven yet"
    await family(house, "Two", ("mum", number()), ("dad", number()))
    await family(house, "Bag", ("mum", number()), ("mum", number()))
    await family(house, "Shared", ("mum", shared), ("dad", shared))
    await family(house, "Unproven", ("mum", number()), ("dad", f"?{number()}"))
    await family(house, "Landline", ("mum", number()), ("gran", "+441134960777"))
    found = {str(line["name"]).split()[0]: line for line in await lines(house, "few")}
    assert set(found) == {"Ana", "Bag", "Shared", "Unproven"}
    assert [found[name]["independent"] for name in ("Ana", "Bag", "Shared", "Unproven")] == [0, 1, 1, 1]
    assert (found["Bag"]["working"], found["Unproven"]["unproven"]) == (2, 1)
    house.clock.pass_(days=181)
    assert len(await lines(house, "few")) == 6, "what was proven half a year ago is proven no more"


async def test_one_channel_landlines_and_shared_phones(sqlite_house: House) -> None:
    house = sqlite_house
    number, shared = school.number, school.number()
    await family(house, "Texts", ("mum", number()), ("dad", number()))
    await family(house, "Mail", ("mum", "mum@example.com"), ("dad", f"?{number()}"))
    await family(house, "Both", ("mum", number()), ("mum", "both@example.com"))
    await family(house, "Line", ("gran", "+441134960778"), ("gran", "gran@example.com"))
    await family(house, "Shared", ("mum", shared), ("dad", shared))
    await family(house, "Other", ("aunt", shared))
    found = {line["name"]: line["only"] for line in await lines(house, "one-way")}
    assert found == {
        "Texts Example": "texts and calls", "Mail Example": "emails", "Shared Example": "texts and calls",
        "Other Example": "texts and calls",
    }  # fmt: skip
    [line] = await lines(house, "landline")
    assert (line["name"], line["landlines"], line["mailboxes"]) == ("Line Example", 1, 1)
    [phone] = await lines(house, "shared")
    assert (phone["address"], phone["names"], phone["same_children"]) == (
        shared, "mum Example, dad Example, aunt Example", "no",
    )  # fmt: skip


async def test_barred_dead_and_stopped_count_for_nothing(sqlite_house: House) -> None:
    house, number = sqlite_house, school.number
    await family(house, "Barred", ("mum", number()), ("dad", number()), no_contact=True)
    child = await family(house, "Left", ("mum", number()), ("dad", stopped := number()))
    await mailbox(house, house.mother)
    async with house.database.write() as session:
        await points.opt_out(session, Medium.SMS, stopped, how="reply", log=LOG, now=NOW)
    found = {str(line["name"]).split()[0]: line["working"] for line in await lines(house, "few")}
    assert found == {"Ana": 0, "Barred": 0, "Left": 1}
    async with house.database.write() as session:
        for point in (await session.scalars(select(ContactPoint))).all():
            point.state = PointState.DEAD
            session.add(point)
    assert all(line["working"] == 0 for line in await lines(house, "few"))
    assert child
