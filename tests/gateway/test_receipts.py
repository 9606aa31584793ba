"""A provider's word about a message, in any order and any number of times."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from support import desk, school
from support.desk import LOG, NOW

from channels.base import Medium, Outcome, Reason, Receipt, ReceiptState, SendResult
from gateway import audit, outbox, receipts, retry, states
from gateway.database import Database
from gateway.models import ContactPoint, LineType, Message, MessageState, OptOut, PointKind, PointState

S = MessageState
AFTER = {
    ReceiptState.ACCEPTED: S.ACCEPTED,
    ReceiptState.DELIVERED: S.DELIVERED,
    ReceiptState.FAILED: S.FAILED,
}


def receipt(message_id: str, state: ReceiptState, *, ref: str = "", reason: Reason | None = None, code: str = "",
            attempt: int = 0, hung_up: bool = False) -> Receipt:  # fmt: skip
    return Receipt(message_id, ref, state, "event", NOW, reason, code, attempt, hung_up)


async def apply(database: Database, given: Receipt) -> str:
    async with database.write() as session:
        return await receipts.apply(session, given, log=LOG, now=NOW)


async def get(database: Database, message_id: str) -> Message:
    async with database.read() as session:
        return await session.get_one(Message, message_id)


async def points(database: Database, address: str) -> list[ContactPoint]:
    async with database.read() as session:
        return list(await session.scalars(select(ContactPoint).where(ContactPoint.address == address)))


async def opt_outs(database: Database) -> list[OptOut]:
    async with database.read() as session:
        return list(await session.scalars(select(OptOut)))


@pytest.mark.parametrize("before", list(S))
@pytest.mark.parametrize("word", list(ReceiptState))
async def test_every_state_and_every_word(sqlite_database: Database, before: MessageState, word: ReceiptState) -> None:
    sender = await school.sender(sqlite_database)
    message_id = await school.message(sqlite_database, sender, now=NOW, state=before)
    came = await apply(sqlite_database, receipt(message_id, word, reason=Reason.UNREACHABLE))
    stored = await get(sqlite_database, message_id)
    changed = AFTER[word] in states.ARROWS[before]
    assert came == ("changed" if changed else "stale")
    assert stored.state is (AFTER[word] if changed else before)
    assert await apply(sqlite_database, receipt(message_id, word)) == "stale", "the second of two changes nothing"
    assert (await get(sqlite_database, message_id)).state is stored.state
    async with sqlite_database.read() as session:
        lines = await audit.lines_about(session, f"message:{message_id}")
    assert [line.action for line in lines] == ([f"message.{stored.state.value}"] if changed else [])


@pytest.mark.parametrize("order", list(itertools.permutations(ReceiptState)))
async def test_any_order_ends_in_one_of_the_two_ends(
    sqlite_database: Database, order: tuple[ReceiptState, ...]
) -> None:
    sender = await school.sender(sqlite_database)
    message_id = await school.message(sqlite_database, sender, now=NOW, state=S.SENDING)
    for word in (*order, *order):
        await apply(sqlite_database, receipt(message_id, word, reason=Reason.UNREACHABLE))
    assert (await get(sqlite_database, message_id)).state in (S.DELIVERED, S.FAILED)


async def test_a_receipt_that_outruns_our_commit_leaves_its_reference(database: Database) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW, state=S.SENDING, lease_until=NOW)
    assert await apply(database, receipt(message_id, ReceiptState.DELIVERED, ref="SM1")) == "changed"
    stored = await get(database, message_id)
    assert (stored.ref, stored.lease_until, stored.state) == ("SM1", None, S.DELIVERED)


async def test_a_receipt_with_the_providers_id_alone(database: Database) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW, state=S.ACCEPTED, ref="SM1")
    assert await apply(database, receipt("", ReceiptState.DELIVERED, ref="SM1")) == "changed"
    assert (await get(database, message_id)).state is S.DELIVERED
    assert await apply(database, receipt("", ReceiptState.DELIVERED, ref="SM2")) == "unknown"
    assert await apply(database, receipt("nobody's", ReceiptState.DELIVERED, ref="SM1")) == "unknown"
    assert await apply(database, receipt("", ReceiptState.DELIVERED)) == "unknown"


@pytest.mark.parametrize(
    ("word", "after"),
    [(ReceiptState.FAILED, S.ACCEPTED), (ReceiptState.ACCEPTED, S.ACCEPTED), (ReceiptState.DELIVERED, S.DELIVERED)],
)
async def test_of_an_earlier_copy_only_its_arrival_counts(
    sqlite_database: Database, word: ReceiptState, after: MessageState
) -> None:
    sender = await school.sender(sqlite_database)
    message_id = await school.message(sqlite_database, sender, now=NOW, state=S.ACCEPTED, ref="second")
    await apply(sqlite_database, receipt(message_id, word, ref="first", reason=Reason.UNREACHABLE))
    assert (await get(sqlite_database, message_id)).state is after


@pytest.mark.parametrize("attempt", [0, 2])
async def test_what_arrived_by_one_copy_has_not_failed_by_the_other(database: Database, attempt: int) -> None:
    """Or it would go once more, to a phone that has it; ``0``: a list of the provider's does not tell the try."""
    run = await school.run(database, now=NOW)
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW, run=run, state=S.ACCEPTED, ref="second", attempt=2)
    await apply(database, receipt(message_id, ReceiptState.DELIVERED, ref="first", attempt=1))
    failed = receipt(message_id, ReceiptState.FAILED, ref="second", reason=Reason.TEMPORARY, attempt=attempt)
    assert await apply(database, failed) == "stale"
    async with database.read() as session:
        rows = list(await session.scalars(select(Message)))
    assert [row.state for row in rows] == [S.DELIVERED]


async def test_delivery_proves_the_phone_for_everybody_who_has_it(database: Database) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW, state=S.ACCEPTED, number="+447700900101")
    other = await school.contact(database)
    await school.point(database, other, "+447700900101", state=PointState.DOUBTFUL)
    await apply(database, receipt(message_id, ReceiptState.DELIVERED))
    for point in await points(database, "+447700900101"):
        assert (point.state, point.last_good_at, point.strikes) == (PointState.WORKING, NOW, 0)


@pytest.mark.parametrize(
    ("medium", "reason", "state", "line"),
    [
        (Medium.SMS, Reason.BAD_ADDRESS, PointState.DEAD, LineType.MOBILE),
        (Medium.SMS, Reason.NO_TEXTS, PointState.UNPROVEN, LineType.LANDLINE),  # it may still ring
        (Medium.VOICE, Reason.BAD_ADDRESS, PointState.DEAD, LineType.MOBILE),
        (Medium.EMAIL, Reason.BAD_ADDRESS, PointState.DEAD, LineType.MOBILE),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_bad_address(
    database: Database, medium: Medium, reason: Reason, state: PointState, line: LineType, *, at_once: bool
) -> None:
    """Whether the provider says so in its answer or later makes no difference."""
    sender = await school.sender(database, medium=medium)
    message_id = await _message_by(database, sender, medium)
    code = "5.1.1" if medium is Medium.EMAIL else "21211"
    await _fail(database, sender, message_id, reason, code=code, at_once=at_once)
    [point] = await points(database, (await get(database, message_id)).address)
    assert (point.state, point.line_type, point.strikes) == (state, line, int(state is PointState.DEAD))
    assert (await get(database, message_id)).reason == reason.value
    async with database.read() as session:
        lines = await audit.lines_about(session, f"point:{point.id}")
    assert sorted(line.action for line in lines) == ["point.bad", "task.opened"]


@pytest.mark.parametrize("at_once", [True, False])
async def test_the_providers_own_stop_is_written_down(database: Database, *, at_once: bool) -> None:
    sender = await school.sender(database)
    message_id = await _message_by(database, sender, Medium.SMS)
    await _fail(database, sender, message_id, Reason.OPTED_OUT, code="21610", at_once=at_once)
    [stop] = await opt_outs(database)
    stored = await get(database, message_id)
    assert (stop.medium, stop.address, stop.how) == (Medium.SMS, stored.address, "provider:21610")
    assert stop.mandatory_too
    [point] = await points(database, stored.address)
    assert point.state is PointState.UNPROVEN, "it is the person's wish, not the phone's fault"


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("reason", [Reason.AUTH, Reason.CONTENT, Reason.NO_ANSWER, Reason.OTHER])
async def test_our_troubles_are_not_the_phones(sqlite_database: Database, reason: Reason, *, at_once: bool) -> None:
    sender = await school.sender(sqlite_database)
    message_id = await _message_by(sqlite_database, sender, Medium.SMS)
    await _fail(sqlite_database, sender, message_id, reason, code="1", at_once=at_once)
    [point] = await points(sqlite_database, (await get(sqlite_database, message_id)).address)
    assert (point.state, point.strikes) == (PointState.UNPROVEN, 0)


async def test_three_days_out_of_reach_make_a_phone_doubtful_and_a_delivery_clears_it(
    sqlite_database: Database,
) -> None:
    sender = await school.sender(sqlite_database)
    ids = [await school.message(sqlite_database, sender, now=NOW, state=S.ACCEPTED, number="+447700900101")]
    owner = (await get(sqlite_database, ids[0])).contact_id
    for number in range(4):
        row: dict[str, Any] = (await get(sqlite_database, ids[0])).model_dump()
        row |= {"id": f"m{number}", "slot": f"s{number}"}
        await school.add(sqlite_database, Message(**row))
        ids.append(f"m{number}")
    seen = []
    for message_id, day in zip(ids[:4], (0, 0, 1, 2), strict=True):
        given = receipt(message_id, ReceiptState.FAILED, reason=Reason.UNREACHABLE)
        async with sqlite_database.write() as session:
            await receipts.apply(session, given, log=LOG, now=NOW + timedelta(days=day))
        [point] = await points(sqlite_database, "+447700900101")
        seen.append((point.strikes, point.state))
    assert seen == [
        (1, PointState.UNPROVEN), (1, PointState.UNPROVEN), (2, PointState.UNPROVEN), (3, PointState.DOUBTFUL)
    ]  # fmt: skip
    await apply(sqlite_database, receipt(ids[4], ReceiptState.DELIVERED))
    [point] = await points(sqlite_database, "+447700900101")
    assert (point.contact_id, point.strikes, point.state) == (owner, 0, PointState.WORKING)
    assert point.bad_days == []


async def test_a_text_that_did_arrive_proves_that_the_number_takes_texts(sqlite_database: Database) -> None:
    sender = await school.sender(sqlite_database)
    message_id = await _message_by(sqlite_database, sender, Medium.SMS)
    await apply(sqlite_database, receipt(message_id, ReceiptState.FAILED, reason=Reason.NO_TEXTS))
    await apply(sqlite_database, receipt(message_id, ReceiptState.DELIVERED))
    stored = await get(sqlite_database, message_id)
    [point] = await points(sqlite_database, stored.address)
    assert (stored.state, stored.reason, stored.reason_text) == (S.DELIVERED, "", "")
    assert (point.line_type, point.state) == (LineType.MOBILE, PointState.WORKING)


async def test_the_end_of_a_call_says_nothing_once_a_key_was_pressed(database: Database) -> None:
    pressed = {"state": ReceiptState.DELIVERED}
    ended = {"state": ReceiptState.FAILED, "reason": Reason.NO_ANSWER, "hung_up": True}
    for order, words in (((pressed, ended), ["changed", "stale"]), ((ended, pressed), ["changed", "changed"])):
        sender = await school.sender(database, medium=Medium.VOICE)
        message_id = await school.message(database, sender, now=NOW, medium=Medium.VOICE, state=S.ACCEPTED)
        assert [await apply(database, receipt(message_id, **fields)) for fields in order] == words
        assert (await get(database, message_id)).state is S.DELIVERED


async def test_two_workers_read_the_key_and_the_end_of_a_call_at_once(database: Database) -> None:
    sender = await school.sender(database, medium=Medium.VOICE)
    for _ in range(5):
        message_id = await school.message(database, sender, now=NOW, medium=Medium.VOICE, state=S.ACCEPTED)
        await asyncio.gather(
            apply(database, receipt(message_id, ReceiptState.DELIVERED)),
            apply(database, receipt(message_id, ReceiptState.FAILED, reason=Reason.NO_ANSWER, hung_up=True)),
        )
        assert (await get(database, message_id)).state is S.DELIVERED


async def test_a_late_bounce(sqlite_database: Database) -> None:
    sender = await school.sender(sqlite_database, medium=Medium.EMAIL)
    message_id = await _message_by(sqlite_database, sender, Medium.EMAIL)
    await apply(sqlite_database, receipt(message_id, ReceiptState.DELIVERED))
    await apply(sqlite_database, receipt(message_id, ReceiptState.FAILED, reason=Reason.BAD_ADDRESS, code="550 5.1.1"))
    stored = await get(sqlite_database, message_id)
    assert (stored.state, stored.reason) == (S.FAILED, "bad_address")
    assert "does not exist" in stored.reason_text


async def _message_by(database: Database, sender: int, medium: Medium) -> str:
    """A queued message to a point of the right kind."""
    if medium is not Medium.EMAIL:
        return await school.message(database, sender, now=NOW, medium=medium, state=S.ACCEPTED)
    contact = await school.contact(database)
    point = await school.point(database, contact, "maria@example.com", kind=PointKind.EMAIL)
    row = Message(
        id=f"mail-{contact}", contact_id=contact, contact_point_id=point, sender_id=sender, medium=medium,
        address="maria@example.com", slot="s", purpose=school.Purpose.SERVICE, state=S.ACCEPTED, due_at=NOW,
        created_at=NOW, changed_at=NOW,
    )  # fmt: skip
    await school.add(database, row)
    return row.id


async def _fail(database: Database, sender: int, message_id: str, reason: Reason, *, code: str, at_once: bool) -> None:
    """By the answer of the call itself, or by a receipt."""
    if not at_once:
        await apply(database, receipt(message_id, ReceiptState.FAILED, reason=reason, code=code))
        return
    policy = retry.Policy()
    async with database.write() as session:
        (await session.get_one(Message, message_id)).state = S.QUEUED
    result = SendResult(Outcome.REFUSED, code=code, reason=reason)
    sent = [outbox.Sent(row, result) for row in (await desk.claim(database, sender)).messages]
    assert await desk.settle(database, sent, policy=policy) == 1


async def test_the_failure_of_an_earlier_try_is_no_news_of_this_one(database: Database) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW, state=S.SENDING, attempt=2)
    assert await apply(database, receipt(message_id, ReceiptState.FAILED, attempt=1)) == "stale"
    assert (await get(database, message_id)).state is S.SENDING
    assert await apply(database, receipt(message_id, ReceiptState.DELIVERED, attempt=1)) == "changed"


@pytest.mark.parametrize("reason", list(Reason))
async def test_every_failure_is_a_sentence_for_staff(sqlite_database: Database, reason: Reason) -> None:
    sender = await school.sender(sqlite_database)
    message_id = await school.message(sqlite_database, sender, now=NOW, state=S.ACCEPTED)
    await apply(sqlite_database, receipt(message_id, ReceiptState.FAILED, reason=reason, code="30099"))
    told = (await get(sqlite_database, message_id)).reason_text
    assert told.endswith(".")
    assert "30099" not in told
