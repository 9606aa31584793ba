"""Places: which times are shown to whom, that none is given away twice, and the waiting list."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from support.evenings import PLAIN, TIMES, Evening

from gateway import guard, turns
from gateway.database import Database
from gateway.events import answering, changes, guests, offers
from gateway.models import EventGuest, EventSlot, GuestState, Message, MessageState
from gateway.models.types import core

MUM, DAD, AUNT, NAN = "+447700900101", "+447700900102", "+447700900103", "+447700900104"
SAID = answering.Said("somebody", "text")
FULL = PLAIN | {"capacity": 1}


@pytest.fixture
async def evening(sqlite_database: Database) -> Evening:
    return await Evening(sqlite_database).open()


async def test_times_are_chosen_by_digit_or_by_the_clock_and_changed(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite(TIMES)
    assert (await evening.said(MUM))[0].endswith(
        "Reply 1 for 3:30pm, 2 for 3:40pm, 3 for 3:50pm or 4 for no time suits me."
    )
    await evening.answer(MUM, "2")
    assert (await evening.said(MUM))[-1] == ("Oakfield: thank you, we have your answer: Tuesday 8 December, 3:40pm.")
    await evening.answer(MUM, "Could you make it 3.50 please")
    whole = await evening.whole()
    assert [one.taken for one in whole.slots] == [0, 0, 1]
    assert whole.guests[0].slot == whole.slots[2]


async def test_who_can_make_none_is_rung(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.family(DAD, "Ben")
    await evening.invite(TIMES)
    await evening.answer(MUM, "4")
    await evening.answer(DAD, "I can't make any of these, I work all day")
    assert await evening.states() == {"Ana": "phone", "Ben": "phone"}
    assert (await evening.said(MUM))[-1] == "Oakfield: thank you. We will ring you to find a time that suits you."
    tasks = await evening.tasks("event.phone")
    assert len(tasks) == 2
    assert "Ana" not in tasks[0].what
    await evening.answer(MUM, "1")
    assert len(await evening.tasks("event.phone")) == 1, "a family that has found a time need not be rung"


async def test_a_time_that_has_gone_is_answered_with_those_that_are_left(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.family(DAD, "Ben")
    await evening.invite(TIMES)
    await evening.answer(MUM, "1")
    await evening.answer(DAD, "1")
    left = (await evening.said(DAD))[-1]
    assert "Sorry, that time has just been taken. Please choose another one." in left
    assert "Reply 1 for 3:40pm, 2 for 3:50pm or 3 for no time suits me." in left
    await evening.answer(DAD, "1")
    assert await evening.states() == {"Ana": "coming", "Ben": "coming"}
    assert [one.taken for one in (await evening.whole()).slots] == [1, 1, 0]


async def test_each_teacher_has_times_for_the_families_of_the_form(evening: Evening) -> None:
    await evening.family(MUM, form="3A")
    await evening.family(DAD, "Ben", form="4B")
    half = {"starts": "2026-12-08T15:30:00", "ends": "2026-12-08T15:50:00", "minutes": 10}
    sessions = [
        half | {"host": "Mrs Patel", "forms": ["3A"], "place": "Room 3"},
        half | {"host": "Mr Lee", "forms": ["4B"]},
    ]
    await evening.invite(PLAIN | {"sessions": sessions})
    await evening.answer(MUM, "1")
    await evening.answer(DAD, "1")
    assert [(one.host, one.taken) for one in (await evening.whole()).slots] == [
        ("Mr Lee", 1), ("Mrs Patel", 1), ("Mr Lee", 0), ("Mrs Patel", 0)
    ]  # fmt: skip
    assert (await evening.said(MUM))[-1].endswith("Tuesday 8 December, 3:30pm, Mrs Patel, Room 3.")


async def test_brothers_and_sisters_who_share_a_phone_have_digits_of_their_own(evening: Evening) -> None:
    mum = await evening.parent(MUM)
    await evening.child("Ana", mum)
    await evening.child("Ben", mum)
    await evening.invite(TIMES)
    first, second = await evening.said(MUM)
    assert "This is about Ana." in first
    assert "This is about Ben." in second
    assert "Reply 1 for 3:30pm, 2 for 3:40pm, 3 for 3:50pm or 4 for no time suits me." in first
    assert "Reply 5 for 3:30pm, 6 for 3:40pm, 7 for 3:50pm or 8 for no time suits me." in second
    await evening.answer(MUM, "7")
    await evening.answer(MUM, "1")
    assert {name: guest.slot_id for name, guest in (await evening.guests()).items()} == {"Ana": 1, "Ben": 3}
    await evening.answer(MUM, "we can't come")  # of which child? a person reads it
    assert await evening.states() == {"Ana": "coming", "Ben": "coming"}


async def test_more_children_than_digits_on_one_phone(evening: Evening) -> None:
    """The fifth child's family gets no menu whose digit would say of which child; by email there is a link for each."""
    mum = await evening.parent(MUM, mail="maria@example.com")
    for child in ("Ana", "Ben", "Cai", "Dee", "Eli"):
        await evening.child(child, mum)
    await evening.invite(TIMES, media=["sms", "email"])
    texts = await evening.said(MUM)
    assert [text.count("Reply") for text in texts] == [1, 1, 1, 1, 0]
    assert "Reply 7 for 3:" in texts[3]
    assert "This is about Eli." in texts[4]
    mails = await evening.said("maria@example.com")
    assert len({mail.partition("/e/")[2].partition("/")[0] for mail in mails}) == 5


async def test_where_every_time_has_gone_a_family_waits_for_any_of_them(evening: Evening) -> None:
    for number, child in ((MUM, "Ana"), (DAD, "Ben"), (AUNT, "Cai")):
        await evening.family(number, child)
    times = {"starts": "2026-12-08T15:30:00", "ends": "2026-12-08T15:50:00", "minutes": 10}
    await evening.invite(PLAIN | {"sessions": [times]})
    await evening.answer(MUM, "1")
    await evening.answer(DAD, "2")
    await evening.answer(AUNT, "2")
    assert await evening.states() == {"Ana": "coming", "Ben": "coming", "Cai": "waiting"}
    await evening.answer(MUM, "no, we can't come")
    assert (await evening.states())["Cai"] == "offered"
    assert "Tuesday 8 December, 3:30pm, the hall." in (await evening.said(AUNT))[-1]
    await evening.answer(AUNT, "1")
    assert [one.taken for one in (await evening.whole()).slots] == [1, 1]


async def test_parents_apart_have_a_place_each_where_the_event_says_so(evening: Evening) -> None:
    await evening.child("Ana", await evening.parent(MUM), apart=await evening.parent(DAD, "Jan"))
    await evening.invite(TIMES | {"households": "each"})
    await evening.answer(MUM, "1")
    await evening.answer(DAD, "3")
    assert await evening.states() == {"Ana": "coming", "Ana*": "coming"}
    assert [one.taken for one in (await evening.whole()).slots] == [1, 0, 1]


async def test_parents_apart_have_one_place_together_otherwise(evening: Evening) -> None:
    await evening.child("Ana", await evening.parent(MUM), apart=await evening.parent(DAD, "Jan"))
    await evening.invite(TIMES)
    await evening.answer(MUM, "1")
    await evening.answer(DAD, "3")
    assert [one.taken for one in (await evening.whole()).slots] == [0, 0, 1]


async def test_times_outside_working_hours_are_first_for_those_who_never_came(evening: Evening) -> None:
    for number, child in ((MUM, "Ana"), (DAD, "Ben")):
        await evening.family(number, child)
    await evening.invite(PLAIN | {"starts": "2026-11-24T18:00:00", "ends": "2026-11-24T19:00:00"}, key="concert")
    async with evening.database.write() as session:
        await session.execute(sa.update(EventGuest).where(core(EventGuest).c.id == 1).values(attended=True))
    late = {"starts": "2026-12-08T18:00:00", "ends": "2026-12-08T18:10:00", "minutes": 10}
    early = {"starts": "2026-12-08T15:30:00", "ends": "2026-12-08T16:30:00", "minutes": 10}
    await evening.invite(PLAIN | {"sessions": [early, late]})
    assert "6pm" not in (await evening.said(MUM))[-1], "there is one, and a family that never came may want it"
    assert "6pm" in (await evening.said(DAD))[-1]
    await evening.answer(DAD, "we can't come")
    await evening.pass_(days=14, hours=8)  # reminded: nobody else needs it now
    assert "6pm" in (await evening.said(MUM))[-1]


async def test_the_waiting_list_goes_in_order_and_each_has_a_time_to_answer(evening: Evening) -> None:
    for number, child in ((MUM, "Ana"), (DAD, "Ben"), (AUNT, "Cai"), (NAN, "Dee")):
        await evening.family(number, child)
    await evening.invite(FULL | {"keep_offer": "2h"})
    for number in (MUM, DAD, AUNT, NAN):
        await evening.answer(number, "1")
        evening.clock.pass_(minutes=1)
    assert await evening.states() == {"Ana": "coming", "Ben": "waiting", "Cai": "waiting", "Dee": "waiting"}
    assert "You are on the waiting list" in (await evening.said(DAD))[-1]
    await evening.answer(MUM, "2")
    assert await evening.states() == {"Ana": "not_coming", "Ben": "offered", "Cai": "waiting", "Dee": "waiting"}
    free = (await evening.said(DAD))[-1]
    assert "A place has become free. We keep it for you until Monday 23 November, 11:04am." in free
    await evening.answer(MUM, "1")  # it is kept: whoever comes back waits behind the others
    assert (await evening.states())["Ana"] == "waiting"
    await evening.pass_(hours=2, minutes=1)
    assert await evening.states() == {"Ana": "waiting", "Ben": "invited", "Cai": "offered", "Dee": "waiting"}
    await evening.answer(AUNT, "no thanks")
    assert (await evening.states())["Dee"] == "offered"
    await evening.answer(NAN, "yes please")
    assert (await evening.states())["Dee"] == "coming"
    assert [one.taken for one in (await evening.whole()).slots] == [1]


async def two_for_one_place(evening: Evening) -> None:
    """Ben waits for the place that Ana has."""
    await evening.family(MUM)
    await evening.family(DAD, "Ben")
    await evening.invite(FULL | {"keep_offer": "2h"})
    await evening.answer(MUM, "1")
    await evening.answer(DAD, "1")


async def test_a_place_that_becomes_free_at_night_is_kept_until_somebody_can_have_read_of_it(evening: Evening) -> None:
    await two_for_one_place(evening)
    await evening.pass_(hours=12.5)  # 21:30
    await evening.answer(MUM, "2")
    await evening.pass_(hours=10)  # 07:30
    assert await evening.states() == {"Ana": "not_coming", "Ben": "offered"}
    assert "We keep it for you until Tuesday 24 November, 9am." in (await evening.said(DAD))[-1]


async def test_silence_to_an_offer_that_never_arrived_is_no_answer(evening: Evening) -> None:
    await two_for_one_place(evening)
    await evening.answer(MUM, "2")
    async with evening.database.write() as session:
        last = (await evening.messages(DAD))[-1]
        failed = sa.update(Message).where(core(Message).c.id == last.id)
        await session.execute(failed.values(state=MessageState.FAILED))
    await evening.pass_(hours=2, minutes=1)
    assert await evening.states() == {"Ana": "not_coming", "Ben": "phone"}
    assert len(await evening.tasks("event.phone")) == 1


async def test_times_that_have_gone_by_are_offered_to_nobody(evening: Evening) -> None:
    await evening.family(MUM)
    new = {"starts": "2026-12-15T17:30:00", "ends": "2026-12-15T17:40:00", "minutes": 10, "again": True}
    sessions = [*TIMES["sessions"], new]
    await evening.pass_(days=5)
    await evening.invite(TIMES | {"sessions": sessions, "remind": "0s"})
    await evening.pass_(days=10, hours=6, minutes=45)  # 15:45 on the day
    await evening.answer(MUM, "1")
    assert "Reply 1 for 3:50pm or 2 for no time suits me." in (await evening.said(MUM))[-1]
    await evening.pass_(hours=1)  # the new times are for those who were missed
    await evening.answer(MUM, "1")
    assert (await evening.said(MUM))[-1] == "Oakfield: This event is over or has been cancelled."
    assert await evening.states() == {"Ana": "invited"}


async def stopped(evening: Evening, *, step: int) -> dict[str, str]:
    """By child, why the wall stops what is still in the queue at a step."""
    t = core(Message).c
    async with evening.database.read() as session:
        query = sa.select(Message).where(t.step == step, t.state == MessageState.QUEUED)
        waiting = list(await session.scalars(query))
        rows, given = (
            [one.model_dump() for one in waiting],
            {"today": evening.gateway.today(), "now": evening.clock.now},
        )
        found = await session.run_sync(lambda plain: guard.stopped(plain.connection(), rows, **given))
    return {("Ben" if "Ben" in one.body else "Ana"): found[one.id].reason for one in waiting if one.id in found}


async def test_a_reminder_that_waits_for_the_morning_does_not_go_to_who_has_answered_meanwhile(
    evening: Evening,
) -> None:
    await evening.family(MUM)
    await evening.invite(PLAIN | {"starts": "2026-11-25T21:00:00", "ends": None})
    await evening.pass_(days=1, hours=12, minutes=30)
    assert await stopped(evening, step=0) == {}
    evening.clock.pass_(minutes=1)
    await evening.answer(MUM, "2")
    assert await stopped(evening, step=0) == {"Ana": "answered"}


async def test_a_reminder_that_comes_back_from_the_wire_does_not_leave_of_a_moved_event(evening: Evening) -> None:
    """What waits is taken back with the change; this one would come after the word of the new time with the old one."""
    await evening.family(MUM)
    ladder = [{"media": ["sms"]}, {"media": ["voice"], "after": "30m"}]
    starts = {"starts": "2026-11-25T21:00:00", "ends": None}
    await evening.invite(PLAIN | starts, media=[], ladder=ladder)
    await evening.answer(MUM, "1")
    await evening.pass_(days=1, hours=12, minutes=30)
    evening.clock.pass_(minutes=1)
    t = core(Message).c
    async with evening.database.write() as session:
        waits = sa.select(t.id).where(t.state == MessageState.QUEUED)
        ids = list(await session.scalars(waits))
        await session.execute(sa.update(Message).where(t.id.in_(ids)).values(state=MessageState.SENDING))
        later = changes.Change(starts=datetime(2026, 11, 25, 21, 30, tzinfo=UTC))
        await changes.change(session, evening.gateway, "evening", later, by="Head")
        await session.execute(sa.update(Message).where(t.id.in_(ids)).values(state=MessageState.QUEUED))
    assert len(ids) == 2
    assert await stopped(evening, step=0) == {"Ana": "newer"}
    assert await stopped(evening, step=1) == {"Ana": "newer"}, "nor does its call"


async def test_each_child_has_a_ladder_of_its_own_that_an_answer_in_any_way_ends(evening: Evening) -> None:
    mum = await evening.parent(MUM)
    await evening.child("Ana", mum)
    await evening.child("Ben", mum)
    ladder = [{"media": ["sms"]}, {"media": ["voice"], "after": "30m"}]
    await evening.invite(TIMES, media=[], ladder=ladder)

    evening.clock.pass_(minutes=1)
    await evening.answer(MUM, "1")
    assert await stopped(evening, step=1) == {"Ana": "answered"}
    async with evening.database.write() as session:
        guest = await guests.find(session, (await evening.guests())["Ben"].id or 0)
        said = answering.Said("Maria", "page")
        await answering.answer(session, evening.gateway, guest, "slot 3", said)
    assert await stopped(evening, step=1) == {"Ana": "answered", "Ben": "answered"}


async def test_who_waits_and_cannot_be_written_to_is_rung(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.family(DAD, "Ben")
    await evening.invite(FULL)
    await evening.answer(MUM, "1")
    await evening.answer(DAD, "1")
    await evening.answer(DAD, "STOP")
    await evening.answer(MUM, "2")
    assert await evening.states() == {"Ana": "not_coming", "Ben": "phone"}
    assert len(await evening.tasks("event.phone")) == 1


async def test_of_many_who_answer_at_once_as_many_get_a_place_as_there_are(database: Database) -> None:
    evening = await Evening(database).open()
    numbers = [f"+447700900{place}" for place in range(200, 212)]
    for place, number in enumerate(numbers):
        await evening.family(number, f"Child{place}")
    await evening.invite(PLAIN | {"capacity": 5})
    ids = [guest.id or 0 for guest in (await evening.guests()).values()]

    async def say(guest_id: int, meaning: str) -> None:
        async def turn() -> None:
            async with database.write() as session:
                guest = await guests.find(session, guest_id)
                await answering.answer(session, evening.gateway, guest, meaning, SAID)

        await turns.again(turn)

    await asyncio.gather(*(say(one, offers.COMING) for one in ids))
    states = list((await evening.states()).values())
    assert (states.count("coming"), states.count("waiting")) == (5, 7)
    # All change their minds at once: those who leave make room for those who wait.
    coming = [one.id or 0 for one in (await evening.guests()).values() if one.state is GuestState.COMING]
    await asyncio.gather(*(say(one, offers.NOT_COMING) for one in coming))
    await evening.turn()
    found = await evening.whole()
    assert [one.taken for one in found.slots] == [5]
    assert list((await evening.states()).values()).count("offered") == 5


async def test_two_who_swap_their_times_in_the_same_moment(database: Database) -> None:
    evening = await Evening(database).open()
    await evening.family(MUM)
    await evening.family(DAD, "Ben")
    await evening.invite(PLAIN | {"sessions": [
        {"starts": "2026-12-08T15:30:00", "ends": "2026-12-08T16:00:00", "minutes": 10, "capacity": 2}]})  # fmt: skip
    await evening.answer(MUM, "1")
    await evening.answer(DAD, "2")
    ids = [guest.id or 0 for guest in (await evening.guests()).values()]

    async def say(guest_id: int, slot: int) -> None:
        async def turn() -> None:
            async with database.write() as session:
                guest = await guests.find(session, guest_id)
                await answering.answer(session, evening.gateway, guest, f"slot {slot}", SAID)

        await turns.again(turn)

    first = (await evening.whole()).slots[0].id or 0
    await asyncio.gather(say(ids[0], first + 1), say(ids[1], first))
    assert [one.taken for one in (await evening.whole()).slots] == [1, 1, 0]


async def test_the_database_itself_gives_no_place_too_many(database: Database) -> None:
    evening = await Evening(database).open()
    await evening.family(MUM)
    await evening.invite(FULL)
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            await session.execute(sa.update(EventSlot).values(taken=2))
