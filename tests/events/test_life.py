"""The life of an event: invitation, answers, reminder, change, cancelling, thanks, and «sorry that we missed you»."""

from __future__ import annotations

from datetime import UTC, datetime

import icalendar
import pytest
from support.evenings import PLAIN, TIMES, Evening

from gateway import attachments, errors
from gateway.database import Database
from gateway.definitions import model
from gateway.events import answering, changes, guests

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
