"""What works with a family is remembered, puts its ladder into another order, and decides what is tried next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select
from support import desk, school
from support.household import DAD, MUM, House

from channels.base import Medium
from config import sections
from gateway import errors, submission
from gateway.freshness import works
from gateway.models import (
    Contact,
    Guardianship,
    Message,
    MessageState,
    NextTry,
    Notice,
    Sender,
    WhatWorks,
    Wish,
)
from gateway.preferences import wishes

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


async def after_silence(house: House, **changes: Any) -> NextTry:
    """One question, nobody answers for a day, and what is tried then with the mother."""
    await house.send(**(ASKED | {"again": {"after": "1d", "times": 2}, "valid": {"for": "6d"}} | changes))
    house.clock.pass_(days=1, hours=1)
    await house.slow_turn()
    return (await tries(house))[-1]


async def test_who_is_barred_or_gone_since_is_not_tried_again_and_nobody_is_told_to_ring(sqlite_house: House) -> None:
    house = sqlite_house
    await house.send(**ASKED, again={"after": "1d"})
    async with house.database.write() as session:
        ties = select(Guardianship).where(Guardianship.contact_id == house.mother)
        (await session.scalars(ties)).one().no_contact = True
    house.clock.pass_(days=1, hours=1)
    await house.slow_turn()
    assert [(one.medium, one.because) for one in await tries(house)] == [
        (None, "nothing more is said to them about these children")
    ]
    assert "silent" not in await house.tasks()


async def test_what_a_family_declines_and_how_much_it_gets_hold_for_it_too(sqlite_house: House) -> None:
    house = sqlite_house
    with_channels(house)
    survey = {"purpose": "survey", "topic": "clubs"}
    async with house.database.write() as session:
        off = {Medium.VOICE: Wish.OFF}
        await wishes.choose(session, house.mother, "clubs", off, by="office", log=desk.LOG, now=house.clock())
    assert (await after_silence(house, **survey)).medium is Medium.SMS, "no call, as they declined those"
    load = sections.Load(texts_per_day=0, texts_per_week=3)
    house.gateway = replace(house.gateway, settings=house.gateway.settings.model_copy(update={"load": load}))
    row = await after_silence(house, **survey)
    assert (row.medium, row.because) == (None, "the family has had as many texts this week as it may get")
    assert "silent" not in await house.tasks()


@pytest.mark.parametrize(("purpose", "day"), [("service", "Monday"), ("emergency", "Sunday")])
async def test_an_hour_of_the_quiet_is_none_but_for_what_is_urgent(sqlite_house: House, purpose: str, day: str) -> None:
    house = sqlite_house
    settings = house.gateway.settings.model_copy(update={"quiet": sections.Quiet()})
    house.gateway = replace(house.gateway, settings=settings)
    house.change(hours=("08:30", "19:30"))
    house.clock.pass_(days=4, hours=9, minutes=30)  # Friday evening: a day later the next hour is Sunday's
    row = await after_silence(house, purpose=purpose)
    assert row.due_at is not None
    assert (f"{row.due_at:%A %H:%M}", row.because) == (
        f"{day} 08:30", "texts unanswered once at 19.30, so a text at 8.30"
    )  # fmt: skip
    [text] = [one for one in await house.messages() if one.due_at == row.due_at and one.contact_id == house.mother]
    assert text.remark == ("Passes the quiet hours: it cannot wait." if purpose == "emergency" else "")


async def test_in_other_words_and_from_another_number(sqlite_house: House) -> None:
    house = sqlite_house
    await school.add(
        house.database, Sender(channel="c-sms", medium=Medium.SMS, address="+441134960002", rate=100, burst=100)
    )
    row = await after_silence(house, again={"after": "1d", "text": {"en": "We still need to hear: {children}?"}})
    assert row.differs == "hour, wording, sender"
    assert row.because == (
        "texts unanswered once at 8.30, so a text at 12.30, in other words, from another number of ours"
    )
    first, second = [one for one in await house.messages() if one.contact_id == house.mother]
    assert (first.sender_id != second.sender_id, first.keys, second.keys) == (True, "1", "1")
    assert second.body.startswith("Oakfield: We still need to hear: Ana?")


async def test_english_words_are_no_other_language(sqlite_house: House) -> None:
    """There are no words in Urdu: what reads English again has not been said in another language."""
    house = sqlite_house
    async with house.database.write() as session:
        mother = await session.get_one(Contact, house.mother)
        mother.written_language, mother.further_languages = "ur", "pa"
    row = await after_silence(house)
    assert (row.language, row.differs) == ("en", "hour")


async def test_one_that_cannot_be_said_holds_up_no_other(sqlite_house: House) -> None:
    house = sqlite_house
    await house.send(**ASKED, again={"after": "1d", "text": {"en": "Well?"}})
    async with house.database.write() as session:
        notice = (await session.scalars(select(Notice))).one()  # as an older Handbell might have let it in
        notice.definition = notice.definition | {"again": {"after": "1d", "text": {"en": "Well, {nonsense}?"}}}
    row = await after_silence(house)
    assert row.medium is Medium.SMS
    assert {one.because for one in await tries(house) if one.medium is None} == {
        "Handbell itself failed; the journal says more"
    }


def test_events_remind_by_themselves_and_other_words_need_words() -> None:
    event = {"kind": "event", "event": {"starts": "2026-12-01T18:00:00"}}
    for wrong, told in (
        (ASKED | event | {"again": {"after": "1d"}}, "“again” is not for events"),
        (ASKED | {"again": {"after": "1d", "text": {"en": "a"}}, "template": "closure", "text": {}}, "own words"),
    ):
        with pytest.raises(errors.BadDefinition, match=told):
            desk.definition(**wrong)
    broken = desk.definition(**ASKED, again={"after": "1d", "text": {"en": "{nonsense}"}})
    found = submission.examine(broken, now=desk.NOW, timezone=ZoneInfo("Europe/London"))
    assert any("nonsense" in one.what for one in found)
