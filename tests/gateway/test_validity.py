"""How long a message is worth delivering, and what the provider is told of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.desk import NOW, definition

from channels.base import Medium
from gateway import outgoing, planner, validity
from gateway.models import Message, MessageState, Purpose

LONDON = ZoneInfo("Europe/London")
HOUR = 3600


@pytest.mark.parametrize(
    ("purpose", "seconds"),
    [(Purpose.EMERGENCY, HOUR), (Purpose.SAFEGUARDING, 2 * HOUR), (Purpose.STATUTORY, 10 * HOUR),
     (Purpose.SERVICE, 10 * HOUR), (Purpose.GOOD_NEWS, 10 * HOUR)],
)  # fmt: skip
def test_the_provider_is_told_by_purpose(purpose: Purpose, seconds: int) -> None:
    assert validity.seconds(purpose, None, now=NOW) == seconds
    assert validity.seconds(purpose, NOW + timedelta(days=9), now=NOW) == seconds
    assert validity.seconds(purpose, NOW + timedelta(minutes=5), now=NOW) == 300


@given(st.sampled_from(Purpose), st.one_of(st.none(), st.timedeltas(timedelta(days=-9), timedelta(days=99))))
def test_it_is_what_twilio_takes_and_never_beyond_its_time(purpose: Purpose, left: timedelta | None) -> None:
    seconds = validity.seconds(purpose, None if left is None else NOW + left, now=NOW)
    assert 1 <= seconds <= 36_000
    assert left is None or seconds <= max(1.0, left.total_seconds())


def test_it_is_handed_to_the_channel() -> None:
    message = Message(
        id="m", medium=Medium.SMS, address="+447700900001", slot="s", purpose=Purpose.SAFEGUARDING, language="en",
        body="x", state=MessageState.SENDING, attempt=1, due_at=NOW, created_at=NOW, changed_at=NOW,
    )  # fmt: skip
    row = message.model_dump() | {"sender": "+441134960001"}
    built = outgoing.build(row, callback_url="", unsubscribe_url=str, now=NOW)
    assert built.valid_seconds == 2 * HOUR


@pytest.mark.parametrize(
    ("starts", "valid", "ends"),
    [
        ("2026-11-24T18:00:00", {}, datetime(2026, 11, 24, 18, 0, tzinfo=LONDON)),
        ("2026-11-24T18:00:00", {"for": "2h"}, NOW + timedelta(hours=2)),
        ("2026-11-20T18:00:00", {}, None),  # how it went may be told for ever
    ],
)
def test_a_reminder_is_worth_saying_until_the_event_begins(
    starts: str, valid: dict[str, str], ends: datetime | None
) -> None:
    reminder = definition(kind="event", event={"starts": starts}, valid=valid)
    assert planner.not_after(reminder, NOW, LONDON) == ends
