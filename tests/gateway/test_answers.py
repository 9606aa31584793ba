"""What Handbell answers by itself: pictures, once each, to people only, and never without end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from support import desk, school
from support.desk import LOG, NOW

from channels import base
from channels.base import Medium
from config import sections
from gateway import answers, ids, intake, tasks, wording
from gateway.database import Database
from gateway.models import Message, MessageState, OptOut, Purpose, Reply, Sender

MUM, OFFICE = "+447700900001", "+441134960001"


def answering(*, drafts: bool = False, **limits: int) -> answers.Answering:
    named = wording.School("Oakfield Primary School", "Oakfield", "020 7946 0123", allow_drafts=drafts)
    return answers.Answering(named, wording.Costs(text_part=4), sections.Answers(**limits))


async def office(database: Database, *addresses: str) -> None:
    for address in addresses or (OFFICE,):
        await school.add(
            database, Sender(channel="twilio-sms", medium=Medium.SMS, address=address, rate=100, burst=100)
        )


async def came(
    database: Database, body: str = "", *, at: datetime = NOW, settings: answers.Answering | None = None, **fields: Any
) -> None:
    values: dict[str, Any] = {"medium": Medium.SMS, "sender": MUM, "to": OFFICE, "body": body, "at": at, "media": 1}
    reply = base.Reply(**({"event_id": ids.new_id()} | values | fields))
    async with database.write() as session:
        await intake.store(session, "twilio-sms", [reply], now=at)
    await intake.handle_waiting(database, log=LOG, answering=settings or answering(), now=at)


async def sent(database: Database) -> list[Message]:
    async with database.read() as session:
        return list(await session.scalars(select(Message).order_by(col(Message.id))))


async def count_replies(database: Database) -> int:
    async with database.read() as session:
        return len((await session.scalars(select(Reply))).all())


async def kinds(database: Database) -> list[str]:
    async with database.read() as session:
        return [task.kind for task in await tasks.listed(session)]


async def test_a_picture_is_answered_once(database: Database) -> None:
    await office(database)
    for _ in range(2):  # the provider delivers it twice
        await came(database, "look", event_id="MM1")
    [message] = await sent(database)
    assert (message.address, message.medium, message.state) == (MUM, Medium.SMS, MessageState.QUEUED)
    assert (message.priority, message.purpose, message.run_id, message.pence) == (1, Purpose.SERVICE, None, 4)
    assert message.body == (
        "Oakfield: we cannot open pictures or files here. Please write to us in words or call 020 7946 0123."
    )
    async with database.write() as session:
        sender = (await session.scalars(select(Sender))).one()
        assert sender.id is not None
    claim = await desk.claim(database, sender.id)
    assert [row["id"] for row in claim.messages] == [message.id], "the guard lets it out"


async def test_the_answer_is_in_the_familys_language(sqlite_database: Database) -> None:
    await office(sqlite_database)
    maria = await school.contact(sqlite_database, "Maria", written_language="pl")
    await school.point(sqlite_database, maria, MUM)
    await came(sqlite_database)
    await came(sqlite_database, settings=answering(drafts=True), at=NOW + timedelta(hours=1))
    english, polish = await sent(sqlite_database)
    assert (english.language, polish.language, polish.contact_id) == ("en", "pl", maria)
    assert "zdjęć" in polish.body


@pytest.mark.parametrize("fields", [{"media": 0}, {"medium": Medium.EMAIL, "sender": "maria@example.com"},
                                    {"sender": "60006"}, {"sender": "Vodafone"}, {"sender": ""},
                                    {"automatic": "driving"}])  # fmt: skip
async def test_nobody_else_is_answered(sqlite_database: Database, fields: dict[str, Any]) -> None:
    await office(sqlite_database)
    await came(sqlite_database, "look", **fields)
    assert await sent(sqlite_database) == []
    assert await count_replies(sqlite_database) == (0 if "automatic" in fields else 1)


async def test_who_has_stopped_hears_nothing(sqlite_database: Database) -> None:
    await office(sqlite_database)
    await school.add(sqlite_database, OptOut(medium=Medium.SMS, address=MUM, since=NOW))
    await came(sqlite_database)
    claim = await desk.claim(sqlite_database, 1)
    assert list(claim.messages) == []
    assert [message.reason for message in await sent(sqlite_database)] == ["opted_out"]


async def test_a_name_answers_nobody(sqlite_database: Database) -> None:
    await office(sqlite_database, "Oakfield")
    await came(sqlite_database)
    assert await sent(sqlite_database) == []


async def test_several_pictures_in_a_row_are_answered_once(sqlite_database: Database) -> None:
    await office(sqlite_database)
    for number in range(4):
        await came(sqlite_database, f"page {number}", at=NOW + timedelta(seconds=20 * number))
    assert len(await sent(sqlite_database)) == 1
    assert await kinds(sqlite_database) == []


async def test_it_comes_from_the_number_that_they_wrote_to(sqlite_database: Database) -> None:
    await office(sqlite_database, "Oakfield", "+441134960002", OFFICE)
    await came(sqlite_database)
    [message] = await sent(sqlite_database)
    async with sqlite_database.read() as session:
        assert (await session.get_one(Sender, message.sender_id)).address == OFFICE


async def test_two_machines_stop_answering_each_other(database: Database) -> None:
    await office(database)
    for number in range(12):
        await came(
            database,
            f"Thank you for your message no. {number}",
            at=NOW + timedelta(minutes=number * 11 if number < 5 else 44 + number),
        )
    assert len(await sent(database)) == 3
    assert await count_replies(database) == 12, "nothing that comes in is lost"
    assert await kinds(database) == ["loop"]
    for hour in range(1, 6):
        await came(database, f"Later no. {hour}", at=NOW + timedelta(hours=2 * hour))
    assert len(await sent(database)) == 6, "the day's limit"
    await came(database, "tomorrow", at=NOW + timedelta(days=2))
    assert len(await sent(database)) == 7
    await came(database, "another family", sender="+447700900002", at=NOW)
    assert len(await sent(database)) == 8


async def test_the_same_words_again_and_again_end_the_answers(sqlite_database: Database) -> None:
    await office(sqlite_database)
    for number in range(6):
        limits = answering(per_hour=100, per_day=1000)
        await came(sqlite_database, "I am driving", at=NOW + timedelta(minutes=11 * number), settings=limits)
    assert len(await sent(sqlite_database)) == 4
    assert await count_replies(sqlite_database) == 6
    async with sqlite_database.read() as session:
        [task] = await tasks.listed(session)
    assert (task.kind, task.times) == ("loop", 2)


async def test_pictures_without_words_are_no_loop(sqlite_database: Database) -> None:
    await office(sqlite_database)
    for number in range(6):
        await came(sqlite_database, "", at=NOW + timedelta(minutes=number))
    assert await kinds(sqlite_database) == []
    assert len(await sent(sqlite_database)) == 1


async def test_no_answer_at_all_where_the_school_wants_none(sqlite_database: Database) -> None:
    await office(sqlite_database)
    for limits in ({"per_hour": 0}, {"per_day": 0}):
        await came(sqlite_database, settings=answering(**limits))
    assert await sent(sqlite_database) == []
    assert await kinds(sqlite_database) == []


async def test_what_is_said_next_answers_the_notice_and_not_our_answer(sqlite_database: Database) -> None:
    await office(sqlite_database)
    maria, run = await school.contact(sqlite_database), await school.run(sqlite_database, now=NOW)
    asked = await school.message(
        sqlite_database, 1, now=NOW, contact=maria, number=MUM, run=run, state=MessageState.DELIVERED, attempt=1
    )
    await school.add(sqlite_database, school.Attempt(message_id=asked, number=1, worker="w", begun_at=NOW))
    await came(sqlite_database)
    [ours] = [message for message in await sent(sqlite_database) if message.run_id is None]
    claim = await desk.claim(sqlite_database, 1)
    assert [row["id"] for row in claim.messages] == [ours.id]
    await came(sqlite_database, "She is ill", media=0, at=NOW + timedelta(minutes=1))
    async with sqlite_database.read() as session:
        rows = list(await session.scalars(select(Reply).order_by(col(Reply.id))))
    assert [row.message_id for row in rows] == [asked, asked]
