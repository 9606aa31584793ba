"""What was begun in a trial goes on after its end, but not for families from whom the trial kept how it began."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from support import desk, evenings
from support.desk import LOG

from gateway import notices, trial
from gateway.campaigns import deeds
from gateway.database import Database
from gateway.definitions import survey as shape
from gateway.events import answering, changes, guests
from gateway.models import Message
from gateway.models.types import core
from gateway.surveys import asking, going_on

GUEST, FAMILY = "+447700900111", "+447700900112"


class Tried(evenings.Evening):
    """A school in its trial: one parent is on the guest list, and another is not. Everything goes by the wall."""

    async def open(self) -> Tried:
        async with self.database.write() as session:
            await trial.begin_if_new(session, wanted=True, log=LOG, now=self.clock.now)
            await trial.add_guest(session, GUEST, "the office", actor="Mr Reilly", log=LOG, now=self.clock.now)
        await super().open()
        for number, child in ((GUEST, "Ana"), (FAMILY, "Ben")):
            await self.family(number, child)
        return self

    async def deliver(self) -> None:
        async with self.database.read() as session:
            due = await going_on.is_due(session, self.gateway)
        if due:
            async with self.database.write() as session:
                await going_on.turn(session, self.gateway)
        await desk.leave(self.database, now=self.clock.now)

    async def end(self) -> None:
        async with self.database.write() as session:
            await trial.end(session, waived=[], actor="Mr Reilly", log=LOG, now=self.clock.now)
        await self.pass_(hours=1)

    async def why_not(self) -> list[str]:
        """Why the family did not get what was meant for it, in order."""
        t = core(Message).c
        query = sa.select(t.reason).where(t.address == FAMILY, t.reason != "").order_by(t.created_at, t.id)
        async with self.database.read() as session:
            return list(await session.scalars(query))

    async def counts(self) -> tuple[int, int]:
        """How many messages have reached the guest, and the family."""
        return len(await self.said(GUEST)), len(await self.said(FAMILY))


@pytest.fixture
async def tried(database: Database) -> Tried:
    return await Tried(database).open()


async def test_nobody_hears_more_of_an_event_whose_invitation_the_trial_held_back(tried: Tried) -> None:
    await tried.invite()
    assert await tried.counts() == (1, 0)
    await tried.end()
    await tried.pass_(days=14, hours=6)  # the day before
    assert await tried.counts() == (2, 0), "the reminder"
    async with tried.database.write() as session:
        await changes.cancel(session, tried.gateway, "evening", details="Snow is coming.", by="Head")
    await tried.turn()
    assert await tried.counts() == (3, 0), "that it is cancelled"
    assert await tried.why_not() == ["trial"] * 3


async def test_who_is_invited_anew_after_the_trial_hears_the_rest(tried: Tried) -> None:
    await tried.invite()
    await tried.end()
    await tried.invite(key="evening-2")
    assert await tried.counts() == (2, 1)
    await tried.pass_(days=14, hours=6)
    assert await tried.counts() == (4, 2)
    assert (await tried.said(FAMILY))[-1].endswith("Reply 1 for coming or 2 for not coming.")
    assert await tried.why_not() == ["trial"] * 2


async def test_a_survey_reminds_nobody_of_a_question_that_the_trial_held_back(tried: Tried) -> None:
    gate = {
        "key": "gate", "title": "The gate", "audience": {"whole_school": True}, "remind_after": "2d",
        "questions": [
            {"text": {"en": "Is the new gate easier?"},
             "options": [{"key": "1", "label": {"en": "easier"}}, {"key": "2", "label": {"en": "harder"}}]},
        ],
    }  # fmt: skip
    async with tried.database.write() as session:
        await asking.create(session, tried.gateway, shape.read(gate), by="Mrs Head")
    await tried.turn()
    assert await tried.counts() == (1, 0)
    await tried.end()
    await tried.pass_(days=3)
    assert await tried.counts() == (2, 0)
    assert await tried.why_not() == ["trial"]


async def test_a_campaign_that_counts_down_reminds_nobody_of_a_date_of_which_they_never_heard(tried: Tried) -> None:
    """Not even by another firing; but what somebody sends by hand is new, and so is what reminds of it then."""
    when = {"when": ["3 days before", "2 days before", "1 day before"], "date": "2026-11-27"}
    async with tried.database.write() as session:
        await notices.submit(session, tried.gateway, desk.definition(schedule=when), author="office")
    await tried.pass_(days=1, hours=1)  # Tuesday
    assert await tried.counts() == (1, 0)
    await tried.end()
    await tried.pass_(days=1)
    assert await tried.counts() == (2, 0)
    assert await tried.why_not() == ["trial"] * 2
    async with tried.database.write() as session:
        await deeds.run_now(session, tried.gateway, "fair", by="office")
    await tried.pass_(hours=1)
    assert (await tried.counts())[1] == 1
    await tried.pass_(days=1)
    assert (await tried.counts())[1] == 2


async def test_a_campaign_that_goes_by_the_week_begins_anew_each_time(tried: Tried) -> None:
    async with tried.database.write() as session:
        weekly = desk.definition(schedule={"cron": "0 10 * * *"})
        await notices.submit(session, tried.gateway, weekly, author="office")
    await tried.pass_(hours=2)
    await tried.end()
    await tried.pass_(days=1)
    assert await tried.counts() == (2, 1)


async def test_a_phone_is_known_again_whoever_is_told_by_it(tried: Tried) -> None:
    """The invitation went by it to one parent, and the reminder goes by it to another."""
    await tried.invite()
    await tried.end()
    t = core(Message).c
    async with tried.database.write() as session:
        await session.execute(sa.update(Message).where(t.address == FAMILY).values(contact_id=None))
    await tried.pass_(days=14, hours=6)
    assert await tried.counts() == (2, 0)


async def test_who_has_answered_hears_the_rest_whatever_the_trial_kept_from_them(tried: Tried) -> None:
    """They heard of it elsewhere and rang the office: they would stand before a locked door."""
    await tried.invite()
    await tried.end()
    for name, guest in (await tried.guests()).items():
        if name == "Ben":
            async with tried.database.write() as session:
                held = await guests.find(session, guest.id or 0)
                said = answering.Said("Mrs Reilly", answering.OFFICE, "Mrs Reilly")
                await answering.answer(session, tried.gateway, held, "coming", said)
    assert (await tried.states())["Ben"] == "coming"
    async with tried.database.write() as session:
        await changes.cancel(session, tried.gateway, "evening", details="Snow is coming.", by="Head")
    await tried.turn()
    assert await tried.counts() == (2, 1)
