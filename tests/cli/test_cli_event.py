"""``handbell event`` at an office: invite, look, answer for a family, and note who was there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from support import desk, school

from channels.base import Medium
from gateway import audit, context, notices
from gateway.database import Database
from gateway.models import EventSlot, Message, SchoolEvent
from gateway.models.types import core

if TYPE_CHECKING:
    from conftest import Office

IN_A_WEEK = datetime.now(UTC) + timedelta(days=7)
EVENING = f"""
key = "evening"
kind = "event"
title = "Parents' evening"
purpose = "service"
template = "event_invitation"
media = ["sms", "email"]
[event]
starts = {IN_A_WEEK:%Y-%m-%d}T15:30:00
place = "the hall"
[[event.sessions]]
host = "Mrs Patel"
starts = {IN_A_WEEK:%Y-%m-%d}T15:30:00
ends = {IN_A_WEEK:%Y-%m-%d}T18:00:00
minutes = 50
[audience]
forms = ["3A"]
"""


@pytest.fixture
def invited(small_school_office: Office) -> Office:
    office = small_school_office
    assert "families are invited now" in office.gives("event", "invite", office.write("evening.toml", EVENING))
    plan(office)
    return office


def plan(office: Office) -> None:
    async def job(database: Database) -> None:
        log = audit.Log(office.log._key)
        gateway = desk.gateway(database, drafts=True)
        gateway = context.Gateway(
            settings=gateway.settings, database=database, log=log, secret=b"s" * 32, channels={},
            now=lambda: datetime.now(UTC),
        )  # fmt: skip
        while True:
            async with database.write_here() as session:
                if await notices.plan_due(session, gateway) is None:
                    return

    office.do(job)


def test_the_office_sees_who_is_invited_and_answers_for_them(invited: Office) -> None:
    assert "Parents' evening" in invited.gives("event", "list")
    shown = invited.gives("event", "show", "evening", "--silent")
    assert "Ana Example (3A)" in shown
    assert "no answer 1." in shown
    slots = invited.data("event", "slots", "evening")
    assert [one["capacity"] for one in slots] == [1, 1, 1]
    assert "outside working hours" not in invited.gives("event", "slots", "evening").splitlines()[2]
    last = str(slots[-1]["id"])
    assert invited.gives("event", "answer", "evening", "1", "--slot", last).strip() == "Guest 1 is coming."
    assert "interpreter" in invited.gives("event", "answer", "evening", "1", "interpreter")
    shown = invited.gives("event", "show", "evening")
    assert "17:10 Mrs Patel" in shown
    assert "Interpreters needed: Polish 1 (Maria Example)." in shown
    assert "is to be rung" in invited.gives("event", "answer", "evening", "1", "no-time")
    assert "ring them" in invited.gives("task", "list")


def test_what_cannot_be_done_is_said_in_a_sentence(invited: Office) -> None:
    assert "There is no event “concert”." in invited.refuses("event", "show", "concert")
    assert "There is no guest 7." in invited.refuses("event", "answer", "evening", "7")
    assert "“perhaps” is no answer." in invited.refuses("event", "answer", "evening", "1", "perhaps")
    assert "has not taken place" in invited.refuses("event", "attended", "evening", "1")
    assert "do not go together" in invited.refuses("event", "answer", "evening", "1", "not-coming", "--slot", "1")
    assert "There is no time 99" in invited.refuses("event", "answer", "evening", "1", "--slot", "99")
    assert "nothing would change" in invited.refuses("event", "change", "evening")
    notice = invited.write("notice.toml", 'key = "a"\ntitle = "A"\npurpose = "service"\nmedia = ["sms"]\n'
                           'text.en = "A."\naudience.whole_school = true\n')  # fmt: skip
    assert "this is no event" in invited.refuses("event", "invite", notice)
    early = invited.write("early.toml", EVENING.replace("minutes = 50", "minutes = 200").replace('"evening"', '"b"'))
    assert "a session is at least as long as one of its times" in invited.refuses("event", "invite", early)
    session = EVENING[EVENING.index("[[event.sessions]]") : EVENING.index("[audience]")]
    twice = invited.write("twice.toml", EVENING.replace(session, session * 2).replace('"evening"', '"c"'))
    assert "two times with the same host begin at the same moment" in invited.refuses("event", "invite", twice)
    later = EVENING.replace('"evening"', '"d"').replace("[audience]", '[schedule]\nwhen = ["1 day before"]\n[audience]')
    assert "invited now" not in invited.gives("event", "invite", invited.write("later.toml", later))


def test_those_who_came_are_thanked_and_the_others_are_offered_a_new_time(invited: Office) -> None:
    invited.gives("event", "answer", "evening", "1", "--slot", "1")

    async def yesterday(database: Database) -> None:
        past = datetime.now(UTC) - timedelta(days=1)
        async with database.write() as session:
            await session.execute(sa.update(SchoolEvent).values(starts_at=past))
            await session.execute(sa.update(EventSlot).where(core(EventSlot).c.id == 1).values(starts_at=past))

    invited.do(yesterday)
    soon = datetime.now(UTC) + timedelta(days=3)
    again = f"{soon:%Y-%m-%d}T16:00/{soon:%Y-%m-%d}T17:00/10"
    done = invited.gives("event", "attended", "evening", "--rest-missed", "--send", "--again", again)
    assert "1 family is written to now." in done
    plan(invited)

    async def said(database: Database) -> list[str]:
        t = core(Message).c
        async with database.read() as session:
            query = sa.select(t.body).where(t.medium == Medium.SMS, t.body != "").order_by(t.created_at, t.id)
            return list(await session.scalars(query))

    texts: list[str] = invited.do(said)
    assert "16:00" in texts[-1]
    assert "nowy termin" in texts[-1].lower() or "nową" in texts[-1].lower(), texts[-1]
    assert "was there" not in invited.gives("event", "show", "evening")
    assert "missed" in invited.gives("event", "show", "evening")


def test_the_address_of_a_calendar(invited: Office) -> None:
    assert "/calendar/3361/" in invited.gives("event", "feed", "3A")
    assert "Nobody is in form “9Z”" in invited.refuses("event", "feed", "9Z")


def test_the_reminder_is_listed_so_that_it_can_be_taken_back(invited: Office) -> None:
    assert "evening-reminder" in invited.gives("notice", "list")
    invited.gives("notice", "cancel", "evening-reminder")


def test_a_preview_shows_the_times(invited: Office) -> None:
    file = invited.write("other.toml", EVENING.replace('"evening"', '"other"'))
    assert "Reply 1 for 3:30pm, 2 for 4:20pm, 3 for 5:10pm" in " ".join(
        invited.gives("notice", "preview", file).split()
    )


def test_a_preview_shows_what_each_child_s_family_would_get(invited: Office) -> None:
    """Two children of one phone: a text for each, with digits of its own."""

    async def brother(database: Database) -> None:
        pupil = await school.pupil(database, "Ben", form="3A", year="3")
        await school.tie(database, pupil, 1, priority=1, parental_responsibility=True, lives_with=True)

    invited.do(brother)
    file = invited.write("other.toml", EVENING.replace('"evening"', '"other"'))
    shown = invited.data("notice", "preview", file)
    assert {one["medium"]: one["messages"] for one in shown["totals"]} == {"sms": 2, "email": 2}


def test_an_answer_to_an_invitation_is_explained(small_office: Office) -> None:
    def explained(words: str) -> str:
        return small_office.gives("explain", "reply", words, "--notice", "event_invitation")

    assert explained("nie możemy przyjść").startswith("not coming.\n“nie mozemy przyjsc” says not coming (pl).")
    assert explained("2").strip() == "not coming: “2” is the menu's answer."
    assert explained("4.10pm, with an interpreter").startswith("not clear: a person must read it; an interpreter is")
    assert "an opt-out word of the networks is no answer" in explained("STOP")
