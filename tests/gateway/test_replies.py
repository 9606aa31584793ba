"""What a person answers: whose it is, which message it answers, what is acted on and what waits for staff."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from support import school
from support.desk import LOG, NOW

from channels import base
from channels.base import Medium
from gateway import ids, intake
from gateway.database import Database
from gateway.models import (
    Attempt,
    Conversation,
    Inbound,
    Keyword,
    Message,
    MessageState,
    OptOut,
    PointKind,
    PointState,
    Reply,
)  # fmt: skip

MUM, OFFICE = "+447700900001", "+447700900999"
LATER = NOW + timedelta(minutes=5)


async def said(
    database: Database, body: str, *, at: datetime = LATER, found: datetime | None = None, **fields: Any
) -> Reply:
    """A reply comes in and is handled, at once or when it is ``found``. Gives its row."""
    found = found or at
    reply = base.Reply(**{"medium": Medium.SMS, "sender": MUM, "to": OFFICE, "event_id": ids.new_id(), "body": body,
                          "at": at} | fields)  # fmt: skip
    async with database.write() as session:
        await intake.store(session, "twilio-sms", [reply], now=found)
    await intake.handle_waiting(database, log=LOG, now=found)
    async with database.read() as session:
        query = select(Reply).join(Inbound, col(Inbound.id) == col(Reply.inbound_id))
        row = (await session.scalars(query.where(Inbound.event_id == reply.event_id))).one()
        inbound = await session.get_one(Inbound, row.inbound_id)
    assert (inbound.outcome, inbound.handled_at) == ("reply", found)
    return row


async def sent(
    database: Database, address: str = MUM, *, contact: int | None = None, keys: str = "", at: datetime = NOW,
    medium: Medium = Medium.SMS, run: int | None = None,
) -> str:  # fmt: skip
    """A message that went out at that time."""
    sender = await school.sender(database, medium=medium)
    owner = contact if contact is not None else await school.contact(database, "Maria")
    row = Message(
        id=ids.new_id(), run_id=run, contact_id=owner, sender_id=sender, medium=medium, address=address,
        slot=ids.new_id(), purpose=school.Purpose.SERVICE, keys=keys, state=MessageState.DELIVERED, attempt=1,
        due_at=at, created_at=at, changed_at=at,
    )  # fmt: skip
    await school.add(database, row)
    await school.add(database, Attempt(message_id=row.id, number=1, worker="w", begun_at=at))
    return row.id


async def conversations(database: Database) -> list[Conversation]:
    async with database.read() as session:
        return list(await session.scalars(select(Conversation).order_by(col(Conversation.id))))


async def opt_outs(database: Database) -> list[OptOut]:
    async with database.read() as session:
        return list(await session.scalars(select(OptOut)))


async def test_words_wait_for_a_person(database: Database) -> None:
    maria = await school.contact(database, "Maria")
    message_id = await sent(database, contact=maria)
    row = await said(database, "He has a cold")
    assert (row.contact_id, row.message_id, row.option, row.keyword) == (maria, message_id, "", None)
    [conversation] = await conversations(database)
    assert (conversation.contact_id, conversation.address) == (maria, MUM)
    assert (conversation.waiting_since, conversation.last_at) == (LATER, LATER)


async def test_it_waits_since_the_first_word(sqlite_database: Database) -> None:
    await said(sqlite_database, "Hello?")
    await said(sqlite_database, "Anybody there?", at=LATER + timedelta(hours=1))
    await said(sqlite_database, "an older one that came late", at=LATER - timedelta(hours=1))
    [conversation] = await conversations(sqlite_database)
    assert conversation.waiting_since == LATER
    assert conversation.last_at == LATER + timedelta(hours=1)


@pytest.mark.parametrize("body", ["1", " 1 ", "1.", "1!", "١", "۱", "１"])
async def test_a_digit_of_the_menu_is_an_answer(sqlite_database: Database, body: str) -> None:
    run = await school.run(sqlite_database, now=NOW)
    message_id = await sent(sqlite_database, keys="12", run=run)
    row = await said(sqlite_database, body)
    assert (row.option, row.message_id, row.run_id) == ("1", message_id, run)
    [conversation] = await conversations(sqlite_database)
    assert conversation.waiting_since is None


@pytest.mark.parametrize("body", ["3", "12", "1 and 2", "one", "", "1?"])
async def test_anything_else_is_for_a_person(sqlite_database: Database, body: str) -> None:
    await sent(sqlite_database, keys="12")
    assert (await said(sqlite_database, body)).option == ""
    [conversation] = await conversations(sqlite_database)
    assert conversation.waiting_since == LATER


async def test_a_digit_answers_the_latest_menu_whatever_was_sent_since(database: Database) -> None:
    maria = await school.contact(database)
    await sent(database, contact=maria, keys="12", at=NOW - timedelta(hours=2))
    asked = await sent(database, contact=maria, keys="12", at=NOW - timedelta(hours=1))
    news = await sent(database, contact=maria, at=NOW)
    assert (await said(database, "2")).message_id == asked
    assert (await said(database, "Thank you")).message_id == news


async def test_an_answer_that_is_found_late_answers_what_was_sent_before_it(database: Database) -> None:
    maria = await school.contact(database)
    asked = await sent(database, contact=maria, keys="12", at=NOW - timedelta(hours=2))
    await sent(database, contact=maria, keys="12", at=NOW + timedelta(hours=2))
    assert (await said(database, "2", at=NOW, found=NOW + timedelta(hours=3))).message_id == asked
    assert (await said(database, "Thank you", at=NOW, found=NOW + timedelta(hours=3))).message_id == asked


async def test_an_old_message_is_not_what_is_answered(sqlite_database: Database) -> None:
    await sent(sqlite_database, keys="1", at=NOW - timedelta(days=15))
    row = await said(sqlite_database, "1")
    assert (row.message_id, row.option) == (None, "")


async def test_a_message_that_has_not_gone_out_cannot_be_answered(sqlite_database: Database) -> None:
    sender = await school.sender(sqlite_database)
    await school.message(sqlite_database, sender, now=NOW, number=MUM, keys="1")
    assert (await said(sqlite_database, "1")).message_id is None


async def test_key_presses_of_a_call(database: Database) -> None:
    maria = await school.contact(database)
    await school.point(database, maria, MUM)
    text = await sent(database, contact=maria, keys="12")
    call = await sent(database, contact=maria, keys="12", medium=Medium.VOICE)
    row = await said(database, "", medium=Medium.VOICE, keys="2", in_reply_to=call)
    assert (row.message_id, row.option, row.keys, row.keyword) == (call, "2", "2", None)
    assert call != text
    [conversation] = await conversations(database)
    assert conversation.medium is Medium.SMS, "one conversation for a phone, however it is used"


async def test_a_number_that_nobody_knows(database: Database) -> None:
    row = await said(database, "Who is this?", sender="+447700900500")
    assert (row.contact_id, row.message_id) == (None, None)
    [conversation] = await conversations(database)
    assert (conversation.contact_id, conversation.waiting_since) == (None, LATER)


async def test_a_known_number_that_was_asked_nothing(sqlite_database: Database) -> None:
    maria = await school.contact(sqlite_database)
    point = await school.point(sqlite_database, maria, MUM)
    assert (await said(sqlite_database, "Ana is ill")).contact_id == maria
    async with sqlite_database.read() as session:
        stored = await session.get_one(school.ContactPoint, point)
    assert (stored.state, stored.last_good_at) == (PointState.WORKING, LATER)


async def test_of_a_shared_phone_it_is_whoever_was_asked(database: Database) -> None:
    maria, ivan = await school.contact(database, "Maria"), await school.contact(database, "Ivan")
    for contact in (maria, ivan):
        await school.point(database, contact, MUM)
    assert (await said(database, "hello")).contact_id is None, "it could be either"
    await sent(database, contact=ivan, keys="1")
    assert (await said(database, "1")).contact_id == ivan
    assert (await said(database, "He is ill")).contact_id == ivan


async def test_stop_and_start(database: Database) -> None:
    row = await said(database, "Stop.")
    assert row.keyword is Keyword.OPT_OUT
    [stop] = await opt_outs(database)
    assert (stop.medium, stop.address, stop.mandatory_too, stop.how) == (Medium.SMS, MUM, True, "reply")
    [conversation] = await conversations(database)
    assert conversation.waiting_since == LATER, "somebody must find another way to reach this family"
    await said(database, "STOP")
    assert len(await opt_outs(database)) == 1
    assert (await said(database, "START")).keyword is Keyword.OPT_IN
    assert await opt_outs(database) == []


async def test_a_stop_that_is_found_late_is_overruled_by_the_start_that_came_after_it(database: Database) -> None:
    await said(database, "START", at=LATER)
    row = await said(database, "STOP", at=NOW, found=LATER + timedelta(minutes=10))
    assert row.keyword is Keyword.OPT_OUT
    assert await opt_outs(database) == []
    [conversation] = await conversations(database)
    assert conversation.waiting_since is not None, "a person reads it"


async def test_a_start_that_is_found_late_does_not_end_the_stop_that_came_after_it(database: Database) -> None:
    await said(database, "STOP", at=LATER)
    await said(database, "START", at=NOW, found=LATER + timedelta(minutes=10))
    assert len(await opt_outs(database)) == 1
    await said(database, "START", at=LATER + timedelta(minutes=20))
    assert await opt_outs(database) == []


async def test_start_alone_leaves_nothing_to_do(sqlite_database: Database) -> None:
    await school.add(sqlite_database, OptOut(medium=Medium.SMS, address=MUM, since=NOW))
    await said(sqlite_database, "Start")
    [conversation] = await conversations(sqlite_database)
    assert conversation.waiting_since is None


@pytest.mark.parametrize("body", ["Yes", "yes!", "start"])
async def test_yes_from_somebody_who_had_not_stopped_is_an_answer(sqlite_database: Database, body: str) -> None:
    row = await said(sqlite_database, body)
    assert row.keyword is Keyword.OPT_IN
    [conversation] = await conversations(sqlite_database)
    assert conversation.waiting_since == LATER


async def test_help_is_for_a_person_too(sqlite_database: Database) -> None:
    assert (await said(sqlite_database, "HELP")).keyword is Keyword.HELP
    assert await opt_outs(sqlite_database) == []
    [conversation] = await conversations(sqlite_database)
    assert conversation.waiting_since == LATER


async def test_please_stop_is_no_opt_out(sqlite_database: Database) -> None:
    assert (await said(sqlite_database, "please stop")).keyword is None
    assert await opt_outs(sqlite_database) == []


async def test_stop_by_email_leaves_mandatory_mail_alone(sqlite_database: Database) -> None:
    maria = await school.contact(sqlite_database)
    await school.point(sqlite_database, maria, "maria@example.com", kind=PointKind.EMAIL)
    row = await said(sqlite_database, "unsubscribe", medium=Medium.EMAIL, sender="maria@example.com")
    assert row.contact_id == maria
    [stop] = await opt_outs(sqlite_database)
    assert (stop.medium, stop.mandatory_too) == (Medium.EMAIL, False)


async def test_a_picture_waits_for_a_person_even_with_an_answer(sqlite_database: Database) -> None:
    await sent(sqlite_database, keys="1")
    row = await said(sqlite_database, "1", media=1)
    assert row.option == "1"
    [conversation] = await conversations(sqlite_database)
    assert conversation.waiting_since == LATER


async def test_a_picture_without_words(sqlite_database: Database) -> None:
    row = await said(sqlite_database, "", media=2)
    assert (row.body, row.option) == ("", "")
    async with sqlite_database.read() as session:
        inbound = await session.get_one(Inbound, row.inbound_id)
    assert inbound.event["media"] == 2


async def test_of_a_text_for_two_nobody_can_say_who_answered(database: Database) -> None:
    run, maria, ivan = (
        await school.run(database, now=NOW),
        *[await school.contact(database, n) for n in ("Maria", "Ivan")],
    )
    message_id = await sent(database, contact=maria, run=run)
    await school.add(
        database,
        Message(
            id=ids.new_id(), run_id=run, contact_id=ivan, medium=Medium.SMS, address=MUM, slot="x", reason="merged",
            purpose=school.Purpose.SERVICE, state=MessageState.SKIPPED, due_at=NOW, created_at=NOW, changed_at=NOW,
        ),
    )  # fmt: skip
    row = await said(database, "She is ill")
    assert (row.message_id, row.contact_id) == (message_id, None)
    [conversation] = await conversations(database)
    assert conversation.contact_id is None
