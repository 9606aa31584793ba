"""The outbox on real databases: claiming, the guard, settling, doubts."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from support import desk, school

from channels.base import FindResult, Found, Medium, Outcome, Reason, Receipt, ReceiptState, SendResult
from gateway import audit, jobs, lanes, messages, outbox, pulse, receipts, retry, states, tasks
from gateway.database import Database
from gateway.models import (
    ContactPoint,
    Guardianship,
    Message,
    MessageState,
    Notice,
    NoticeState,
    OptOut,
    PointState,
    Pupil,
    Purpose,
    Sender,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LOG = audit.Log(b"k" * 32)
POLICY = retry.Policy({medium: retry.Backoff(10, 100, 2) for medium in Medium})


async def claim(
    database: Database, sender_id: int, *, now: datetime = NOW, urgent: int = 50, routine: int = 50, worker: str = "w"
):
    return await desk.claim(database, sender_id, now=now, urgent=urgent, routine=routine, worker=worker)


async def settle(database: Database, message, result: SendResult, *, now: datetime = NOW) -> int:
    return await desk.settle(database, [outbox.Sent(message, result)], policy=POLICY, now=now)


async def get(database: Database, message_id: str) -> Message:
    async with database.read() as session:
        return await session.get_one(Message, message_id)


ACCEPTED = SendResult(Outcome.ACCEPTED, ref="SM1")


async def test_a_claim_takes_the_most_urgent_first_and_only_what_is_due(database: Database) -> None:
    sender = await school.sender(database, rate=1000, burst=1000)
    late = await school.message(database, sender, now=NOW, priority=2, due=NOW - timedelta(minutes=5))
    urgent = await school.message(database, sender, now=NOW, priority=0, due=NOW)
    await school.message(database, sender, now=NOW, due=NOW + timedelta(minutes=5))
    taken = await claim(database, sender)
    assert [row["id"] for row in taken.messages] == [urgent, late]
    assert not (await claim(database, sender)).messages
    stored = await get(database, urgent)
    assert (stored.state, stored.attempt) == (MessageState.SENDING, 1)


async def test_slots_are_kept_free_for_urgent_messages(database: Database) -> None:
    sender = await school.sender(database, rate=1000, burst=1000)
    for _ in range(3):
        await school.message(database, sender, now=NOW, priority=2)
    urgent = await school.message(database, sender, now=NOW, priority=1)
    taken = await claim(database, sender, urgent=2, routine=0)
    assert [row["id"] for row in taken.messages] == [urgent]


async def test_parts_are_paid_for_by_the_rate(database: Database) -> None:
    sender = await school.sender(database, rate=2, burst=4)
    for _ in range(4):
        await school.message(database, sender, now=NOW, parts=3)
    first = await claim(database, sender)
    assert len(first.messages) == 1  # a burst of four parts holds one text of three
    assert first.again_in == pytest.approx(1.0, abs=0.01)  # two more parts at two a second
    assert len((await claim(database, sender, now=NOW + timedelta(seconds=1.1))).messages) == 1


async def test_a_message_that_outgrows_the_burst_still_goes(database: Database) -> None:
    sender = await school.sender(database, rate=1, burst=1)
    await school.message(database, sender, now=NOW, parts=3)
    await school.message(database, sender, now=NOW, parts=1)
    assert len((await claim(database, sender)).messages) == 1
    assert not (await claim(database, sender, now=NOW + timedelta(seconds=2))).messages
    assert len((await claim(database, sender, now=NOW + timedelta(seconds=3))).messages) == 1


async def test_a_held_lane_gives_nothing_until_its_hold_ends(database: Database) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW)
    first = (await claim(database, sender)).messages[0]
    trouble = SendResult(Outcome.RETRY, reason=Reason.RATE, wait=30, lane_wide=True, text="Too fast.")
    await settle(database, first, trouble)
    held = await claim(database, sender, now=NOW + timedelta(seconds=10))
    assert not held.messages
    assert held.again_in == pytest.approx(20)
    assert (await get(database, message_id)).retries == 0  # the lane's fault, not the message's
    again = await claim(database, sender, now=NOW + timedelta(minutes=5))
    assert [row["attempt"] for row in again.messages] == [2]


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (ACCEPTED, MessageState.ACCEPTED),
        (SendResult(Outcome.REFUSED, reason=Reason.BAD_ADDRESS, code="21211"), MessageState.FAILED),
        (SendResult(Outcome.RETRY, reason=Reason.TEMPORARY), MessageState.QUEUED),
        (SendResult(Outcome.UNKNOWN), MessageState.UNKNOWN),
    ],
)
async def test_what_came_of_a_call_is_written_down(database: Database, result: SendResult, state: MessageState) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW)
    row = (await claim(database, sender)).messages[0]
    assert await settle(database, row, result) == 1
    stored = await get(database, message_id)
    assert stored.state is state
    async with database.read() as session:
        attempts = await school.attempts(session, message_id)
        lines = await messages.deeds(session, message_id)
    assert [attempt.outcome for attempt in attempts] == [result.outcome]
    settled = "outbox.accepted" if result is ACCEPTED else f"message.{state.value}"
    assert [line.action for line in lines] == [settled, "outbox.claimed"]
    assert messages.facts(lines[1], message_id) == {"sender": sender, "together": 1}
    if result is ACCEPTED:
        assert messages.facts(lines[0], message_id) == {"attempt": 1, "together": 1}


async def test_retries_end_in_failure(database: Database) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW)
    now, seen = NOW, []
    for _ in range(3):
        row = (await claim(database, sender, now=now)).messages[0]
        await settle(database, row, SendResult(Outcome.RETRY, reason=Reason.TEMPORARY, wait=1), now=now)
        stored = await get(database, message_id)
        seen.append(stored.state)
        assert stored.state is MessageState.FAILED or stored.due_at > now + timedelta(seconds=9)
        now += timedelta(minutes=10)
    assert seen == [MessageState.QUEUED, MessageState.QUEUED, MessageState.FAILED]


async def test_a_zombie_cannot_overwrite_its_successor(database: Database) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW, purpose=Purpose.EMERGENCY)
    zombie = (await claim(database, sender)).messages[0]
    later = NOW + timedelta(hours=1)
    async with database.write() as session:
        assert await outbox.expire_leases(session, policy=POLICY, log=LOG, now=later) == 1
    later += timedelta(hours=1)
    async with database.write() as session:
        [doubt] = await outbox.doubts(session, now=later)
        after = await outbox.resolve(session, doubt, FindResult(Found.ABSENT), policy=POLICY, log=LOG, now=later)
    assert after is MessageState.QUEUED
    successor = (await claim(database, sender, now=later)).messages[0]
    assert successor["attempt"] == 2
    assert await settle(database, zombie, SendResult(Outcome.REFUSED, reason=Reason.OTHER), now=later) == 0
    assert (await get(database, message_id)).state is MessageState.SENDING
    assert await settle(database, successor, ACCEPTED, now=later) == 1


async def test_a_late_word_of_the_same_attempt_ends_the_doubt(database: Database) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW)
    row = (await claim(database, sender)).messages[0]
    later = NOW + timedelta(hours=1)
    async with database.write() as session:
        await outbox.expire_leases(session, policy=POLICY, log=LOG, now=later)
    assert await settle(database, row, ACCEPTED, now=later) == 1
    assert (await get(database, message_id)).state is MessageState.ACCEPTED


DOUBTS = [
    # purpose, what the provider's list says, long after, state
    (Purpose.SERVICE, FindResult(Found.HERE, ("SM9",)), False, MessageState.ACCEPTED),
    (Purpose.SERVICE, FindResult(Found.ABSENT), False, MessageState.QUEUED),
    (Purpose.SERVICE, FindResult(Found.CANNOT_TELL), False, MessageState.UNKNOWN),
    (Purpose.SERVICE, FindResult(Found.CANNOT_TELL), True, MessageState.FAILED),
    (Purpose.GOOD_NEWS, FindResult(Found.CANNOT_TELL), True, MessageState.FAILED),
    (Purpose.SAFEGUARDING, FindResult(Found.CANNOT_TELL), True, MessageState.QUEUED),
    (Purpose.EMERGENCY, FindResult(Found.CANNOT_TELL), True, MessageState.QUEUED),
]


@pytest.mark.parametrize(("purpose", "found", "long_after", "state"), DOUBTS)
async def test_doubts_are_decided_by_evidence_then_by_purpose(
    database: Database, purpose: Purpose, found: FindResult, *, long_after: bool, state: MessageState
) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW, purpose=purpose)
    row = (await claim(database, sender)).messages[0]
    await settle(database, row, SendResult(Outcome.UNKNOWN))
    now = NOW + (timedelta(hours=2) if long_after else POLICY.grace + timedelta(seconds=1))
    async with database.write() as session:
        assert not await outbox.doubts(session, now=NOW + timedelta(seconds=1)), "the time of grace is not over"
        [doubt] = await outbox.doubts(session, now=now)
        assert await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=now) is state
    stored = await get(database, message_id)
    assert stored.state is state
    if state is MessageState.FAILED:
        assert stored.reason == "in_doubt"
    async with database.read() as session:
        asked = [(task.kind, task.subject) for task in await tasks.listed(session)]
    assert asked == ([("in_doubt", f"message:{message_id}")] if state is MessageState.FAILED else [])


async def give_up(database: Database, purpose: Purpose) -> tuple[Any, MessageState, datetime]:
    """A call of which nobody can tell, and what the sweep decides in the end without any evidence."""
    sender = await school.sender(database)
    await school.message(database, sender, now=NOW, purpose=purpose)
    row = (await claim(database, sender)).messages[0]
    now = NOW + timedelta(minutes=2)
    async with database.write() as session:
        await outbox.expire_leases(session, policy=POLICY, log=LOG, now=now)
    now += timedelta(hours=1)
    async with database.write() as session:
        [doubt] = await outbox.doubts(session, now=now)
        found = FindResult(Found.CANNOT_TELL)
        return row, await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=now), now


async def test_a_late_word_that_it_is_on_its_way_undoes_in_doubt(database: Database) -> None:
    row, after, now = await give_up(database, Purpose.SERVICE)
    assert after is MessageState.FAILED
    async with database.write() as session:
        sent = Receipt(row["id"], "SM1", ReceiptState.ACCEPTED, "SM1:sent", now)
        assert await receipts.apply(session, sent, log=LOG, now=now) == "changed"
    stored = await get(database, row["id"])
    assert (stored.state, stored.reason, stored.ref) == (MessageState.ACCEPTED, "", "SM1")


async def test_a_late_word_that_it_is_on_its_way_undoes_no_other_failure(database: Database) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW, state=MessageState.FAILED, reason="blocked", ref="SM1")
    async with database.write() as session:
        sent = Receipt(message_id, "SM1", ReceiptState.ACCEPTED, "SM1:sent", NOW)
        assert await receipts.apply(session, sent, log=LOG, now=NOW) == "stale"


@pytest.mark.parametrize("purpose", [Purpose.SERVICE, Purpose.EMERGENCY])
async def test_a_worker_that_was_cut_off_still_says_that_it_was_taken(database: Database, purpose: Purpose) -> None:
    row, after, now = await give_up(database, purpose)
    assert after is (MessageState.QUEUED if purpose is Purpose.EMERGENCY else MessageState.FAILED)
    assert await settle(database, row, ACCEPTED, now=now) == 1
    stored = await get(database, row["id"])
    assert (stored.state, stored.reason, stored.ref) == (MessageState.ACCEPTED, "", "SM1")
    assert await settle(database, row, ACCEPTED, now=now) == 0, "said twice, it is written down once"


async def go_again(database: Database) -> tuple[int, Any, datetime]:
    """A sender, a call whose worker stood still, and when its message was given up for lost and queued again."""
    sender = await school.sender(database)
    await school.message(database, sender, now=NOW)
    frozen = (await claim(database, sender)).messages[0]
    now = NOW + timedelta(hours=1)
    async with database.write() as session:
        await outbox.expire_leases(session, policy=POLICY, log=LOG, now=now)
    now += timedelta(hours=1)
    async with database.write() as session:
        [doubt] = await outbox.doubts(session, now=now)
        found = FindResult(Found.ABSENT)
        after = await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=now)
    assert after is MessageState.QUEUED
    return sender, frozen, now


async def test_a_turn_does_not_claim_what_it_knows_to_be_taken(database: Database) -> None:
    """A worker wakes up: its first turn brings the late word, and claims what is queued by then."""
    sender, frozen, now = await go_again(database)
    slots, lease = outbox.Slots(5, 5), timedelta(minutes=1)

    def turn(connection: Connection) -> tuple[list[outbox.Sent], outbox.Claim]:
        accepted = outbox.accept(connection, [outbox.Sent(frozen, ACCEPTED)], now=now)
        return accepted.others, outbox.claim(
            connection, sender, slots, worker="w", lease=lease, today=now.date(), now=now
        )

    others, taken = await database.at_once(turn)
    assert (list(taken.messages), others) == ([], [])
    stored = await get(database, frozen["id"])
    assert (stored.state, stored.ref) == (MessageState.ACCEPTED, "SM1")


async def test_of_two_calls_in_one_batch_the_message_has_the_name_that_the_last_one_got(database: Database) -> None:
    sender, frozen, now = await go_again(database)
    successor = (await claim(database, sender, now=now)).messages[0]
    batch = [outbox.Sent(frozen, ACCEPTED), outbox.Sent(successor, SendResult(Outcome.ACCEPTED, ref="SM2"))]
    accepted = await database.at_once(partial(outbox.accept, sent=batch, now=now))
    assert [item.message["attempt"] for item in accepted.others] == [1]
    stored = await get(database, frozen["id"])
    assert (stored.state, stored.ref) == (MessageState.ACCEPTED, "SM2")


async def test_a_found_message_that_another_row_owns_proves_nothing(database: Database) -> None:
    sender = await school.sender(database)
    first = await school.message(database, sender, now=NOW, number="+447700900101")
    row = (await claim(database, sender)).messages[0]
    await settle(database, row, SendResult(Outcome.ACCEPTED, ref="SM1"))
    second = await school.message(database, sender, now=NOW, number="+447700900102")
    row = (await claim(database, sender)).messages[0]
    await settle(database, row, SendResult(Outcome.UNKNOWN))
    now = NOW + timedelta(hours=1)
    async with database.write() as session:
        [doubt] = await outbox.doubts(session, now=now)
        found = FindResult(Found.HERE, ("SM1",))
        after = await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=now)
    assert after is MessageState.QUEUED  # the copy that was seen is the first message's: this one never arrived
    assert (await get(database, first)).ref == "SM1"
    assert (await get(database, second)).ref == ""


async def test_the_guard_stops_what_must_not_leave(database: Database) -> None:
    sender = await school.sender(database)
    family = await school.family(database)
    cases = {
        "expired": await school.message(database, sender, now=NOW, not_after=NOW - timedelta(seconds=1)),
        "barred": await school.message(database, sender, now=NOW, contact=family.father, about=[family.child]),
        "landline": await school.message(database, sender, now=NOW, contact=family.gran, point_kind="landline"),
        "dead": await school.message(database, sender, now=NOW, contact=family.uncle, point_state=PointState.DEAD),
        "wrong_number": await school.message(
            database, sender, now=NOW, contact=family.uncle, number="+447700900156", point_state=PointState.WRONG
        ),
        "opted_out": await school.message(database, sender, now=NOW, number="+447700900155"),
    }
    allowed = await school.message(database, sender, now=NOW, contact=family.mother, about=[family.child])
    async with database.write() as session:
        session.add(OptOut(medium=Medium.SMS, address="+447700900155", since=NOW, how="reply"))
    taken = await claim(database, sender)
    assert [row["id"] for row in taken.messages] == [allowed]
    for reason, message_id in cases.items():
        stored = await get(database, message_id)
        assert stored.state is (MessageState.EXPIRED if reason == "expired" else MessageState.SKIPPED), reason
        assert stored.reason == reason
        assert stored.attempt == 0


async def test_nothing_about_a_child_goes_to_a_phone_shared_with_somebody_barred(database: Database) -> None:
    sender = await school.sender(database)
    family = await school.family(database)
    await school.point(database, family.father, "+447700900177")
    shared = await school.message(
        database, sender, now=NOW, contact=family.mother, number="+447700900177", about=[family.child]
    )
    assert not (await claim(database, sender)).messages
    assert (await get(database, shared)).reason == "barred"


async def test_a_wrong_number_is_one_for_every_contact_of_the_child_and_for_no_other_family(database: Database) -> None:
    sender = await school.sender(database)
    family = await school.family(database)
    await school.point(database, family.mother, "+447700900177", state=PointState.WRONG)
    named = await school.message(
        database, sender, now=NOW, contact=family.gran, number="+447700900177", about=[family.child]
    )
    ben, another = await school.pupil(database, "Ben"), await school.contact(database)
    await school.tie(database, ben, another)
    theirs = await school.message(database, sender, now=NOW, contact=another, number="+447700900177", about=[ben])
    assert [row["id"] for row in (await claim(database, sender)).messages] == [theirs]
    assert (await get(database, named)).reason == "wrong_number"


@pytest.mark.parametrize(
    ("begins", "ends", "barred"),
    [
        (None, None, True),
        (date(2026, 11, 23), None, True),
        (date(2026, 11, 24), None, False),
        (None, date(2026, 11, 22), False),
        (None, date(2026, 11, 23), True),
    ],
)
async def test_a_bar_has_dates(database: Database, begins: date | None, ends: date | None, *, barred: bool) -> None:
    sender = await school.sender(database)
    family = await school.family(database, bar=(begins, ends))
    await school.message(database, sender, now=NOW, contact=family.father, about=[family.child])
    assert bool((await claim(database, sender)).messages) is not barred


@pytest.mark.parametrize("before", list(MessageState))
@pytest.mark.parametrize("after", list(MessageState))
async def test_every_arrow_is_allowed_or_refused_as_the_table_says(
    sqlite_database: Database, before: MessageState, after: MessageState
) -> None:
    sender = await school.sender(sqlite_database)
    message_id = await school.message(sqlite_database, sender, now=NOW, state=before)
    async with sqlite_database.write() as session:
        moved = await outbox.change(session, message_id, after, now=NOW)
    assert moved is (after in states.ARROWS[before])
    assert (await get(sqlite_database, message_id)).state is (after if moved else before)


async def test_cancelling_takes_back_only_what_has_not_left(database: Database) -> None:
    sender = await school.sender(database)
    run = await school.run(database, now=NOW)
    waiting = await school.message(database, sender, now=NOW, run=run, number="+447700900101")
    left = await school.message(database, sender, now=NOW, run=run, number="+447700900102", state=MessageState.ACCEPTED)
    async with database.write() as session:
        assert await outbox.cancel(session, [run], now=NOW) == 1
    assert (await get(database, waiting)).state is MessageState.CANCELLED
    assert (await get(database, left)).state is MessageState.ACCEPTED


async def test_going_again_after_a_doubt_comes_to_an_end(database: Database) -> None:
    """A provider that fails each time after the request, and never took it: each time counts as a retry."""
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW, purpose=Purpose.EMERGENCY)
    now, seen = NOW, []
    for _ in range(3):
        row = (await claim(database, sender, now=now)).messages[0]
        await settle(database, row, SendResult(Outcome.UNKNOWN), now=now)
        now += timedelta(hours=1)
        async with database.write() as session:
            [doubt] = await outbox.doubts(session, now=now)
            found = FindResult(Found.ABSENT)
            seen.append(await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=now))
    assert seen == [MessageState.QUEUED, MessageState.QUEUED, MessageState.FAILED]
    stored = await get(database, message_id)
    assert (stored.reason, stored.retries) == ("temporary", 2)
    assert "never took it" in stored.reason_text


async def test_what_the_guard_stopped_does_not_make_others_wait(database: Database) -> None:
    sender = await school.sender(database)
    over = NOW - timedelta(seconds=1)
    for _ in range(3):
        await school.message(database, sender, now=NOW, not_after=over, due=over)
    fine = await school.message(database, sender, now=NOW)
    first = await claim(database, sender, urgent=3)
    assert (first.messages, first.again_in) == ([], 0.0)
    assert [row["id"] for row in (await claim(database, sender, urgent=3)).messages] == [fine]


async def test_late_evidence_stops_a_message_that_waits_to_go_again(database: Database) -> None:
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW)
    await settle(database, (await claim(database, sender)).messages[0], SendResult(Outcome.UNKNOWN))
    later = NOW + timedelta(hours=1)
    async with database.write() as session:
        [doubt] = await outbox.doubts(session, now=later)
        await outbox.resolve(session, doubt, FindResult(Found.ABSENT), policy=POLICY, log=LOG, now=later)
        receipt = Receipt(message_id, "SM1", ReceiptState.DELIVERED, "SM1:delivered", later)
        assert await receipts.apply(session, receipt, log=LOG, now=later) == "changed"
    assert (await get(database, message_id)).state is MessageState.DELIVERED
    assert not (await claim(database, sender, now=later)).messages


async def forget_tie(database: Database, family: school.Family) -> None:
    async with database.write() as session:
        await session.execute(sa.delete(Guardianship).where(Guardianship.contact_id == family.mother))


async def forget_point(database: Database, family: school.Family) -> None:
    async with database.write() as session:
        await session.execute(sa.delete(ContactPoint).where(ContactPoint.contact_id == family.mother))


async def leave(database: Database, family: school.Family) -> None:
    async with database.write() as session:
        await session.execute(sa.update(Pupil).values(left_on=(NOW - timedelta(days=1)).date()))


@pytest.mark.parametrize(("change", "reason"), [(forget_tie, "stranger"), (forget_point, "stranger"), (leave, "left")])
async def test_what_an_import_has_changed_since_is_asked_again(database: Database, change: Any, reason: str) -> None:
    sender, family, run = (
        await school.sender(database),
        await school.family(database),
        await school.run(database, now=NOW),
    )
    message_id = await school.message(database, sender, now=NOW, run=run, contact=family.mother, about=[family.child])
    await change(database, family)
    assert not (await claim(database, sender)).messages
    assert (await get(database, message_id)).reason == reason


async def test_a_child_is_told_about_until_its_last_day(database: Database) -> None:
    sender, family, run = (
        await school.sender(database),
        await school.family(database),
        await school.run(database, now=NOW),
    )
    await school.message(database, sender, now=NOW, run=run, contact=family.mother, about=[family.child])
    async with database.write() as session:
        await session.execute(sa.update(Pupil).values(left_on=NOW.date()))
    assert len((await claim(database, sender)).messages) == 1


async def test_what_came_back_from_the_wire_after_a_cancel_stays(database: Database) -> None:
    sender, run = await school.sender(database), await school.run(database, now=NOW)
    message_id = await school.message(database, sender, now=NOW, run=run)
    row = (await claim(database, sender)).messages[0]
    async with database.write() as session:
        await session.execute(sa.update(Notice).values(state=NoticeState.CANCELLED))
    await settle(database, row, SendResult(Outcome.RETRY, reason=Reason.TEMPORARY))
    assert not (await claim(database, sender, now=NOW + timedelta(hours=1))).messages
    assert (await get(database, message_id)).state is MessageState.CANCELLED


async def test_what_comes_back_from_the_wire_into_a_pause_waits_for_its_end(database: Database) -> None:
    sender, run = await school.sender(database), await school.run(database, now=NOW)
    message_id = await school.message(database, sender, now=NOW, run=run, contact=await school.contact(database, "Jo"))
    row = (await claim(database, sender)).messages[0]
    async with database.write() as session:
        await session.execute(sa.update(Notice).values(paused_at=NOW))
        await outbox.hold(session, [run], now=NOW)
    await settle(database, row, SendResult(Outcome.RETRY, reason=Reason.TEMPORARY))
    later = NOW + timedelta(hours=1)
    assert not (await claim(database, sender, now=later)).messages
    held = await get(database, message_id)
    assert (held.state, held.reason) == (MessageState.HELD, "paused")
    async with database.write() as session:
        await session.execute(sa.update(Notice).values(paused_at=None))
        await outbox.release(session, run, now=later)
    assert (await get(database, message_id)).reason == ""
    assert [row["id"] for row in (await claim(database, sender, now=later)).messages] == [message_id]


async def test_a_step_waits_for_the_one_below_it_unless_its_lane_is_held(database: Database) -> None:
    texts, calls = await school.sender(database), await school.sender(database, medium=Medium.VOICE)
    run, maria = await school.run(database, now=NOW), await school.contact(database, "Maria")
    await school.message(database, texts, now=NOW, run=run, contact=maria, number="+447700900101")
    call = await school.message(
        database,
        calls,
        now=NOW,
        run=run,
        contact=maria,
        number="+447700900102",
        medium=Medium.VOICE,
        step=1,
        only_if="not_reached",
    )
    assert not (await claim(database, calls)).messages, "the text has not even left"
    assert (await get(database, call)).state is MessageState.QUEUED
    async with database.write() as session:
        await session.execute(
            sa.update(Sender).where(Sender.id == texts).values(held_until=NOW + timedelta(hours=1), held_because="x")
        )
    assert len((await claim(database, calls, now=NOW + timedelta(minutes=1))).messages) == 1


@pytest.mark.parametrize(
    ("text_lane", "called"),
    [
        ({"held_until": NOW - timedelta(minutes=1), "held_because": "Too fast."}, False),
        ({"active": False}, True),
    ],
)
async def test_a_step_waits_for_a_lane_whose_hold_is_over_and_for_none_that_is_gone(
    database: Database, text_lane: dict[str, Any], *, called: bool
) -> None:
    texts, calls = await school.sender(database), await school.sender(database, medium=Medium.VOICE)
    run, maria = await school.run(database, now=NOW), await school.contact(database, "Maria")
    await school.message(database, texts, now=NOW, run=run, contact=maria)
    await school.message(
        database, calls, now=NOW, run=run, contact=maria, medium=Medium.VOICE, step=1, only_if="not_reached"
    )
    async with database.write() as session:
        await session.execute(sa.update(Sender).where(Sender.id == texts).values(**text_lane))
    assert bool((await claim(database, calls)).messages) is called


async def test_a_step_waits_for_a_doubt_unless_its_lane_is_refused(database: Database) -> None:
    """What is in doubt waits for the provider's list, and that waits as long as we are refused."""
    texts, calls = await school.sender(database), await school.sender(database, medium=Medium.VOICE)
    run, maria = await school.run(database, now=NOW), await school.contact(database, "Maria")
    state = MessageState.UNKNOWN
    await school.message(database, texts, now=NOW, run=run, contact=maria, state=state)
    await school.message(
        database, calls, now=NOW, run=run, contact=maria, medium=Medium.VOICE, step=1, only_if="not_reached"
    )
    assert not (await claim(database, calls)).messages
    async with database.write() as session:
        await session.execute(sa.update(Sender).where(Sender.id == texts).values(open_since=NOW, open_reason="auth"))
    assert len((await claim(database, calls, now=NOW + timedelta(minutes=1))).messages) == 1


async def test_a_step_does_not_wait_for_a_doubt_for_ever(database: Database) -> None:
    """The provider of the texts cannot be reached, so that nobody learns of this one: the call is the way out."""
    texts, calls = await school.sender(database), await school.sender(database, medium=Medium.VOICE)
    run, maria = await school.run(database, now=NOW), await school.contact(database, "Maria")
    await school.message(database, texts, now=NOW, run=run, contact=maria, state=MessageState.UNKNOWN)
    await school.message(
        database, calls, now=NOW, run=run, contact=maria, medium=Medium.VOICE, step=1, only_if="not_reached"
    )
    assert not (await claim(database, calls, now=NOW + timedelta(minutes=10))).messages
    assert len((await claim(database, calls, now=NOW + timedelta(minutes=11))).messages) == 1


async def test_a_copy_of_a_copy_stays_when_the_first_one_arrived_after_all(database: Database) -> None:
    sender, run = await school.sender(database), await school.run(database, now=NOW)
    states_of_copies = [MessageState.DELIVERED, MessageState.FAILED, MessageState.QUEUED]
    copies = [await school.message(database, sender, now=NOW, run=run, state=state) for state in states_of_copies]
    async with database.write() as session:
        for number, message_id in enumerate(copies):
            slot = "sms:maria" + ":again" * number
            await session.execute(sa.update(Message).where(Message.id == message_id).values(slot=slot))
    assert not (await claim(database, sender)).messages
    assert (await get(database, copies[-1])).reason == "arrived"


async def test_held_steps_keep_their_distance_when_they_are_released(database: Database) -> None:
    sender, run = await school.sender(database), await school.run(database, now=NOW)
    for minutes in (0, 30):
        await school.message(
            database, sender, now=NOW, run=run, due=NOW + timedelta(minutes=minutes), state=MessageState.HELD
        )
    late = NOW + timedelta(hours=3)
    async with database.write() as session:
        assert await outbox.release(session, run, now=late) == 2
        dues = set(await session.scalars(sa.select(Message.due_at)))
    assert dues == {late, late + timedelta(minutes=30)}


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_was_due_by_a_clock_that_was_set_back_is_due_at_once(database: Database, restarted: bool) -> None:
    sender, fast = await school.sender(database), NOW + timedelta(hours=3)
    step = fast + timedelta(minutes=30)
    gateway = desk.gateway(database, clock := desk.Clock(fast))

    def jobs_of_a_process() -> jobs.Jobs:
        made, stopping = lanes.Lanes(gateway), asyncio.Event()
        return jobs.Jobs(gateway, lanes=made, pulse=pulse.Pulse(clock), stopping=stopping, arrived=stopping.set)

    async def written(due: datetime, **fields: Any) -> str:
        return await school.message(database, sender, now=fast, due=due, **fields)

    running = jobs_of_a_process()
    await running.expire()
    due, again, later = await written(fast), await written(step, attempt=1), await written(step)
    clock.now = NOW
    await (jobs_of_a_process() if restarted else running).expire()
    assert {row["id"] for row in (await claim(database, sender)).messages} == {due, again}
    assert (await get(database, later)).due_at == step, "a step of a ladder keeps its distance at least"


async def test_patience_begins_when_the_doubt_does(database: Database) -> None:
    sender = await school.sender(database)
    await school.message(database, sender, now=NOW, purpose=Purpose.EMERGENCY)
    await claim(database, sender)
    back = NOW + timedelta(hours=5)  # we were away, and so may the network be still
    async with database.write() as session:
        await outbox.expire_leases(session, policy=POLICY, log=LOG, now=back)
    soon = back + POLICY.grace + timedelta(seconds=1)
    async with database.write() as session:
        [doubt] = await outbox.doubts(session, now=soon)
        found = FindResult(Found.CANNOT_TELL)
        assert await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=soon) is MessageState.UNKNOWN


async def test_one_proof_serves_one_doubt(database: Database) -> None:
    sender = await school.sender(database)
    for _ in range(2):
        await school.message(database, sender, now=NOW, number="+447700900101", contact=await school.contact(database))
    for row in (await claim(database, sender)).messages:
        await settle(database, row, SendResult(Outcome.UNKNOWN))
    later = NOW + timedelta(hours=1)
    async with database.read() as session:
        doubts = await outbox.doubts(session, now=later)

    async def decide(doubt: outbox.Doubt) -> MessageState:
        async with database.write() as session:
            found = FindResult(Found.HERE, ("SM1",))
            return await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=later)

    assert set(await asyncio.gather(*map(decide, doubts))) == {MessageState.ACCEPTED, MessageState.QUEUED}


async def test_what_is_seen_may_be_the_call_that_is_on_the_wire(database: Database) -> None:
    sender = await school.sender(database)
    for _ in range(2):
        await school.message(database, sender, now=NOW, number="+447700900101", contact=await school.contact(database))
    first, _ = (await claim(database, sender)).messages
    await settle(database, first, SendResult(Outcome.UNKNOWN))
    later = NOW + timedelta(minutes=2)
    async with database.write() as session:
        [doubt] = await outbox.doubts(session, now=later)
        found = FindResult(Found.HERE, ("SM1",))
        assert await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=later) is MessageState.UNKNOWN
