"""Plain receipts are settled together, each with the effects that it would have alone, in the order of their coming."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select
from support import databases, school
from support.desk import LOG, NOW

from channels import base
from channels.base import Reason, Receipt, ReceiptState
from gateway import arrivals, audit, intake, plain_receipts, receipts
from gateway.database import Database
from gateway.models import ContactPoint, Inbound, LineType, Message, PointState
from gateway.models import MessageState as S

LATER = NOW + timedelta(minutes=1)
events = itertools.count()
ACCEPTED, DELIVERED, FAILED = ReceiptState


def receipt(message_id: str, state: ReceiptState, **fields: Any) -> Receipt:
    plain = {"ref": "", "event_id": f"event {next(events)}", "at": NOW}
    return Receipt(**{"message_id": message_id, "state": state} | plain | fields)


async def store(database: Database, *given: base.Event) -> None:
    await arrivals.Arrivals(database).store("twilio-sms", given, now=NOW)


async def settle(database: Database) -> int:
    """How many are settled together; the others wait."""
    _seen, settled = await database.at_once(partial(plain_receipts.settle, limit=200, log=LOG, now=LATER))
    return settled


async def handle_all(database: Database) -> list[str]:
    while await intake.handle_waiting(database, log=LOG, now=LATER):
        pass
    return await outcomes(database)


async def outcomes(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(Inbound.outcome).order_by(col(Inbound.id))))


async def get(database: Database, message_id: str) -> Message:
    async with database.read() as session:
        return await session.get_one(Message, message_id)


async def points(database: Database, address: str) -> Sequence[ContactPoint]:
    async with database.read() as session:
        return (await session.scalars(select(ContactPoint).where(ContactPoint.address == address))).all()


async def deeds(database: Database, message_id: str) -> list[str]:
    async with database.read() as session:
        return [line.action for line in await audit.lines_about(session, f"message:{message_id}")][::-1]


async def message(database: Database, state: S = S.SENDING, **fields: Any) -> str:
    sender = await school.sender(database)
    return await school.message(database, sender, now=NOW, state=state, **fields)


async def test_many_out_of_order_and_doubled(database: Database) -> None:
    message_id = await message(database)
    words = [DELIVERED, ACCEPTED, DELIVERED, ACCEPTED]
    await store(database, *[receipt(message_id, word, ref="SM1") for word in words])
    assert await settle(database) == 4
    assert await outcomes(database) == ["changed", "stale", "stale", "stale"]
    stored = await get(database, message_id)
    assert (stored.state, stored.ref, stored.changed_at, stored.lease_until) == (S.DELIVERED, "SM1", LATER, None)
    assert await deeds(database, message_id) == ["message.delivered"]


async def test_in_order_both_arrows_are_followed_and_told(database: Database) -> None:
    message_id = await message(database)
    await store(database, receipt(message_id, ACCEPTED, ref="SM1"), receipt("", DELIVERED, ref="SM1"))
    await settle(database)
    assert await handle_all(database) == ["changed", "changed"]
    assert (await get(database, message_id)).state is S.DELIVERED
    assert await deeds(database, message_id) == ["message.accepted", "message.delivered"]


async def test_delivered_then_failed_then_delivered_in_one_batch(database: Database) -> None:
    """Only the first is settled together: what comes after a failure must not be read before it."""
    message_id = await message(database, S.ACCEPTED, ref="SM1")
    failed = receipt(message_id, FAILED, ref="SM1", reason=Reason.BAD_ADDRESS, code="30005")
    await store(database, receipt(message_id, DELIVERED, ref="SM1"), failed, receipt(message_id, DELIVERED, ref="SM1"))
    assert await settle(database) == 1
    assert await handle_all(database) == ["changed", "changed", "changed"]
    assert (await get(database, message_id)).state is S.DELIVERED
    assert await deeds(database, message_id) == ["message.delivered", "message.failed", "message.delivered"]


async def test_good_news_after_bad_news_of_one_phone_clears_it(database: Database) -> None:
    """Two messages to one phone: settled before the failure, the good news would be undone by it."""
    phone = school.number()
    await school.point(database, await school.contact(database), phone)
    one = await message(database, S.ACCEPTED, number=phone, ref="SM1")
    two = await message(database, S.ACCEPTED, number=phone, ref="SM2")
    failed = receipt(one, FAILED, ref="SM1", reason=Reason.BAD_ADDRESS, code="30005")
    await store(database, failed, receipt(two, DELIVERED, ref="SM2", at=LATER))
    assert await settle(database) == 0
    assert await handle_all(database) == ["changed", "changed"]
    assert {point.state for point in await points(database, phone)} == {PointState.WORKING}


async def test_a_receipt_that_outran_the_commit_waits_and_the_others_do_not(database: Database) -> None:
    here = await message(database)
    await store(database, receipt("not yet", DELIVERED, ref="SM1"), receipt(here, DELIVERED, ref="SM2"))
    assert await settle(database) == 1
    assert await intake.handle_waiting(database, log=LOG, now=NOW + timedelta(seconds=1)) == 1
    assert await outcomes(database) == ["", "changed"]
    assert (await get(database, here)).state is S.DELIVERED


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("word", [ACCEPTED, DELIVERED])
@pytest.mark.parametrize(("ref", "attempt"), [("SM1", 2), ("SM1", 1), ("SM0", 1), ("SM0", 0), ("", 0)])
@pytest.mark.parametrize("known", ["SM1", ""])
async def test_together_as_alone(
    sqlite_database: Database, state: S, word: ReceiptState, ref: str, attempt: int, known: str
) -> None:
    """In every state, of this try or another: what is settled together comes out as ``receipts`` has it, one by one."""
    together = await message(sqlite_database, state, ref=known, attempt=2)
    alone = await message(sqlite_database, state, ref=known, attempt=2)
    given = receipt(together, word, ref=ref, attempt=attempt)
    await store(sqlite_database, given)
    settled = await settle(sqlite_database)
    same = dataclasses.replace(given, message_id=alone)
    async with sqlite_database.write() as session:
        outcome = await receipts.apply(session, same, log=LOG, now=LATER)
    if settled:
        assert (await outcomes(sqlite_database))[-1] == outcome
        assert await deeds(sqlite_database, together) == await deeds(sqlite_database, alone)
        left, right = await get(sqlite_database, together), await get(sqlite_database, alone)
        for name in ("state", "ref", "reason", "reason_text", "lease_until", "changed_at", "attempt"):
            assert getattr(left, name) == getattr(right, name), name


async def test_points_learn_together_what_they_learn_alone(database: Database) -> None:
    phone, other = school.number(), school.number()
    shared = [await school.point(database, await school.contact(database), phone, state=PointState.DOUBTFUL)]
    shared += [await school.point(database, await school.contact(database), phone, line_type=LineType.OTHER)]
    fresh = await school.point(database, await school.contact(database), other)
    wrong = await school.point(database, await school.contact(database), phone, state=PointState.WRONG)
    async with database.write() as session:
        point = await session.get_one(ContactPoint, fresh)
        point.last_good_at, point.strikes = LATER, 1  # newer than what comes, which is no news then
    first = await message(database, S.ACCEPTED, number=phone)
    second = await message(database, S.ACCEPTED, number=phone)
    third = await message(database, S.ACCEPTED, number=other)
    at = NOW + timedelta(microseconds=7)
    await store(database, receipt(first, DELIVERED, at=at), receipt(second, DELIVERED), receipt(third, DELIVERED))
    assert await settle(database) == 3
    for point in [point for point in await points(database, phone) if point.id in shared]:
        assert (point.state, point.strikes, point.bad_days, point.last_good_at) == (PointState.WORKING, 0, [], at)
        assert point.line_type is LineType.MOBILE
    [untouched] = [point for point in await points(database, other) if point.id == fresh]
    assert (untouched.state, untouched.strikes, untouched.last_good_at) == (PointState.UNPROVEN, 1, LATER)
    assert {p.state for p in await points(database, phone) if p.id == wrong} == {PointState.WRONG}, "it works: whose?"
    async with database.read() as session:
        good = await audit.lines_about(session, action="point.good")
    assert {f"point:{point_id}" for point_id in shared} <= {line.subject for line in good}
    assert f"point:{fresh}" not in {line.subject for line in good}


async def test_proof_that_was_given_to_another_is_not_settled_together(database: Database) -> None:
    owner, named = await message(database, S.ACCEPTED, ref="SM1"), await message(database, S.UNKNOWN)
    taker = await message(database)
    await store(
        database,
        receipt(named, DELIVERED, ref="SM1"),
        receipt(taker, ACCEPTED, ref="SM2"),
        receipt(await message(database), DELIVERED, ref="SM2"),  # the one before has it since this very batch
    )
    assert await settle(database) == 1
    assert await outcomes(database) == ["", "changed", ""]
    assert (await get(database, owner)).state is S.ACCEPTED


async def test_an_event_that_cannot_be_read_is_left_to_be_read_alone(database: Database) -> None:
    message_id = await message(database)
    await store(database, receipt("m", DELIVERED), receipt(message_id, DELIVERED))
    async with database.write() as session:
        first = (await session.scalars(select(Inbound).order_by(col(Inbound.id)).limit(1))).one()
        first.event = {"at": "yesterday"}
    assert await settle(database) == 1
    assert await outcomes(database) == ["", "changed"]


async def test_two_workers_settle_each_receipt_once(database: Database) -> None:
    ids = [await message(database) for _ in range(20)]
    await store(database, *[receipt(message_id, word) for word in (ACCEPTED, DELIVERED) for message_id in ids])
    await asyncio.gather(*(settle(database) for _ in range(4)))
    await handle_all(database)
    assert [(await get(database, message_id)).state for message_id in ids] == [S.DELIVERED] * 20


async def test_one_call_that_cannot_be_stored_sends_no_other_away(database: Database) -> None:
    """The calls share a statement; where it fails, each is stored alone."""
    shared = arrivals.Arrivals(database)
    calls = [
        receipt("a", DELIVERED),
        receipt("m", DELIVERED, attempt=object()),
        receipt("b", DELIVERED),
    ]  # no JSON has it
    stored = (shared.store("twilio-sms", [call], now=NOW) for call in calls)
    answers = await asyncio.gather(*stored, return_exceptions=True)
    assert [isinstance(answer, Exception) for answer in answers] == [False, True, False]
    assert await outcomes(database) == ["", ""]


@contextlib.contextmanager
def out_of_reach(how: str, template: Path, folder: Path) -> Iterator[str]:
    """The URL of a database that is away."""
    if how == "locked":
        with (
            databases.sqlite_copy(template, folder) as url,
            contextlib.closing(sqlite3.connect(make_url(url).database or "", isolation_level=None)) as other,
        ):
            other.execute("BEGIN IMMEDIATE")
            yield url
    elif how == "no such folder":
        yield f"sqlite+aiosqlite:///{folder}/nowhere/db.sqlite"
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        yield f"postgresql+asyncpg://school@127.0.0.1:{port}/school"  # nobody listens there any more


@pytest.mark.parametrize("how", ["locked", "no such folder", "nobody there"])
async def test_while_the_database_is_away_all_who_wait_get_one_answer(
    how: str, sqlite_template: Path, tmp_path: Path
) -> None:
    """Tried one by one, the last of two hundred would hear it after two hundred times the patience with a lock."""
    with out_of_reach(how, sqlite_template, tmp_path) as url:
        away = Database(url, busy_seconds=0.2)
        shared = arrivals.Arrivals(away)
        stored = (shared.store("twilio-sms", [receipt("m", DELIVERED)], now=NOW) for _ in range(10))
        answers = await asyncio.gather(*stored, return_exceptions=True)
        await away.close()
    assert all(isinstance(answer, OSError | OperationalError) for answer in answers)
    assert len({id(answer) for answer in answers}) <= 2, "who came first, and the others together"
