"""Two messages that look the same in a provider's list: what was taken of one proves nothing of the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support import desk, school
from support.desk import LOG, NOW

from channels.base import FindResult, Found, Medium, Outcome, Receipt, ReceiptState, SendResult
from gateway import outbox, receipts, retry
from gateway.database import Database
from gateway.models import Attempt, Message, MessageState
from gateway.outbox import sweeping

POLICY = retry.Policy({medium: retry.Backoff(10, 100, 2) for medium in Medium})
LATER = NOW + timedelta(minutes=2)
PHONE = "+447700900101"


async def two(database: Database, medium: Medium, *, words: tuple[str, str] = ("same", "same")) -> list[Any]:
    """Two messages to one phone, claimed. Of two calls the second mostly waits: they are claimed as to two phones."""
    sender = await school.sender(database, medium=medium, channel=f"twilio-{medium}")
    ids = [
        await school.message(
            database, sender, now=NOW, number=number, medium=medium, contact=await school.contact(database)
        )
        for number in (PHONE, "+447700900102")
    ]
    async with database.write() as session:
        for message_id, body in zip(ids, words, strict=True):
            await session.execute(sa.update(Message).where(Message.id == message_id).values(body=body))
    taken = (await desk.claim(database, sender, now=NOW, urgent=9, routine=9, worker="w")).messages
    async with database.write() as session:
        await session.execute(sa.update(Message).where(Message.id.in_(ids)).values(address=PHONE))
    return sorted(({**row, "address": PHONE} for row in taken), key=lambda row: ids.index(row["id"]))


async def doubt(database: Database, *rows: Any) -> None:
    sent = [outbox.Sent(row, SendResult(Outcome.UNKNOWN)) for row in rows]
    await desk.settle(database, sent, policy=POLICY, now=NOW)


async def resolve(database: Database, *refs: str, named: bool = False) -> list[MessageState]:
    found = FindResult(Found.HERE, refs)
    async with database.write() as session:
        doubts = sorted(await outbox.doubts(session, now=LATER), key=lambda one: one.message["id"])
        return [
            await outbox.resolve(session, one, found, policy=POLICY, log=LOG, now=LATER, named=named) for one in doubts
        ]


async def get(database: Database, message_id: str) -> Message:
    async with database.read() as session:
        return await session.get_one(Message, message_id)


async def test_a_text_with_other_words_on_the_wire_hides_no_proof(database: Database) -> None:
    first, _ = await two(database, Medium.SMS, words=("The boiler.", "The fair."))
    await doubt(database, first)
    assert await resolve(database, "SM1") == [MessageState.ACCEPTED]


@pytest.mark.parametrize("medium", [Medium.SMS, Medium.VOICE])
async def test_one_that_looks_the_same_on_the_wire_is_waited_for(sqlite_database: Database, medium: Medium) -> None:
    first, _ = await two(sqlite_database, medium)
    await doubt(sqlite_database, first)
    assert await resolve(sqlite_database, "X1") == [MessageState.UNKNOWN]


async def test_a_lease_that_is_just_over_proves_no_worker_dead(sqlite_database: Database) -> None:
    """The second's worker could not write down what it was told while the database was away; it still may."""
    first, second = await two(sqlite_database, Medium.SMS)
    await doubt(sqlite_database, first)
    just_now = LATER - timedelta(seconds=1)
    async with sqlite_database.write() as session:
        values = {"state": MessageState.UNKNOWN, "changed_at": just_now, "lease_until": just_now + POLICY.grace}
        await session.execute(sa.update(Message).where(Message.id == second["id"]).values(values))
    assert await resolve(sqlite_database, "SM1") == [MessageState.UNKNOWN]
    sent = [outbox.Sent(second, SendResult(Outcome.ACCEPTED, ref="SM1"))]
    assert await desk.settle(sqlite_database, sent, policy=POLICY, now=LATER) == 1
    async with sqlite_database.write() as session:
        await session.execute(sa.update(Message).where(Message.id == first["id"]).values(lease_until=LATER))
    assert await resolve(sqlite_database, "SM1") == [MessageState.QUEUED], "nobody has had the first"


async def test_of_two_calls_in_doubt_one_in_the_list_proves_neither(database: Database) -> None:
    first, second = await two(database, Medium.VOICE, words=("The boiler.", "The fair."))
    await doubt(database, first, second)
    assert await resolve(database, "CA1", named=True) == [MessageState.UNKNOWN, MessageState.UNKNOWN]
    said = Receipt(second["id"], "CA1", ReceiptState.ACCEPTED, "CA1:ringing", NOW, attempt=1)
    async with database.write() as session:
        assert await receipts.apply(session, said, log=LOG, now=LATER) == "changed"
    async with database.write() as session:
        await session.execute(sa.update(Message).where(Message.id == first["id"]).values(lease_until=LATER))
    assert await resolve(database, "CA1", named=True) == [MessageState.QUEUED]  # the only call was the other's


async def test_two_calls_in_the_list_are_both_of_them(sqlite_database: Database) -> None:
    first, second = await two(sqlite_database, Medium.VOICE)
    await doubt(sqlite_database, first, second)
    assert await resolve(sqlite_database, "CA1", "CA2", named=True) == [MessageState.ACCEPTED, MessageState.ACCEPTED]


@pytest.mark.parametrize("since", [MessageState.FAILED, MessageState.QUEUED])
async def test_a_call_that_was_given_up_or_goes_again_may_be_the_one_in_the_list(
    database: Database, since: MessageState
) -> None:
    """Nobody was told the provider's name of it: it must not be taken for another's."""
    first, second = await two(database, Medium.VOICE, words=("The boiler.", "The fair."))
    await doubt(database, first, second)
    async with database.write() as session:
        await session.execute(sa.update(Message).where(Message.id == first["id"]).values(state=since))
    assert await resolve(database, "CA1", named=True) == [MessageState.UNKNOWN]


async def test_a_call_that_was_not_in_the_list_is_not_the_one_that_is_there_now(database: Database) -> None:
    first, second = await two(database, Medium.VOICE, words=("The boiler.", "The fair."))
    await doubt(database, first)
    assert await resolve(database, named=True) == [MessageState.QUEUED]
    [call] = await attempts(database, first["id"])
    assert (call.outcome, call.text) == (Outcome.RETRY, "The provider's list shows that it never took it.")
    await doubt(database, second)
    assert await resolve(database, "CA1", named=True) == [MessageState.ACCEPTED]
    [call] = await attempts(database, second["id"])
    assert (call.outcome, call.ref) == (Outcome.ACCEPTED, "CA1")


async def attempts(database: Database, message_id: str) -> Sequence[Attempt]:
    async with database.read() as session:
        return await school.attempts(session, message_id)


def moment(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


AWAY, UNSURE = Found.ABSENT, Found.CANNOT_TELL


@pytest.mark.parametrize(
    ("calls", "ours", "others", "is_ours"),
    [
        ({"A": 0}, [0], [], "A"),
        ({"A": 0}, [0], [0], UNSURE),
        ({"A": 0, "B": 1}, [0], [0.5], "A"),
        ({"A": 0, "B": 1}, [0.5], [0], "B"),
        ({"A": 0, "B": 60}, [60], [0], "B"),  # as many as were begun: in their order
        ({"B": 240}, [240], [0], "B"),  # the other began so long before that it cannot be this one
        ({"A": 0}, [240], [0], AWAY),  # made long before this one was begun, and by whom is known
        ({"A": 120}, [240], [0], UNSURE),  # made when nobody began one: the clock was set since
        ({"A": 0, "C": 250}, [240], [0, 249], UNSURE),  # C is the one or the other
        ({"A": 0, "B": 241, "C": 250}, [240], [0, 249], "B"),
        ({"A": 0, "B": 1, "C": 2}, [240], [0], UNSURE),  # more than anybody began
        ({"A": 0}, [240, 0], [], "A"),  # the first try of the same message
        ({"A": None}, [0], [300], UNSURE),
        ({"A": None, "B": None}, [300], [0], "B"),
    ],
)
def test_which_call_of_a_list_was_begun_when(
    calls: dict[str, float | None], ours: list[float], others: list[float], is_ours: str | Found
) -> None:
    listed = [(ref, None if made is None else moment(made)) for ref, made in calls.items()]
    longest = timedelta(seconds=100)
    seen = sweeping._this_one(
        listed, [moment(one) for one in ours], others=[moment(one) for one in others], longest=longest
    )
    assert (seen.refs[0] if seen.refs else seen.found) == is_ours


async def test_calls_that_nobody_calls_back_say_the_same_and_stand_for_one_another(sqlite_database: Database) -> None:
    first, second = await two(sqlite_database, Medium.VOICE)
    await doubt(sqlite_database, first, second)
    assert await resolve(sqlite_database, "CA1") == [MessageState.ACCEPTED, MessageState.QUEUED]


async def test_a_receipt_follows_the_text_that_was_taken_for_its_twin(database: Database) -> None:
    first, second = await two(database, Medium.SMS)
    await doubt(database, first, second)
    # In truth the provider took the second: the first has the proof now, and the second goes again.
    assert await resolve(database, "SM1", named=True) == [MessageState.ACCEPTED, MessageState.QUEUED]
    said = Receipt(second["id"], "SM1", ReceiptState.DELIVERED, "SM1:delivered", NOW, attempt=1)
    async with database.write() as session:
        assert await receipts.apply(session, said, log=LOG, now=LATER) == "changed"
    assert (await get(database, first["id"])).state is MessageState.DELIVERED
    assert (await get(database, second["id"])).state is MessageState.QUEUED, "nobody has had that one yet"
