"""A send to a dead point is never tried: not by planning, and not by whatever else comes to the outbox."""

from __future__ import annotations

import pytest
from sqlmodel import select
from support import desk, school
from support.household import DAD, MUM, PRAISE, House

from channels.base import Medium
from gateway import people, reach
from gateway.absence import asking, ladder
from gateway.models import ContactPoint, Message, MessageState, PointState, Purpose


async def kill(house: House, state: PointState) -> None:
    async with house.database.write() as session:
        for point in (await session.scalars(select(ContactPoint).where(ContactPoint.address == MUM))).all():
            point.state = state
            session.add(point)


@pytest.mark.parametrize("state", [PointState.DEAD, PointState.WRONG])
async def test_no_feature_plans_one(sqlite_house: House, state: PointState) -> None:
    house = sqlite_house
    await kill(house, state)
    for wanted in (PRAISE, {"purpose": "emergency"}, {"purpose": "safeguarding"}, {"media": ["voice"]}):
        found = await house.send(**wanted)
        assert {one.address for one in found if one.body} == {DAD}
        assert {one.reason for one in found if not one.body} == {"dead" if state == "dead" else "wrong_number"}
    async with house.database.read() as session:
        known = await people.load(session, today=house.gateway.today(), pupil_ids=[house.child])
    for medium in Medium:
        assert reach.ways(known, house.mother, [house.child], medium=medium, mandatory=True).found == []
    rung = ladder.Rung(ask="main", media=[Medium.SMS, Medium.VOICE])
    choice = asking.choose(known, [house.child], rung, today=house.gateway.today(), calls=True)
    assert set(choice.listeners) == {(house.father, "")}, "the absence check asks whoever can be reached"


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_the_wall_stops_what_was_planned_before_it_died(sqlite_house: House, purpose: Purpose) -> None:
    house = sqlite_house
    sender = await school.sender(house.database)
    for run in (None, await school.run(house.database, now=desk.NOW)):
        message_id = await school.message(
            house.database, sender, now=desk.NOW, purpose=purpose, run=run, point_state=PointState.DEAD,
            about=[house.child],
        )  # fmt: skip
        claim = await desk.claim(house.database, sender)
        assert claim.messages == []
        async with house.database.read() as session:
            row = await session.get_one(Message, message_id)
        assert row.state is MessageState.SKIPPED
        assert row.reason in ("dead", "stranger", "no_consent")


async def test_a_phone_in_doubt_is_used_where_there_is_no_other(sqlite_house: House) -> None:
    house = sqlite_house
    spare = school.number()
    await school.point(house.database, house.mother, spare, rank=2)
    assert {one.address for one in await house.send() if one.body} == {MUM, DAD}
    await kill(house, PointState.DOUBTFUL)
    assert {one.address for one in await house.send() if one.body} == {spare, DAD}
    async with house.database.write() as session:
        for point in (await session.scalars(select(ContactPoint).where(ContactPoint.address == spare))).all():
            await session.delete(point)
    await kill(house, PointState.DOUBTFUL)
    assert {one.address for one in await house.send() if one.body} == {MUM, DAD}
