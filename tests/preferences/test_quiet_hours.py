"""Quiet hours hold at planning and at the claim; what is urgent passes and says so; what is over does not leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import col, select
from support import school
from support.desk import definition

from gateway import errors, planner
from gateway.models import Message, MessageState

if TYPE_CHECKING:
    from conftest import House

MUM = "+447700900001"


async def family(house: House, **fields: Any) -> int:
    return await house.parent(await school.pupil(house.database), phone=MUM, **fields)


def at(hour: int, minute: int = 0, *, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (at(19, 59), at(19, 59)),
        (at(20), at(7, day=24)),
        (at(6, 59), at(7)),
        (at(21, day=21), at(7)),
        (at(12, day=22), at(7)),
    ],
)
async def test_what_can_wait_waits_for_the_morning(house: House, now: datetime, due: datetime) -> None:
    await family(house)
    house.clock.now = now
    [row] = await house.send(definition())
    assert (row.state, row.due_at) == (MessageState.QUEUED, due)
    assert (row.remark == planner.QUIET_WAITS) == (due > now)
    assert len((await house.claim()).messages) == (due == now)
    house.clock.now = due
    assert len((await house.claim()).messages) == (due > now)


@pytest.mark.parametrize("purpose", ["emergency", "safeguarding"])
async def test_what_is_urgent_passes_and_says_so(house: House, purpose: str) -> None:
    await family(house)
    house.clock.now = at(23)
    [row] = await house.send(definition(purpose=purpose))
    assert (row.due_at, row.remark) == (at(23), planner.QUIET_PASSED)
    assert len(await house.leave()) == 1
    assert (await house.message(row.id)).remark == planner.QUIET_PASSED, "the row says so for good"
    house.clock.now = at(12, day=24)
    [row] = await house.send(definition(purpose=purpose, key="noon"))
    assert row.remark == ""


async def test_a_slow_lane_does_not_go_on_into_the_night(each_house: House) -> None:
    """Queued at five to eight and not sent by ten past: it waits till morning, and leaves only if it is still true."""
    await family(each_house)
    each_house.clock.now = at(19, 55)
    [lasting] = await each_house.send(definition())
    [brief] = await each_house.send(definition(key="brief", valid={"for": "2h"}))
    [urgent] = await each_house.send(definition(key="urgent", purpose="safeguarding"))
    answer = await school.message(
        each_house.database, each_house.senders[school.Medium.SMS], now=at(19, 56), priority=1
    )
    each_house.clock.now = at(20, 10)
    claim = await each_house.claim()
    assert {row["id"] for row in claim.messages} == {urgent.id, answer}
    each_house.clock.now = at(7, day=24)
    assert [row["id"] for row in (await each_house.claim()).messages] == [lasting.id]
    gone = await each_house.message(brief.id)
    assert (gone.state, gone.reason) == (MessageState.EXPIRED, "expired")


async def test_what_would_be_over_by_morning_is_refused(house: House) -> None:
    await family(house)
    house.clock.now = at(21)
    with pytest.raises(
        errors.BadDefinition, match="waits until 07:00 on Tuesday 24 November 2026, and is over by then"
    ):
        await house.send(definition(valid={"for": "2h"}))
    [row] = await house.send(definition(valid={"for": "2h"}, purpose="emergency"))
    assert row.not_after == at(23)


async def test_steps_keep_their_distance_from_when_the_first_really_leaves(house: House) -> None:
    await family(house)
    house.clock.now = at(20, 30)
    rows = await house.send(definition(media=[], ladder=[{"media": ["sms"]}, {"media": ["voice"], "after": "30m"}]))
    assert [row.due_at for row in rows] == [at(7, day=24), at(7, 30, day=24)]
    house.clock.now = at(19, 45, day=24)
    rows = await house.send(
        definition(key="2", media=[], ladder=[{"media": ["sms"]}, {"media": ["voice"], "after": "30m"}])
    )
    assert [row.due_at for row in rows] == [at(19, 45, day=24), at(7, day=25)]


@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        (at(9), at(16), at(18)),  # waits until four
        (at(17), at(17), at(18)),
        (at(21), at(16, day=24), at(18, day=24)),  # the quiet first, then its own hours, on that day
    ],
)
async def test_its_own_hours_of_the_day(house: House, now: datetime, begins: datetime, ends: datetime) -> None:
    await family(house)
    house.clock.now = now
    [row] = await house.send(definition(valid={"not_before": "16:00", "not_after": "18:00"}))
    assert (row.due_at, row.not_after) == (begins, ends)
    house.clock.now = ends + timedelta(minutes=1)
    await house.claim()
    assert (await house.message(row.id)).state is MessageState.EXPIRED


async def test_its_own_hours_must_be_some(house: House) -> None:
    await family(house)
    with pytest.raises(errors.BadDefinition, match="earlier than"):
        definition(valid={"not_before": "18:00", "not_after": "16:00"})
    with pytest.raises(errors.BadDefinition, match="07:30"):
        definition(valid={"not_before": 1600})
    house.clock.now = at(19)
    with pytest.raises(errors.BadDefinition, match="over before the notice goes out"):
        await house.send(definition(valid={"not_after": "18:00"}))


async def test_no_quiet_where_the_school_wants_none(house: House) -> None:
    await family(house)
    house.set(quiet={"enabled": False})
    house.clock.now = at(23)
    await house.send(definition())
    assert len(await house.leave()) == 1


async def test_both_changes_of_the_clock(house: House) -> None:
    """Seven in the morning is seven on the school's clock, on the day it changes too."""
    await family(house)
    for number, (now, due) in enumerate(
        [
            (datetime(2027, 3, 27, 21, tzinfo=UTC), datetime(2027, 3, 29, 6, tzinfo=UTC)),
            (datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 26, 7, tzinfo=UTC)),
        ]
    ):
        house.clock.now = now
        [row] = await house.send(definition(key=f"n{number}"))
        assert row.due_at == due
    async with house.database.read() as session:
        assert len(list(await session.scalars(select(Message).order_by(col(Message.id))))) == 2
