"""The circuit of an account: while the provider will not have us, one message now and then finds out."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from support import desk, engine, holds, school
from support.desk import LOG, NOW
from support.engine import Engine, S
from support.gate import Behaviour, Gate, Reader, Writer, request
from support.mail_gate import at
from support.waiting import until

from channels.base import Medium, Outcome, Reason, SendResult
from gateway import circuits, failures, gauges, guard, outbox, retry, senders
from gateway.database import Database
from gateway.models import Attempt, Message, MessageState, Sender

MANY = 40
SMS, VOICE, EMAIL = Medium.SMS, Medium.VOICE, Medium.EMAIL


def refusing(status: int, code: int) -> Behaviour:
    body = f'{{"code": {code}, "message": "no", "status": {status}}}'.encode()

    async def behave(gate: Gate, reader: Reader, writer: Writer) -> None:
        while await request(reader):
            gate.hits += 1
            head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)

    return behave


LOGIN = at("MAIL", b"535 5.7.8 Authentication credentials invalid\r\n")


async def begun(works: Engine) -> int:
    async with works.database.read() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(Attempt)) or 0


async def open_(works: Engine, medium: Medium) -> bool:
    return (await works.lane_row(medium)).open_since is not None


@pytest.mark.parametrize(("status", "code"), [(401, 20003), (403, 30002), (403, 20005)])
async def test_an_account_that_is_refused(database: Database, status: int, code: int) -> None:
    """Texts find it out; calls of the same account are spared; mail goes on; half an hour of it costs a few calls."""
    async with engine.running(database) as works:
        for medium in (SMS, VOICE):
            await works.gates[medium].go_wrong(refusing(status, code))
        texts = await works.queue(SMS, MANY)
        await until(lambda: open_(works, SMS), "the circuit opens")
        await until(lambda: open_(works, VOICE), "for the whole account")
        calls = await works.queue(VOICE, 3)
        [mail] = await works.queue(EMAIL)
        await until(lambda: works.got(mail) == 1, "mail goes on")
        await works.clock.passes(minutes=30)
        circuit = await holds.kept(works, SMS, VOICE)
        assert circuit.tries > 1, "one message now and then, and no more"
        asked = works.gates[SMS].hits + works.gates[VOICE].hits
        assert 0 < asked <= await begun(works), "what is written down is what was asked"
        rows = await works.rows([*texts, *calls])
        assert not any(row.retries for row in rows)
        assert {row.state for row in rows} <= {S.QUEUED, S.SENDING, S.UNKNOWN}  # half an hour passed by a call
        [task] = await works.tasks()
        assert (task.kind, task.subject, task.urgent) == ("account", "account:twilio", True)
        assert await works.audited("circuit.opened") == 1
        await gauges.refresh(works.gateway)
        assert b'handbell_circuit_open{channel="twilio-voice",sender="2"} 1.0' in works.gateway.metrics.text()
        for medium in (SMS, VOICE):
            await works.gates[medium].heal()
        await until(lambda: works.all_are([*texts, *calls], S.ACCEPTED), "it closes by itself, and everything goes out")
        assert [works.got(message) for message in [*texts, *calls]] == [1] * (MANY + 3)
        assert await works.audited("circuit.closed") == 1
        assert not await open_(works, VOICE)


async def test_a_mail_server_that_refuses_our_login(database: Database) -> None:
    async with engine.running(database) as works:
        await works.gates[EMAIL].go_wrong(LOGIN)
        mails = await works.queue(EMAIL, MANY)
        await until(lambda: open_(works, EMAIL), "the circuit opens")
        assert not await open_(works, SMS), "another account"
        await works.gates[EMAIL].heal()
        await until(lambda: works.all_are(mails, S.ACCEPTED), "it closes by itself")
        assert [works.got(mail) for mail in mails] == [1] * MANY


async def test_a_receipt_that_speaks_of_the_account_opens_it_too(database: Database) -> None:
    """Taken at first, and then: 30002, account suspended."""
    async with engine.running(database) as works:
        [first] = await works.queue(SMS)
        await until(lambda: works.got(first) == 1)
        works.gates[SMS].behaviour = refusing(401, 20003)
        await works.gates[SMS].drop()
        async with database.write() as session:
            row = (await works.rows([first]))[0].model_dump()
            await failures.hold_lane(session, row, Reason.AUTH, code="30002", log=LOG, now=works.clock())
        assert await open_(works, SMS)
        assert await open_(works, VOICE)


# The rules one by one, with a clock that stands still.


async def two_lanes(database: Database, *, account: str = "twilio") -> list[int]:
    found = []
    for medium in (SMS, VOICE):
        row = Sender(channel=engine.NAMES[medium], medium=medium, address=school.ids.new_id(), account=account)
        row.rate = row.burst = 100.0
        await school.add(database, row)
        assert row.id
        found.append(row.id)
    return found


async def trip(database: Database, lane: int, reason: Reason = Reason.AUTH, *, now: datetime = NOW) -> None:
    async with database.write() as session:
        await circuits.trip(session, lane, reason, because="Wrong token.", code="20003", log=LOG, now=now)


async def claim(database: Database, lane: int, *, now: datetime) -> list[str]:
    work = partial(_claim, lane=lane, now=now)
    return [message["id"] for message in (await database.at_once(work)).messages]


def _claim(connection: Connection, *, lane: int, now: datetime) -> outbox.Claim:
    return outbox.claim(
        connection, lane, outbox.Slots(10, 10), worker="w", lease=timedelta(minutes=2), today=now.date(), now=now,
    )  # fmt: skip


async def row_of(database: Database, lane: int) -> Sender:
    async with database.read() as session:
        return await session.get_one(Sender, lane)


async def test_of_all_lanes_of_an_account_one_lets_one_message_try(database: Database) -> None:
    lanes = await two_lanes(database)
    for lane in lanes:
        for _ in range(3):
            await school.message(database, lane, now=NOW)
    await trip(database, lanes[1])
    assert [await claim(database, lane, now=NOW) for lane in lanes] == [[], []], "open"
    later = NOW + timedelta(seconds=61)
    # At the same moment, as several workers of several lanes would.
    claimed = await asyncio.gather(*(claim(database, lane, now=later) for lane in lanes * 4))
    assert sum(len(one) for one in claimed) == 1
    assert [await claim(database, lane, now=later + timedelta(seconds=30)) for lane in lanes] == [[], []]


async def test_it_tries_more_rarely_the_longer_it_lasts_and_never_more_rarely_than_five_minutes() -> None:
    waits = [circuits.pause(NOW, reason="auth", now=NOW + timedelta(minutes=m)) for m in (0, 1, 4, 6, 600, -60)]
    assert [wait.total_seconds() / 60 for wait in waits] == [1, 1, 2, 3, 5, 1]
    mends_itself = circuits.pause(NOW, reason="temporary", now=NOW + timedelta(hours=9))
    assert mends_itself == timedelta(minutes=1)


async def test_a_person_s_hold_outlasts_the_circuit_of_its_account(database: Database) -> None:
    """Texts are held until tomorrow. A wrong token, found out by a call and mended, does not let them go."""
    texts, calls = await two_lanes(database)
    await school.message(database, texts, now=NOW)
    await school.message(database, calls, now=NOW)
    tomorrow, later = NOW + timedelta(days=1), NOW + timedelta(seconds=61)
    async with database.write() as session:
        held = {"until": tomorrow, "because": "Snow.", "code": "", "by": "Mrs Okafor"}
        await senders.hold(session, texts, **held, log=LOG, now=NOW)

    async def waits() -> tuple[datetime | None, str, str]:
        row = await row_of(database, texts)
        return row.held_until, row.held_because, row.held_by

    as_said = (tomorrow, "Snow.", "Mrs Okafor")
    await trip(database, calls)
    assert await waits() == as_said
    [row] = [await row_of(database, calls)]
    async with database.write() as session:  # a restart
        both = [senders.Wanted(one.channel, one.medium, one.address, one.rate, one.burst, "twilio")
                for one in (await row_of(database, texts), row)]  # fmt: skip
        await senders.sync(session, both, log=LOG, now=NOW)
    assert await waits() == as_said
    assert len(await claim(database, calls, now=later)) == 1  # the one that tries
    assert await waits() == as_said
    async with database.write() as session:
        await circuits.close(session, calls, log=LOG, now=later)
    assert await waits() == as_said
    assert (await row_of(database, texts)).open_since is None
    assert await claim(database, texts, now=later) == []
    assert len(await claim(database, texts, now=tomorrow)) == 1


@pytest.mark.parametrize("first", ["provider", "person"])
@pytest.mark.parametrize(("provider", "person"), [(1, 24), (24, 1)], ids=["longer", "shorter"])
async def test_what_a_person_holds_is_that_person_s_whatever_a_provider_asks_for(
    database: Database, first: str, provider: int, person: int
) -> None:
    """So nothing goes by another way meanwhile; and it waits as long as the longer of both."""
    lane, _ = await two_lanes(database)
    holds = {
        "provider": {"until": NOW + timedelta(hours=provider), "because": "Too many.", "code": "20429"},
        "person": {"until": NOW + timedelta(hours=person), "because": "Snow.", "code": "", "by": "Mrs Okafor"},
    }
    async with database.write() as session:
        for who in sorted(holds, key=lambda who: who != first):
            await senders.hold(session, lane, **holds[who], log=LOG, now=NOW)
    row = await row_of(database, lane)
    assert (row.held_until, row.held_because, row.held_by) == (NOW + timedelta(hours=24), "Snow.", "Mrs Okafor")


async def test_releasing_one_lane_of_a_circuit_leaves_what_a_person_holds(database: Database) -> None:
    texts, calls = await two_lanes(database)
    await trip(database, calls)
    tomorrow = NOW + timedelta(days=1)
    async with database.write() as session:
        for lane in (texts, calls):
            held = {"until": tomorrow, "because": "Snow.", "code": "", "by": "Mrs Okafor"}
            await senders.hold(session, lane, **held, log=LOG, now=NOW)
        assert await senders.release(session, calls, actor="Mrs Okafor", log=LOG, now=NOW)
    assert (await row_of(database, texts)).held_until == tomorrow
    released = await row_of(database, calls)
    assert (released.held_until, released.held_by) == (None, "")


@pytest.mark.parametrize(
    ("result", "proof"),
    [
        (SendResult(Outcome.ACCEPTED, ref="SM1"), True),
        (SendResult(Outcome.REFUSED, code="21211", reason=Reason.BAD_ADDRESS), True),
        (SendResult(Outcome.RETRY, code="451 4.7.1", reason=Reason.TEMPORARY), True),
        (SendResult(Outcome.REFUSED, reason=Reason.OTHER, text="Handbell itself could not make it."), False),
        (SendResult(Outcome.RETRY, code="20003", reason=Reason.AUTH, lane_wide=True), False),
        (SendResult(Outcome.RETRY, code="20429", reason=Reason.RATE), False),
        (SendResult(Outcome.RETRY, reason=Reason.TEMPORARY), False),
        (SendResult(Outcome.UNKNOWN, code="503", reason=Reason.TEMPORARY), False),
    ],
)
async def test_what_closes_it(sqlite_database: Database, result: SendResult, proof: bool) -> None:
    [lane, other] = await two_lanes(sqlite_database)
    await school.message(sqlite_database, lane, now=NOW)
    await trip(sqlite_database, lane)
    later = NOW + timedelta(seconds=61)
    found = await sqlite_database.at_once(partial(_claim, lane=lane, now=later))
    [message] = found.messages
    async with sqlite_database.write() as session:
        sent = [outbox.Sent(message, result)]
        await outbox.settle(session, sent, policy=retry.Policy(), log=LOG, now=later)
    rows = [await row_of(sqlite_database, one) for one in (lane, other)]
    assert [row.open_since is None for row in rows] == [proof, proof]
    assert [row.held_until is None for row in rows] == [proof, proof]


async def test_a_worker_that_stood_still_says_nothing_of_the_provider(database: Database) -> None:
    """While it stood, its successor sent everything; its own time-outs are no trouble of anybody else's."""
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW)
    [frozen] = (await desk.claim(database, sender)).messages
    async with database.write() as session:
        values = {"state": MessageState.DELIVERED, "ref": "SM1"}
        await session.execute(sa.update(Message).where(Message.id == message_id).values(values))
    timed_out = SendResult(Outcome.UNKNOWN, reason=Reason.TEMPORARY, lane_wide=True)
    await desk.settle(database, [outbox.Sent(frozen, timed_out)], policy=retry.Policy(), now=NOW)
    row = await row_of(database, sender)
    assert (row.open_since, row.held_until) == (None, None)


async def test_a_refused_setting_is_the_lanes_alone(sqlite_database: Database) -> None:
    lanes = await two_lanes(sqlite_database)
    await trip(sqlite_database, lanes[0], Reason.CONFIG)
    assert [(await row_of(sqlite_database, lane)).open_since is None for lane in lanes] == [False, True]


async def test_a_restart_keeps_it_open_and_lets_one_message_try_at_once(sqlite_database: Database) -> None:
    [lane, _] = await two_lanes(sqlite_database)
    for _ in range(3):
        await school.message(sqlite_database, lane, now=NOW)
    await trip(sqlite_database, lane)
    row = await row_of(sqlite_database, lane)
    wanted = senders.Wanted(row.channel, row.medium, row.address, row.rate, row.burst, "twilio")
    async with sqlite_database.write() as session:
        await senders.sync(session, [wanted], log=LOG, now=NOW)
    assert (await row_of(sqlite_database, lane)).open_since == NOW
    assert len(await claim(sqlite_database, lane, now=NOW)) == 1


async def test_releasing_lets_one_message_try_at_once(sqlite_database: Database) -> None:
    lanes = await two_lanes(sqlite_database)
    for _ in range(3):
        await school.message(sqlite_database, lanes[1], now=NOW)
    await trip(sqlite_database, lanes[0])
    async with sqlite_database.write() as session:
        assert await senders.release(session, lanes[1], actor="Mr Reilly", log=LOG, now=NOW)
    assert len(await claim(sqlite_database, lanes[1], now=NOW)) == 1
    assert await claim(sqlite_database, lanes[1], now=NOW) == []


async def test_the_next_step_of_a_ladder_does_not_wait_for_a_refused_account(database: Database) -> None:
    """Not even in the moment between two tries, when nothing holds the lane."""
    lane = (await two_lanes(database))[0]
    mail = await school.sender(database, medium=EMAIL, channel="smtp")
    run, who = await school.run(database, now=NOW), await school.contact(database)
    common = {"now": NOW, "contact": who, "run": run, "priority": 0}
    await school.message(database, lane, **common)  # type: ignore[arg-type]
    above = await school.message(
        database,
        mail,
        medium=EMAIL,
        step=1,
        only_if=guard.NOT_REACHED,
        **common,  # type: ignore[arg-type]
    )
    assert await claim(database, mail, now=NOW) == [], "the text is still on its way"
    await trip(database, lane)
    later = NOW + timedelta(minutes=2)
    assert await claim(database, mail, now=later) == [above]


async def test_doubts_wait_while_the_provider_cannot_be_asked(sqlite_database: Database) -> None:
    """A provider that is down longer than patience lasts: what may have been taken is asked for when it is back."""
    async with engine.running(sqlite_database) as works:
        await works.gates[SMS].go_wrong(refusing(503, 0))
        texts: list[Message] = await works.queue(SMS, MANY)
        await until(lambda: open_(works, SMS), "the circuit opens")
        await works.clock.passes(minutes=30)
        assert await works.all_are(texts, S.QUEUED, S.SENDING, S.UNKNOWN)
        assert await works.tasks() == [], "it mends itself"
        await works.gates[SMS].heal()
        await until(lambda: works.all_are(texts, S.ACCEPTED), "everything goes out")
        assert [works.got(text) for text in texts] == [1] * MANY
