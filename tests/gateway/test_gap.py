"""The gap between a copy and its restoring: what is set aside, what evidence decides, what a person lets go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select
from support import desk, school

from channels.base import FindResult, Found, Medium, Outgoing
from gateway import context, notices, outbox, outgoing, senders, states
from gateway.backup import gap, looking
from gateway.campaigns import deciding
from gateway.database import Database
from gateway.definitions import reading
from gateway.models import CampaignFiring, Message, MessageState, Notice, NoticeState, Sender

S = MessageState
NOW = desk.NOW
COPIED = NOW - timedelta(hours=8)
BY = "Mr Reilly"


class List:
    """A provider that shows, by subject, what it has; and whether it may be asked."""

    def __init__(self, medium: Medium, **shown: FindResult) -> None:
        self.name, self.medium, self.shown, self.asked = f"list-{medium.value}", medium, shown, list[str]()

    async def find(self, message: Outgoing, since: Any) -> FindResult:
        assert since <= COPIED, "all of the gap is looked through"
        self.asked.append(message.subject)
        return self.shown.get(message.subject, FindResult(Found.ABSENT))


def handed_over(message: Mapping[str, Any]) -> Outgoing:
    return outgoing.build(message, callback_url="", unsubscribe_url=str, now=NOW)


async def close(database: Database, gateway: context.Gateway) -> None:
    async with database.write() as session:
        await session.run_sync(lambda plain: gap.close(plain.connection(), now=NOW))
        await gap.settle(session, gateway, copied_at=COPIED, by=BY)


async def look(gateway: context.Gateway) -> int:
    return await looking.look(gateway, outgoing=handed_over, stopping=asyncio.Event())


async def rows(database: Database) -> dict[str, tuple[MessageState, str]]:
    async with database.read() as session:
        return {row.subject: (row.state, row.reason) for row in await session.scalars(select(Message))}


@pytest.mark.parametrize("before", list(S))
async def test_only_what_surely_left_or_never_will_is_not_set_aside(sqlite_database: Database, before: S) -> None:
    sender = await school.sender(sqlite_database)
    await school.message(sqlite_database, sender, now=NOW, state=before, subject="it")
    await close(sqlite_database, desk.gateway(sqlite_database))
    aside = before in (S.QUEUED, S.HELD, S.SENDING, S.UNKNOWN)
    assert await rows(sqlite_database) == {"it": (S.HELD, states.RESTORED) if aside else (before, "")}


async def test_evidence_decides_and_what_comes_while_it_is_closed_is_set_aside_too(database: Database) -> None:
    texts = List(Medium.SMS, left=FindResult(Found.HERE, ("SM1",)), away=FindResult(Found.NOT_NOW))
    calls = List(Medium.VOICE, rang=FindResult(Found.HERE, ("CA1",)))
    office = desk.gateway(database, channels={one.name: one for one in (texts, calls)})
    lane, line = [await school.sender(database, channel=one.name, medium=one.medium) for one in (texts, calls)]
    for subject in ("left", "absent", "away"):
        await school.message(database, lane, now=NOW, subject=subject)
    await school.message(database, line, now=NOW, subject="rang", medium=Medium.VOICE)
    await close(database, office)
    await school.message(database, lane, now=NOW, subject="new")
    assert await look(office) == 4
    assert await rows(database) == {
        "left": (S.ACCEPTED, ""), "absent": (S.HELD, states.RESTORED_ABSENT), "away": (S.HELD, states.RESTORED),
        "rang": (S.HELD, states.RESTORED_UNCLEAR), "new": (S.HELD, states.RESTORED_ABSENT),
    }  # fmt: skip
    texts.asked.clear()
    assert await look(office) == 0
    assert texts.asked == ["away"], "only of what is not known yet"


async def test_an_email_in_a_providers_list_has_left(sqlite_database: Database) -> None:
    """GOV.UK Notify has one of emails, by our reference; a mail server has none."""
    mails = List(Medium.EMAIL, left=FindResult(Found.HERE, ("N1",)))
    office = desk.gateway(sqlite_database, channels={mails.name: mails})
    lane = await school.sender(sqlite_database, channel=mails.name, medium=Medium.EMAIL)
    for subject in ("left", "absent"):
        await school.message(sqlite_database, lane, now=NOW, subject=subject, medium=Medium.EMAIL)
    await close(sqlite_database, office)
    await look(office)
    assert await rows(sqlite_database) == {"left": (S.ACCEPTED, ""), "absent": (S.HELD, states.RESTORED_ABSENT)}


class ByItsId(List):
    """A provider that knows a message by our id, and can be asked for its words."""

    async def find_alike(self, message: Outgoing, since: Any) -> FindResult:
        assert since <= COPIED
        return FindResult(Found.CANNOT_TELL)


async def test_what_was_made_anew_is_asked_for_by_its_words_where_our_ids_are_known(database: Database) -> None:
    texts = ByItsId(Medium.SMS)
    office = desk.gateway(database, channels={texts.name: texts})
    lane = await school.sender(database, channel=texts.name)
    await school.message(database, lane, now=COPIED - timedelta(hours=1), subject="in the copy")
    await close(database, office)
    await school.message(database, lane, now=NOW, subject="put in again")
    await look(office)
    assert await rows(database) == {
        "in the copy": (S.HELD, states.RESTORED_ABSENT), "put in again": (S.HELD, states.RESTORED_UNCLEAR),
    }  # fmt: skip


async def test_what_went_by_another_provider_since_is_found_there(database: Database) -> None:
    """The copy has it waiting for the first one; that was in trouble later, and the second one took it."""
    first, second = List(Medium.SMS), List(Medium.SMS, moved=FindResult(Found.HERE, ("N1",)))
    second.name = "other"
    office = desk.gateway(database, channels={one.name: one for one in (first, second)})
    lane, other = [await school.sender(database, channel=one.name) for one in (first, second)]
    async with database.write() as session:
        for one, account in ((lane, "twilio"), (other, "notify")):
            await session.execute(sa.update(Sender).where(sa.column("id") == one).values(account=account))
    for subject in ("moved", "absent"):
        await school.message(database, lane, now=NOW, subject=subject)
    await close(database, office)
    await look(office)
    assert await rows(database) == {"moved": (S.ACCEPTED, ""), "absent": (S.HELD, states.RESTORED_ABSENT)}
    async with database.read() as session:
        [moved] = await session.scalars(select(Message).where(Message.subject == "moved"))
    assert (moved.ref, moved.sender_id) == ("N1", other), "what becomes of it is asked there"


async def test_a_number_that_is_given_up_is_still_asked_about(database: Database) -> None:
    """The settings have another number since: it was not that one that it may have left by."""
    texts = List(Medium.SMS)
    office = desk.gateway(database, channels={texts.name: texts})
    lane = await school.sender(database, channel=texts.name)
    await school.message(database, lane, now=NOW, subject="it")
    await close(database, office)
    async with database.write() as session:
        wanted = [senders.Wanted(texts.name, Medium.SMS, "+447700900555", 1, 1)]
        await senders.sync(session, wanted, log=office.log, now=NOW)
    async with database.read() as session:
        [row] = await session.scalars(select(Message))
    assert row.sender_id == lane
    async with database.write() as session:
        await gap.open_again(session, by=BY, log=office.log, now=NOW)
        await gap.release(session, gap.Which(), by=BY, log=office.log, now=NOW)
        await senders.hand_over(session, log=office.log, now=NOW)
    async with database.read() as session:
        [row] = await session.scalars(select(Message))
    assert row.sender_id != lane, "once it is let go, the new one sends it"


async def test_two_that_look_the_same_are_not_given_one_entry_of_the_list(database: Database) -> None:
    texts = List(Medium.SMS, same=FindResult(Found.HERE, ("SM1",)))
    office = desk.gateway(database, channels={texts.name: texts})
    lane = await school.sender(database, channel=texts.name)
    for _ in range(2):
        await school.message(database, lane, now=NOW, subject="same")
    await close(database, office)
    await look(office)
    async with database.read() as session:
        found = sorted(str(row.state) for row in await session.scalars(select(Message)))
    assert found == ["accepted", "held"]


async def test_a_person_lets_go_what_is_absent_and_gives_up_the_rest(database: Database) -> None:
    texts = List(Medium.SMS, unclear=FindResult(Found.CANNOT_TELL))
    office = desk.gateway(database, channels={texts.name: texts})
    lane = await school.sender(database, channel=texts.name)
    for subject in ("absent", "unclear"):
        await school.message(database, lane, now=NOW, subject=subject)
    await close(database, office)
    await look(office)
    async with database.write() as session:
        assert await gap.open_again(session, by=BY, log=office.log, now=NOW) == 2
        assert await gap.release(session, gap.Which(absent_only=True), by=BY, log=office.log, now=NOW) == 1
        assert await gap.cancel(session, gap.Which(), by=BY, log=office.log, now=NOW) == 1
    assert await rows(database) == {"absent": (S.QUEUED, ""), "unclear": (S.CANCELLED, states.RESTORED_UNCLEAR)}


async def test_whatever_is_released_what_nobody_approved_still_waits_for_that(database: Database) -> None:
    office, lane = desk.gateway(database), await school.sender(database)
    run = await school.run(database, now=NOW)
    async with database.write() as session:
        await session.execute(sa.update(Notice).values(state=NoticeState.HELD))
    await school.message(database, lane, now=NOW, run=run, subject="unapproved", state=S.HELD)
    await close(database, office)
    async with database.write() as session:
        await gap.open_again(session, by=BY, log=office.log, now=NOW)
        await gap.release(session, gap.Which(), by=BY, log=office.log, now=NOW)
    assert await rows(database) == {"unapproved": (S.HELD, "")}
    async with database.write() as session:
        assert await outbox.release(session, run, now=NOW) == 1, "as approving does"


async def test_a_late_receipt_is_believed_and_approval_lets_nothing_go_that_is_set_aside(database: Database) -> None:
    office, lane = desk.gateway(database), await school.sender(database)
    run = await school.run(database, now=NOW)
    told = await school.message(database, lane, now=NOW, run=run, subject="told", number="+447700900101")
    await school.message(database, lane, now=NOW, run=run, subject="other", number="+447700900102")
    await close(database, office)
    async with database.write() as session:
        assert await outbox.change(session, told, S.DELIVERED, now=NOW)
        assert await outbox.release(session, run, now=NOW) == 0
    assert await rows(database) == {"told": (S.DELIVERED, states.RESTORED), "other": (S.HELD, states.RESTORED)}


async def test_a_campaign_makes_up_nothing_of_the_gap(database: Database) -> None:
    clock = desk.Clock(COPIED)
    office = desk.gateway(database, clock, quiet=False)
    definition = reading.read(
        {
            "key": "reading", "title": "Reading", "purpose": "service", "media": ["sms"], "text": {"en": "Read."},
            "audience": {"whole_school": True}, "schedule": {"cron": "0 * * * *"},
        }
    )  # fmt: skip
    mother = await school.contact(database)
    await school.point(database, mother, school.number())
    await school.tie(database, await school.pupil(database), mother, parental_responsibility=True)
    await school.sender(database)
    async with database.write() as session:
        await notices.submit(session, office, definition, author="office")
    clock.now = NOW
    await close(database, office)
    async with database.write() as session:
        assert await notices.plan_due(session, office) is None
        [missed] = (await session.scalars(select(CampaignFiring))).all()
    assert (missed.outcome, missed.count, missed.by) == (deciding.MISSED, 8, BY)
    assert "restored" in missed.why


async def test_a_sender_that_the_copy_did_not_have_is_closed_as_well(database: Database) -> None:
    office = desk.gateway(database)
    await school.sender(database)
    await close(database, office)
    wanted = [senders.Wanted("wire", Medium.SMS, "+441134960009", 1, 1)]
    async with database.write() as session:
        await senders.sync(session, wanted, log=office.log, now=NOW)
        assert all(senders.is_closed(row) for row in await session.scalars(sa.select(Sender)))
