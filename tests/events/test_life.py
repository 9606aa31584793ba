"""The life of an event: invitation, answers, reminder, change, cancelling, thanks, and «sorry that we missed you»."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import sqlalchemy as sa
from support.evenings import PLAIN, TIMES, Evening

from channels.base import Medium
from gateway import attachments, errors, notices
from gateway.database import Database
from gateway.definitions import model, reading
from gateway.events import answering, changes, guests, planning, slots
from gateway.models import Message, MessageState, Notice, Wish
from gateway.models.types import core
from gateway.preferences import wishes

MUM, DAD, AUNT, POLE = "+447700900101", "+447700900102", "+447700900103", "+447700900104"
AGAIN = {"starts": "2026-12-15T17:30:00", "ends": "2026-12-15T18:00:00", "minutes": 10, "again": True}


@pytest.fixture
async def evening(sqlite_database: Database) -> Evening:
    return await Evening(sqlite_database).open()


async def three(evening: Evening) -> None:
    """Ana comes, Ben does not, Cai's family says nothing."""
    for number, child in ((MUM, "Ana"), (DAD, "Ben"), (AUNT, "Cai")):
        await evening.family(number, child)
    await evening.invite()
    await evening.answer(MUM, "1")
    await evening.answer(DAD, "Sorry, we can't come")


async def test_each_household_says_yes_no_or_nothing(evening: Evening) -> None:
    await three(evening)
    invited, thanked = await evening.said(MUM)
    assert invited == (
        "Oakfield: you are invited. Parents' evening: Tuesday 8 December, 3:30pm, the hall.\n"
        "Reply 1 for coming or 2 for not coming."
    )
    assert await evening.states() == {"Ana": "coming", "Ben": "not_coming", "Cai": "invited"}
    assert thanked == "Oakfield: thank you, we have your answer: coming."
    assert (await evening.said(DAD))[1] == "Oakfield: thank you, we have your answer: not coming."


async def test_the_day_before_those_who_said_yes_are_reminded_and_those_who_said_nothing_are_asked(
    evening: Evening,
) -> None:
    await three(evening)
    await evening.pass_(days=14, hours=6)  # Monday 7 December, 3pm
    assert len(await evening.said(MUM)) == 2
    await evening.pass_(minutes=30)
    assert (await evening.said(MUM))[-1].startswith(
        "Oakfield: a reminder. Parents' evening: Tuesday 8 December, 3:30pm"
    )
    assert (await evening.said(AUNT))[-1].endswith("Reply 1 for coming or 2 for not coming.")
    assert len(await evening.said(AUNT)) == 2
    assert len(await evening.said(DAD)) == 2, "who said no hears no more of it"
    await evening.answer(MUM, "we can't make it after all, sorry")  # to a message that asks nothing
    await evening.answer(AUNT, "yes")
    assert await evening.states() == {"Ana": "not_coming", "Ben": "not_coming", "Cai": "coming"}


async def test_a_change_and_a_cancelling_reach_those_who_have_not_said_no(evening: Evening) -> None:
    await three(evening)
    starts = datetime(2026, 12, 9, 16, 0, tzinfo=UTC)
    async with evening.database.write() as session:
        told = await changes.change(
            session,
            evening.gateway,
            "evening",
            changes.Change(starts, None, "the library", "The hall is wet."),
            by="Head",
        )
    assert told.guests == 2
    await evening.turn()
    changed = "Oakfield: there is a change. Parents' evening: Wednesday 9 December, 4pm, the library.\nThe hall is wet."
    assert changed in (await evening.said(MUM))[-1]
    assert changed in (await evening.said(AUNT))[-1]
    assert len(await evening.said(DAD)) == 2
    await evening.pass_(days=15, hours=6)  # Tuesday, 3pm: the reminder has moved along
    assert "a reminder" not in (await evening.said(MUM))[-1]
    await evening.pass_(hours=1)
    assert "a reminder" in (await evening.said(MUM))[-1]
    async with evening.database.write() as session:
        await changes.cancel(session, evening.gateway, "evening", details="Snow is coming.", by="Head")
    await evening.turn()
    cancelled = "we are sorry, but we have had to cancel Parents' evening on Wednesday 9 December. Snow is coming."
    assert cancelled in (await evening.said(MUM))[-1]
    assert cancelled in (await evening.said(AUNT))[-1]
    assert len(await evening.said(DAD)) == 2
    with pytest.raises(errors.Conflict, match="already"):
        async with evening.database.write() as session:
            await changes.cancel(session, evening.gateway, "evening", details="", by="Head")


async def test_who_answers_when_it_is_cancelled_is_told_so(evening: Evening) -> None:
    await three(evening)
    async with evening.database.write() as session:
        await changes.cancel(session, evening.gateway, "evening", details="", by="Head")
    await evening.pass_(days=14, hours=23)  # an invitation is answered until the event begins
    await evening.answer(AUNT, "1")
    assert (await evening.said(AUNT))[-1] == "Oakfield: This event is over or has been cancelled."


async def test_what_waits_is_taken_back_when_the_event_is_cancelled(evening: Evening) -> None:
    await three(evening)
    async with evening.database.write() as session:
        await changes.cancel(session, evening.gateway, "evening", details="", by="Head")
    await evening.pass_(days=15)
    assert not [text for text in await evening.said(MUM) if "reminder" in text]


async def test_thanks_to_those_who_came_and_a_new_time_to_those_who_did_not(evening: Evening) -> None:
    await three(evening)
    ids = {name: guest.id or 0 for name, guest in (await evening.guests()).items()}
    await evening.pass_(days=16)
    async with evening.database.write() as session:
        count = await changes.attended(
            session, evening.gateway, "evening", came=[ids["Ana"]], rest_missed=True, by="Mrs Office"
        )
        assert count == 2, "who said no was not missed"
        again = [model.EventSession.model_validate(AGAIN)]
        await changes.follow_up(session, evening.gateway, "evening", details="", again=again, by="Mrs Office")
    await evening.turn()
    assert (await evening.said(MUM))[
        -1
    ] == "Oakfield: Thank you for coming to Parents' evening. It was good to see you."
    missed = (await evening.said(AUNT))[-1]
    assert "we are sorry that you could not come to Parents' evening. We have a new time for you" in missed
    assert "Tuesday 15 December, 5:30pm, the hall." in missed
    assert "Reply 1 for coming or 2 for not coming." in missed
    assert (await evening.said(DAD))[-1].endswith("not coming.")
    await evening.answer(AUNT, "1")
    assert (await evening.guests())["Cai"].state == "coming"
    with pytest.raises(errors.Conflict, match="told already"):
        async with evening.database.write() as session:
            await changes.follow_up(session, evening.gateway, "evening", details="", again=[], by="Mrs Office")
    await evening.pass_(days=5, hours=9)  # Monday 14 December, half past five: a new time has a reminder, too
    assert "a reminder. Parents' evening: Tuesday 15 December, 5:30pm" in (await evening.said(AUNT))[-1]
    assert "Thank you for coming" in (await evening.said(MUM))[-1]


async def test_a_new_time_of_which_a_family_says_nothing_is_offered_once_more(evening: Evening) -> None:
    await three(evening)
    await evening.pass_(days=16)
    await note(evening, "Ana", rest_missed=True, again=AGAIN)
    before = await evening.said(AUNT)
    await evening.pass_(days=5, hours=9)
    [again] = (await evening.said(AUNT))[len(before) :]
    assert "We have a new time for you" in again
    assert "Reply 1 for coming or 2 for not coming." in again
    await evening.answer(AUNT, "1")
    assert (await evening.said(AUNT))[-1].endswith("we have your answer: Tuesday 15 December, 5:30pm.")


async def note(evening: Evening, *came: str, rest_missed: bool = False, again: dict[str, Any] | None = None) -> int:
    """Note who was there by the first child's name, and tell everybody who is to be told."""
    ids = {name: guest.id or 0 for name, guest in (await evening.guests()).items()}
    times = [model.EventSession.model_validate(again)] if again else []
    async with evening.database.write() as session:
        noted = [ids[name] for name in came]
        await changes.attended(
            session, evening.gateway, "evening", came=noted, rest_missed=rest_missed, by="Mrs Office"
        )
        told = await changes.follow_up(session, evening.gateway, "evening", details="", again=times, by="Mrs Office")
    await evening.turn()
    return told.guests


async def test_who_came_may_be_thanked_first_and_the_others_told_later_that_they_were_missed(evening: Evening) -> None:
    await three(evening)
    await evening.pass_(days=16)
    assert await note(evening, "Ana") == 1
    thanked = await evening.said(MUM)
    assert await note(evening, rest_missed=True) == 1
    assert "we are sorry that you could not come" in (await evening.said(AUNT))[-1]
    assert await evening.said(MUM) == thanked


async def test_an_event_of_two_days_reminds_each_day_and_misses_nobody_before_their_day(evening: Evening) -> None:
    for number, child in ((MUM, "Ana"), (DAD, "Ben"), (AUNT, "Cai")):
        await evening.family(number, child)
    days = [
        {"starts": f"2026-12-{day}T15:30:00", "ends": f"2026-12-{day}T15:50:00", "minutes": 10} for day in ("08", "10")
    ]
    await evening.invite(PLAIN | {"ends": "2026-12-10T19:00:00", "sessions": days})
    for number, slot in ((MUM, 0), (DAD, 2)):
        guest = next(one for one in (await evening.whole()).guests if one.contacts[0].id == (1 if number == MUM else 2))
        ids = [one.id for one in (await evening.whole()).slots]
        async with evening.database.write() as session:
            held = await guests.find(session, guest.guest.id or 0)
            said = answering.Said("Mrs Office", "office", "Mrs Office")
            assert await answering.answer(session, evening.gateway, held, f"slot {ids[slot]}", said) == "coming"
    await evening.pass_(days=14, hours=7)  # Monday
    assert "a reminder. Parents' evening: Tuesday 8 December, 3:30pm" in (await evening.said(MUM))[-1]
    assert len(await evening.said(DAD)) == 1
    assert len(await evening.said(AUNT)) == 2, "who has said nothing is asked once more"
    await evening.pass_(days=1, hours=3)  # Tuesday night
    assert await note(evening, "Ana", rest_missed=True) == 1
    assert [one.attended for one in (await evening.guests()).values()] == [True, None, None]
    await evening.pass_(days=1)
    assert "a reminder. Parents' evening: Thursday 10 December, 3:30pm" in (await evening.said(DAD))[-1]
    assert len(await evening.said(AUNT)) == 2


async def test_an_invitation_that_waits_for_a_second_person_says_what_was_changed_meanwhile(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite(approval={"required": True})
    evening.clock.pass_(minutes=5)
    starts = datetime(2026, 12, 9, 16, 0, tzinfo=UTC)
    async with evening.database.write() as session:
        told = await changes.change(session, evening.gateway, "evening", changes.Change(starts), by="Head")
    assert told.guests == 0, "nobody knows of it yet"
    await evening.turn()
    async with evening.database.write() as session:
        await notices.approve(session, evening.gateway, "evening", approver="Head")
    await evening.turn()
    [invited] = await evening.said(MUM)
    assert "Wednesday 9 December, 4pm" in invited


async def test_whoever_never_heard_of_an_event_does_not_hear_that_it_is_cancelled(evening: Evening) -> None:
    await evening.family(MUM)
    evening.clock.pass_(hours=12)  # in the night nothing leaves
    await evening.invite()
    async with evening.database.write() as session:
        told = await changes.cancel(session, evening.gateway, "evening", details="", by="Head")
    assert told.guests == 0
    await evening.pass_(hours=12)
    assert await evening.said(MUM) == []


async def test_what_is_over_is_neither_changed_nor_cancelled(evening: Evening) -> None:
    await three(evening)
    await evening.pass_(days=16)
    async with evening.database.write() as session:
        with pytest.raises(errors.Conflict, match="is over"):
            await changes.change(session, evening.gateway, "evening", changes.Change(place="the gym"), by="Head")
        with pytest.raises(errors.Conflict, match="is over"):
            await changes.cancel(session, evening.gateway, "evening", details="", by="Head")


async def move(evening: Evening, starts: datetime, details: str = "") -> changes.Told:
    async with evening.database.write() as session:
        new = changes.Change(starts, details=details)
        return await changes.change(session, evening.gateway, "evening", new, by="Head")


async def test_what_has_not_left_does_not_say_what_was_true_before_a_change(database: Database) -> None:
    """A wrong date, put right twice in the evening: in the morning a family hears one thing, and it is true."""
    evening = await Evening(database).open()
    await evening.family(MUM)
    evening.clock.pass_(hours=12, minutes=30)  # 9:30pm: families are not disturbed before the morning
    await evening.invite(purpose="community")
    evening.clock.pass_(minutes=5)
    told = await move(evening, datetime(2026, 12, 9, 16, 0, tzinfo=UTC))
    assert told.guests == 0, "nobody knows of it yet"
    await evening.pass_(minutes=1)
    await evening.pass_(hours=11)
    [invited] = await evening.said(MUM)
    assert "Wednesday 9 December, 4pm" in invited
    evening.clock.pass_(hours=13)
    await move(evening, datetime(2026, 12, 10, 16, 0, tzinfo=UTC), "The hall is wet.")
    await evening.turn()
    evening.clock.pass_(minutes=5)
    await move(evening, datetime(2026, 12, 11, 16, 0, tzinfo=UTC))
    await evening.turn()
    await evening.pass_(hours=11)
    [_, changed] = await evening.said(MUM)
    assert "Friday 11 December, 4pm, the hall.\nThe hall is wet." in changed


async def test_a_later_call_of_an_invitation_does_not_name_the_time_before_a_change(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite(media=[], ladder=[{"media": ["sms"]}, {"media": ["voice"], "after": "2d"}], until="answered")
    await move(evening, datetime(2026, 12, 9, 16, 0, tzinfo=UTC))
    await evening.pass_(days=3)
    [_, changed] = await evening.said(MUM)
    assert "there is a change. Parents' evening: Wednesday 9 December, 4pm" in changed


async def test_a_postponed_event_has_its_reminder_although_one_has_gone_out(evening: Evening) -> None:
    await three(evening)
    await evening.pass_(days=14, hours=7)
    assert "a reminder" in (await evening.said(MUM))[-1]
    async with evening.database.write() as session:
        new = changes.Change(datetime(2026, 12, 15, 15, 30, tzinfo=UTC))
        await changes.change(session, evening.gateway, "evening", new, by="Head")
    await evening.pass_(days=7)
    assert "a reminder. Parents' evening: Tuesday 15 December, 3:30pm" in (await evening.said(MUM))[-1]


async def test_an_invitation_that_goes_by_its_distance_moves_along(evening: Evening) -> None:
    await evening.family(MUM)
    notice = await evening.invite(schedule={"when": ["7 days before at 9.00"]})
    async with evening.database.write() as session:
        new = changes.Change(datetime(2026, 12, 10, 15, 30, tzinfo=UTC))
        await changes.change(session, evening.gateway, "evening", new, by="Head")
    async with evening.database.read() as session:
        found = await session.get_one(Notice, notice.id)
    assert found.next_fire_at == datetime(2026, 12, 3, 9, 0, tzinfo=UTC)
    await evening.pass_(days=10)
    assert "Thursday 10 December, 3:30pm" in (await evening.said(MUM))[0]


async def test_a_notice_of_somebody_elses_with_such_a_key_is_in_nobodys_way(evening: Evening) -> None:
    await evening.family(MUM)
    for key in ("evening-reminder", "evening-cancelled"):
        await evening.invite(key=key, kind="notice", event=None, template="", text={"en": "Something else."})
    await evening.invite()
    await evening.answer(MUM, "1")
    await evening.pass_(days=14, hours=7)
    assert "a reminder" in (await evening.said(MUM))[-1]
    async with evening.database.write() as session:
        await changes.cancel(session, evening.gateway, "evening", details="", by="Head")
    await evening.turn()
    assert "had to cancel" in (await evening.said(MUM))[-1]


def test_times_move_on_the_schools_clock() -> None:
    """From the last week of summer time into winter: half past three stays half past three."""
    before = datetime(2026, 10, 20, 14, 30, tzinfo=UTC)
    after = slots.moved(before, timedelta(days=7), ZoneInfo("Europe/London"))
    assert after == datetime(2026, 10, 27, 15, 30, tzinfo=UTC)


async def test_preferences_and_limits_arrange_an_invitation_and_a_cancelling_passes_them(evening: Evening) -> None:
    mum = await evening.parent(MUM, mail="maria@example.com")
    await evening.child("Ana", mum)
    await evening.family(DAD, "Ben")
    async with evening.database.write() as session:
        by_mail = {Medium.SMS: Wish.OFF}
        await wishes.choose(
            session, mum, "events", by_mail, by="office", log=evening.gateway.log, now=evening.clock.now
        )
    await evening.invite(key="fair", kind="notice", event=None, template="", text={"en": "Fair."}, purpose="community")
    await evening.invite(purpose="community", topic="events")
    t = core(Message).c
    async with evening.database.read() as session:
        rows = list(await session.scalars(sa.select(Message).where(t.purpose == "community").order_by(t.created_at)))
        topics = set(await session.scalars(sa.select(core(Notice).c.topic).where(core(Notice).c.key.like("evening%"))))
    invited = {one.address or one.reason: one for one in rows if ":guest:" in one.slot}
    assert invited["maria@example.com"].remark == "By email, as this family prefers."
    assert invited["by_email"].contact_id == mum
    assert invited["over_limit"].state is MessageState.SKIPPED, "one text a day that can wait"
    assert topics == {"events"}, "so the wall asks again when the reminder leaves"
    async with evening.database.write() as session:
        told = await changes.cancel(session, evening.gateway, "evening", details="", by="Head")
    assert told.guests == 1, "the other family was left out of the invitation"
    await evening.turn()
    assert "had to cancel" in (await evening.said(MUM))[-1]
    assert len(await evening.said(DAD)) == 1


async def test_a_letter_instead_of_a_reminder_names_the_family_s_own_time(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite(TIMES)
    await evening.answer(MUM, "2")
    await evening.pass_(days=14, hours=7)
    reminder = (await evening.messages(MUM))[-1]
    async with evening.database.read() as session:
        notice = await notices.find(session, "evening-reminder")
        told = await planning.said_by(session, evening.gateway, reminder.id, reading.stored(notice.definition))
    assert told.event is not None
    assert told.event.starts.isoformat() == "2026-12-08T15:40:00"


async def test_missed_without_a_new_time_is_told_all_the_same(evening: Evening) -> None:
    await three(evening)
    await evening.pass_(days=16)
    async with evening.database.write() as session:
        await changes.attended(session, evening.gateway, "evening", came=[], rest_missed=True, by="Mrs Office")
        await changes.follow_up(session, evening.gateway, "evening", details="", again=[], by="Mrs Office")
    await evening.turn()
    assert "To talk with us another time, call 020 7946 0123." in (await evening.said(AUNT))[-1]


async def test_nobody_was_there_before_it_begins(evening: Evening) -> None:
    await three(evening)
    with pytest.raises(errors.Conflict, match="has not taken place"):
        async with evening.database.write() as session:
            await changes.attended(session, evening.gateway, "evening", came=[1], rest_missed=False, by="Office")


async def test_calendar_files_follow_the_event_by_their_sequence(evening: Evening) -> None:
    await evening.family(MUM, mail="maria@example.com")
    await evening.invite(TIMES, media=["sms", "email"])
    files = attachments.Files(evening.database, school="Oakfield", now=evening.clock)

    async def entry(kind: str) -> tuple[str, icalendar.Event | None]:
        email = [one for one in await evening.messages("maria@example.com") if kind in one.subject][-1]
        found = await files.of(email.model_dump())
        if not found:
            return "", None
        [event] = icalendar.Calendar.from_ical(found[0].content).walk("VEVENT")
        assert isinstance(event, icalendar.Event)
        return found[0].content_type.rpartition("=")[2], event

    assert await entry("you are invited") == ("", None), "there is no entry before a time is chosen"
    await evening.answer(MUM, "2")
    await evening.pass_(days=15)
    method, first = await entry("a reminder")
    assert first is not None
    assert (method, first["dtstart"].dt) == ("PUBLISH", datetime(2026, 12, 8, 15, 40, tzinfo=UTC))
    async with evening.database.write() as session:
        new = changes.Change(datetime(2026, 12, 8, 17, 0, tzinfo=UTC))
        await changes.change(session, evening.gateway, "evening", new, by="Head")
    await evening.turn()
    method, second = await entry("there is a change")
    assert second is not None
    assert (method, second["dtstart"].dt) == ("PUBLISH", datetime(2026, 12, 8, 17, 10, tzinfo=UTC))
    async with evening.database.write() as session:
        await changes.cancel(session, evening.gateway, "evening", details="", by="Head")
    await evening.turn()
    method, last = await entry("cancel")
    assert last is not None
    assert (method, str(last["status"])) == ("CANCEL", "CANCELLED")
    assert first["uid"] == second["uid"] == last["uid"]
    assert int(first["sequence"]) < int(second["sequence"]) < int(last["sequence"])


async def test_the_office_answers_for_a_family_and_changes_it(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite(TIMES)
    [line] = (await evening.whole()).guests
    slot = (await evening.whole()).slots[2]
    said = answering.Said("Mrs Office", "office", "Mrs Office")
    for meaning, state in ((answering.meaning_of("coming", slot.id), "coming"), ("not_coming", "not_coming")):
        async with evening.database.write() as session:
            guest = await guests.find(session, line.guest.id or 0)
            assert await answering.answer(session, evening.gateway, guest, meaning, said) == state
    assert await evening.states() == {"Ana": "not_coming"}
    assert sum(one.taken for one in (await evening.whole()).slots) == 0


async def test_an_event_that_asks_nothing_is_told_and_remembered_all_the_same(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite(PLAIN, template="", text={"en": "The bake sale is on Tuesday."})
    [told] = await evening.said(MUM)
    assert told == "Oakfield: The bake sale is on Tuesday."
    await evening.pass_(days=14, hours=7)
    assert "a reminder" in (await evening.said(MUM))[-1]


async def test_two_parents_with_one_phone_hear_once_and_answer_once(evening: Evening) -> None:
    await evening.child("Ana", await evening.parent(MUM), await evening.parent(MUM, "Jan"))
    await evening.invite()
    assert len(await evening.said(MUM)) == 1
    await evening.answer(MUM, "1")
    assert await evening.states() == {"Ana": "coming"}


async def test_an_invitation_that_waits_for_a_second_person_reminds_nobody(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite(approval={"required": True})
    await evening.pass_(days=14, hours=7)
    assert await evening.said(MUM) == []
