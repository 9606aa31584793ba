"""The life of an event: invitation, answers, reminder, change, cancelling, thanks, and «sorry that we missed you»."""

from __future__ import annotations

import pytest
from support.evenings import Evening

from gateway.database import Database

MUM, DAD, AUNT, POLE = "+447700900101", "+447700900102", "+447700900103", "+447700900104"


@pytest.fixture
async def evening(sqlite_database: Database) -> Evening:
    return await Evening(sqlite_database).open()


async def test_each_household_is_asked_and_says_yes_no_or_nothing(evening: Evening) -> None:
    for number, child in ((MUM, "Ana"), (DAD, "Ben"), (AUNT, "Cai")):
        await evening.family(number, child)
    await evening.invite()
    [invited] = await evening.said(MUM)
    assert invited == (
        "Oakfield: you are invited. Parents' evening: Tuesday 8 December, 3:30pm, the hall.\n"
        "Reply 1 for coming or 2 for not coming."
    )
    await evening.answer(MUM, "1")
    await evening.answer(DAD, "Sorry, we can't come")
    assert await evening.states() == {"Ana": "coming", "Ben": "not_coming", "Cai": "invited"}
    assert (await evening.said(MUM))[1] == "Oakfield: thank you, we have your answer: coming."
    assert (await evening.said(DAD))[1] == "Oakfield: thank you, we have your answer: not coming."
