"""How long a doubt is looked into: looks that could not tell use up patience, those that could not be made do not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from sqlmodel import col
from support import desk, school
from support.desk import LOG, NOW

from channels.base import FindResult, Found, Medium, Outcome, SendResult
from gateway import outbox, retry, states, tasks
from gateway.database import Database
from gateway.models import Message, MessageState, Purpose


class Shorter(retry.Policy):
    """A whole day, with a look at each minute, shows no more than four hours do."""

    def longest(self, *, goes_again: bool) -> timedelta:
        return min(LONGEST, super().longest(goes_again=goes_again))


LONGEST = timedelta(hours=4)
POLICY = Shorter({medium: retry.Backoff(10, 100, 2) for medium in Medium})
CANNOT_TELL, NOT_NOW = FindResult(Found.CANNOT_TELL), FindResult(Found.NOT_NOW)
PHONE = "+447700900101"
PAUSE = timedelta(minutes=2)  #: the longest between two looks


async def doubtful(database: Database, *, purpose: Purpose = Purpose.SERVICE, count: int = 1) -> list[str]:
    """Texts with the same words to one phone, of which nobody can tell whether they went out; the second is claimed."""
    sender = await school.sender(database)
    ids = [await school.message(database, sender, now=NOW, purpose=purpose, number=PHONE) for _ in range(count)]
    rows = (await desk.claim(database, sender)).messages
    sent = [outbox.Sent(row, SendResult(Outcome.UNKNOWN)) for row in rows if row["id"] == ids[0]]
    assert await desk.settle(database, sent, policy=POLICY) == 1
    return ids


async def look(database: Database, found: FindResult) -> tuple[MessageState, datetime]:
    """Look at the only doubt when it is due. Gives its state afterwards, and when that was."""
    async with database.write() as session:
        query = sa.select(col(Message.lease_until)).where(col(Message.state) == MessageState.UNKNOWN)
        now = (await session.execute(query)).scalar_one()
        assert now is not None
        [doubt] = await outbox.doubts(session, now=now)
        return await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=now), now


async def ends(database: Database, answers: Iterator[FindResult]) -> tuple[MessageState, datetime, FindResult]:
    """Look again and again until it is decided. Gives how and when, and which look did it."""
    for found in answers:
        state, now = await look(database, found)
        if state is not MessageState.UNKNOWN:
            return state, now, found
    raise AssertionError("the answers came to an end before the doubt did")


def always(*found: FindResult, times: int = 2000) -> Iterator[FindResult]:
    for _ in range(times):
        yield from found


async def test_a_provider_that_could_not_be_asked_for_hours_is_asked_when_it_is_back(database: Database) -> None:
    await doubtful(database)
    now = NOW
    while now < NOW + timedelta(hours=3):
        state, now = await look(database, NOT_NOW)
        assert state is MessageState.UNKNOWN
    back = now
    state, now = await look(database, CANNOT_TELL)
    assert state is MessageState.UNKNOWN, "the first look that was made does not decide at once"
    state, now, _ = await ends(database, always(CANNOT_TELL))
    assert state is MessageState.FAILED
    assert POLICY.patience <= now - back <= POLICY.patience + 2 * PAUSE


async def test_one_that_waits_for_its_look_alike_loses_no_patience(database: Database) -> None:
    """The other one is under way all the while (its lane stands still, say), and has what is seen by all appearance."""
    first, second = await doubtful(database, count=2)
    now = NOW
    while now < NOW + 1.5 * POLICY.patience:
        state, now = await look(database, FindResult(Found.HERE, ("SM1",)))
        assert state is MessageState.UNKNOWN
    async with database.write() as session:
        values = {"state": MessageState.ACCEPTED, "ref": "SM1"}
        await session.execute(sa.update(Message).where(col(Message.id) == second).values(values))
    state, _ = await look(database, CANNOT_TELL)
    assert state is MessageState.UNKNOWN
    state, _ = await look(database, FindResult(Found.HERE, ("SM1", "SM2")))
    assert state is MessageState.ACCEPTED
    async with database.read() as session:
        assert (await session.get_one(Message, first)).ref == "SM2"


@pytest.mark.parametrize(
    ("purpose", "longest", "after"),
    [
        (Purpose.SERVICE, LONGEST, MessageState.FAILED),
        (Purpose.SAFEGUARDING, timedelta(hours=1), MessageState.QUEUED),
    ],
)
async def test_a_provider_that_can_never_be_asked_is_given_up(
    database: Database, purpose: Purpose, longest: timedelta, after: MessageState
) -> None:
    [one] = await doubtful(database, purpose=purpose)
    state, now, _ = await ends(database, always(NOT_NOW))
    assert state is after
    assert longest <= now - NOW <= longest + PAUSE
    async with database.read() as session:
        row = await session.get_one(Message, one)
        asked = [(task.kind, task.subject) for task in await tasks.listed(session)]
    if after is MessageState.FAILED:
        assert row.reason == states.IN_DOUBT
        assert "could not be asked" in row.reason_text
    assert asked == ([("in_doubt", f"message:{one}")] if after is MessageState.FAILED else [])


async def test_a_second_doubt_about_the_same_message_has_patience_of_its_own(database: Database) -> None:
    sender = await school.sender(database)
    await school.message(database, sender, now=NOW, purpose=Purpose.EMERGENCY)
    now = NOW
    for _ in range(2):
        [row] = (await desk.claim(database, sender, now=now)).messages
        await desk.settle(database, [outbox.Sent(row, SendResult(Outcome.UNKNOWN))], policy=POLICY, now=now)
        for _ in range(20):
            _, now = await look(database, NOT_NOW)
        began = now
        state, now, _ = await ends(database, always(CANNOT_TELL))
        assert state is MessageState.QUEUED
        assert POLICY.patience <= now - began <= POLICY.patience + 2 * PAUSE


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_the_looks_say_patience_is_the_time_of_those_that_could_not_tell(
    sqlite_database: Database, seed: int
) -> None:
    """Given up by a look that could not tell, once such looks have lasted as long as patience does, and never before;
    or by one that could not be made, once the longest has passed.
    """
    dice = Random(seed)
    share = dice.choice([0.0, 0.1, 0.5, 0.9, 1.0])
    purpose = dice.choice([Purpose.SERVICE, Purpose.EMERGENCY])
    await doubtful(sqlite_database, purpose=purpose)
    longest = POLICY.longest(goes_again=purpose.goes_again_in_doubt)
    used, before, last = timedelta(0), NOW + POLICY.grace, CANNOT_TELL
    while True:
        found = NOT_NOW if dice.random() < share else CANNOT_TELL
        state, now = await look(sqlite_database, found)
        assert now - before <= PAUSE
        used += (now - before) if last is CANNOT_TELL else timedelta(0)
        over = used >= POLICY.patience if found is CANNOT_TELL else now - NOW >= longest
        assert (state is not MessageState.UNKNOWN) is over
        if over:
            break
        before, last = now, found
    assert now - NOW <= longest + POLICY.grace + POLICY.patience + PAUSE
