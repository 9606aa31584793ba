"""What works with a family is remembered, puts its ladder into another order, and decides what is tried next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlmodel import select
from support.household import DAD, MUM, House

from channels.base import Medium
from gateway.freshness import works
from gateway.models import Message, MessageState, NextTry, WhatWorks

ASKED = {
    "purpose": "service",
    "text": {"en": "May {children} come along?"},
    "replies": {"options": [{"key": "1", "label": {"en": "coming"}}]},
}
LADDER = [{"media": ["sms"]}, {"media": ["voice"], "after": "1h"}]


def with_channels(house: House) -> None:
    """As where texts, calls and emails are set up."""

    class Wired:
        def __init__(self, medium: Medium):
            self.name, self.medium = f"c-{medium}", medium

        def speaks(self, _locale: str) -> bool:
            return True

    wired: Any = {f"c-{medium}": Wired(medium) for medium in Medium}
    house.gateway = replace(house.gateway, channels=wired)


async def silent(house: House, times: int) -> None:
    """Questions to which nobody answers, at nine in the morning."""
    for _ in range(times):
        await house.send(**ASKED)
        house.clock.pass_(hours=23, minutes=59)


async def profile(house: House) -> works.Profile:
    async with house.database.read() as session:
        return (await works.profiles(session, house.gateway, [house.mother]))[house.mother]


async def test_two_silent_texts_turn_the_ladder_and_an_answer_turns_it_back(house: House) -> None:
    with_channels(house)
    await silent(house, 1)
    await house.slow_turn()
    assert (await profile(house)).media == []
    await silent(house, 1)
    house.clock.pass_(hours=12)
    await house.slow_turn()
    known = await profile(house)
    assert known.media == [Medium.EMAIL, Medium.VOICE, Medium.SMS]
    assert known.because == "texts unanswered or not delivered 2 times running, so emails and calls first"
    rows = {one.contact_id: one for one in await house.all(WhatWorks)}
    assert rows[house.mother].media == "email voice sms"

    found = await house.send(ladder=LADDER, media=[])
    first = {one.address: one.medium for one in found if one.step == 0 and one.body}
    assert first == {MUM: Medium.VOICE, DAD: Medium.VOICE}
    urgent = await house.send(ladder=LADDER, media=[], purpose="emergency")
    assert {one.medium for one in urgent if one.step == 0} == {Medium.SMS}, "an emergency keeps its order"

    await house.send(**ASKED)
    await house.hears("1")
    house.clock.pass_(days=1)
    await house.slow_turn()
    found = await house.send(ladder=LADDER, media=[])
    assert {one.address: one.medium for one in found if one.step == 0 and one.body} == {
        MUM: Medium.SMS,
        DAD: Medium.VOICE,
    }, "she has answered; he has not"


async def test_our_own_faults_are_no_failures_of_a_family(sqlite_house: House) -> None:
    house = sqlite_house
    await silent(house, 1)
    async with house.database.write() as session:
        for one in (await session.scalars(select(Message))).all():
            one.state, one.reason = MessageState.FAILED, "config"
            session.add(one)
    await silent(house, 1)
    assert (await profile(house)).media == []


async def tries(house: House) -> list[NextTry]:
    return [one for one in await house.all(NextTry, NextTry.id) if one.contact_id == house.mother]


async def test_silence_is_followed_by_something_else_with_a_reason(house: House) -> None:
    with_channels(house)
    await silent(house, 1)
    found = await house.send(**ASKED, again={"after": "1d", "times": 2}, valid={"for": "6d"})
    run_id = found[0].run_id
    house.clock.pass_(hours=23)
    await house.slow_turn()
    assert await tries(house) == [], "not yet"
    house.clock.pass_(hours=2)
    await house.slow_turn(processes=3)
    [first] = await tries(house)
    assert first.medium is Medium.VOICE
    assert first.because == "texts unanswered twice at 8.30, so a call at 12.30"
    assert first.differs == "channel, hour"
    [call] = [one for one in await house.messages() if one.run_id == run_id and one.medium is Medium.VOICE
              and one.contact_id == house.mother]  # fmt: skip
    assert (call.only_if, call.due_at, call.state) == ("not_answered", first.due_at, MessageState.QUEUED)
    assert call.due_at.astimezone(house.gateway.timezone).strftime("%H:%M") == "12:30"

    house.clock.now = call.due_at + timedelta(minutes=1)
    await house.leave()
    house.clock.pass_(days=1, hours=1)
    await house.slow_turn()
    [_, second] = await tries(house)
    assert second.number == 2
    assert second.differs
    house.clock.pass_(days=2)
    await house.slow_turn()
    assert len(await tries(house)) == 2, "as often as the notice says"


async def test_an_answer_or_the_end_of_its_worth_ends_it(sqlite_house: House) -> None:
    house = sqlite_house
    with_channels(house)
    await house.send(**ASKED, again={"after": "1d"}, valid={"for": "27h15m"})
    await house.hears("1")
    house.clock.pass_(hours=27)
    await house.slow_turn()
    assert await tries(house) == [], "she has answered"
    [fathers] = await house.all(NextTry)
    assert (fathers.medium, fathers.because) == (None, "it is no longer worth saying by then")


async def test_nothing_left_is_told_to_staff_and_not_tried(sqlite_house: House) -> None:
    house = sqlite_house
    await silent(house, 6)
    await house.send(**ASKED, again={"after": "1d"})
    house.change(hours=("08:30",))  # the only hour at which this school tries again
    house.clock.pass_(days=1, hours=1)
    await house.slow_turn()
    [row] = await tries(house)
    assert (row.medium, row.due_at) == (None, None)
    assert row.because.startswith("everything has failed twice running (texts: 7 unanswered")
    assert "silent" in await house.tasks()
    await house.slow_turn()
    assert len(await tries(house)) == 1, "told once"
