"""Every code of the provider's table, all the way down: message, contact point, lane and staff.

The expectations are written out here from the domain notes (section 3.9), independently of the tables in the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import col, select
from support import school
from support.desk import LOG, NOW
from support.desk import claim as claims
from support.desk import settle as settles

from channels import twilio_codes
from channels.base import Medium, Outcome, Reason, Receipt, ReceiptState, SendResult
from gateway import outbox, points, receipts, retry, senders, tasks
from gateway.database import Database
from gateway.models import ContactPoint, LineType, Message, MessageState, OptOut, PointState, Purpose, Sender

S, P, L = MessageState, PointState, LineType
FRESH, DOUBT, DEAD = P.UNPROVEN, P.DOUBTFUL, P.DEAD


class Effect(NamedTuple):
    """After one failure, by a receipt, of an ordinary text; ``later`` is the point's state after more days of it."""

    codes: str
    reason: str
    strikes: int = 0
    state: PointState = FRESH
    line: LineType = L.MOBILE
    held: bool = False
    task: str = ""
    again: float | None = None  #: hours until it goes once more
    stopped: bool = False
    days: int = 2
    later: PointState = FRESH


EFFECTS = [
    Effect("21211 21217 21401 21421", "bad_address", 1, DEAD, task="address", later=DEAD),
    Effect("21614 21635 30006", "no_texts", line=L.LANDLINE, task="landline"),
    Effect("30005 13224", "gone", 1, later=DEAD),
    Effect("30003 21214", "unreachable", again=3, days=3, later=DOUBT),
    Effect("30004 13225 21216", "blocked", 1, later=DOUBT),
    Effect("21610", "opted_out", task="stopped", stopped=True),
    Effect("30007", "filtered", task="wording"),
    Effect("30008 30017 30410 30009 408", "temporary", again=1 / 12),
    Effect("30001 21611 30022 20429 63038 429", "rate", held=True, again=1 / 4),
    Effect("14107", "rate", again=1 / 4),  # one number's trouble: nobody else waits for it
    Effect("30036", "expired"),
    Effect("21408 21612 30018 30024 21606 21212 21703 21704 13227 21215 407 401 403 404", "config", task="settings"),
    Effect("21617 21602 21654", "content", task="wording"),
    Effect("30002 20003 10001 20404", "auth", held=True, task="account"),
    Effect("30099 99999 12345", "other", task="unclassified"),
]
ROWS = [(code, effect) for effect in EFFECTS for code in effect.codes.split()]


@dataclass
class Desk:
    """A sender, a phone, and texts to it that fail by receipts."""

    database: Database
    sender: int
    run: int

    async def text(self, number: str = "+447700900101", **fields: Any) -> str:
        """A text on its way to this phone, which is on file from the first one on."""
        if await self.point(number) is None:
            return await school.message(
                self.database, self.sender, now=NOW, run=self.run, number=number, state=S.ACCEPTED, attempt=1, **fields
            )
        blank = {"id": school.ids.new_id(), "slot": school.ids.new_id(), "ref": "", "reason": "", "reason_text": ""}
        row = (await self.first(number)).model_dump() | blank | {"state": S.ACCEPTED} | fields
        await school.add(self.database, Message(**row))
        return str(row["id"])

    async def first(self, address: str) -> Message:
        async with self.database.read() as session:
            return (await session.scalars(select(Message).where(Message.address == address).limit(1))).one()

    async def fails(self, message_id: str, code: str, *, day: float = 0, reason: Reason | None = None) -> str:
        known = reason or twilio_codes.meaning(code).reason
        wide = twilio_codes.meaning(code).lane_wide
        event_id = school.ids.new_id()
        given = Receipt(message_id, "", ReceiptState.FAILED, event_id, NOW, known, code, 1, lane_wide=wide)
        async with self.database.write() as session:
            return await receipts.apply(session, given, log=LOG, now=NOW + timedelta(days=day))

    async def point(self, address: str = "+447700900101") -> ContactPoint | None:
        async with self.database.read() as session:
            return (await session.scalars(select(ContactPoint).where(ContactPoint.address == address))).one_or_none()

    async def message(self, message_id: str) -> Message:
        async with self.database.read() as session:
            return await session.get_one(Message, message_id)

    async def copies(self) -> list[Message]:
        async with self.database.read() as session:
            return list(await session.scalars(select(Message).where(col(Message.slot).endswith(":again"))))

    async def tasks(self) -> list[str]:
        async with self.database.read() as session:
            return [task.kind for task in await tasks.listed(session)]


@pytest.fixture
async def desk(sqlite_database: Database) -> Desk:
    sender = await school.sender(sqlite_database)
    return Desk(sqlite_database, sender, await school.run(sqlite_database, now=NOW))


def test_every_code_is_expected_here() -> None:
    assert set(twilio_codes.meanings()) <= {code for code, _ in ROWS}


@pytest.mark.parametrize(("code", "effect"), ROWS)
async def test_all_four_effects_of_a_code(desk: Desk, code: str, effect: Effect) -> None:
    message_id = await desk.text()
    assert await desk.fails(message_id, code) == "changed"
    assert await desk.fails(message_id, code) == "stale", "the same a second time counts once"
    message, point = await desk.message(message_id), await desk.point()
    assert (message.state, message.reason) == (S.FAILED, effect.reason)
    assert message.reason_text.endswith(".")
    assert point is not None
    assert (point.state, point.strikes, point.line_type) == (effect.state, effect.strikes, effect.line)
    async with desk.database.read() as session:
        sender = await session.get_one(Sender, desk.sender)
        stops = (await session.scalars(select(OptOut))).all()
        open_tasks = await tasks.listed(session)
    assert (sender.held_until is not None) == effect.held
    assert bool(stops) == effect.stopped
    assert [task.kind for task in open_tasks] == [effect.task] * bool(effect.task)
    assert [task.urgent for task in open_tasks] == [effect.task == "account"] * bool(effect.task)
    assert all("7700900101" not in task.what + task.cure for task in open_tasks)
    assert [copy.due_at - NOW for copy in await desk.copies()] == (
        [] if effect.again is None else [timedelta(hours=effect.again)]
    )


@pytest.mark.parametrize(("code", "effect"), ROWS)
async def test_days_of_it(desk: Desk, code: str, effect: Effect) -> None:
    for day in range(effect.days):
        for _ in range(2):  # two a day are one
            message_id = await desk.text(purpose=Purpose.EMERGENCY)  # worth an hour: no second try in three
            await desk.fails(message_id, code, day=day)
        point = await desk.point()
        assert point is not None
        if day + 1 < effect.days and effect.reason != "bad_address":
            assert point.state is FRESH
    assert point.state is effect.later
    if effect.later is not FRESH:
        assert "address" in await desk.tasks()


@pytest.mark.parametrize(("code", "days", "apart"), [("30005", 2, 14), ("30003", 3, 7), ("30004", 2, 14)])
async def test_strikes_are_forgotten_in_time(desk: Desk, code: str, days: int, apart: int) -> None:
    for number in range(days + 2):
        await desk.fails(await desk.text(purpose=Purpose.EMERGENCY), code, day=number * apart)
    point = await desk.point()
    assert point is not None
    assert (point.state, point.strikes < days) == (FRESH, True)


async def test_two_kinds_of_trouble_do_not_add_up(desk: Desk) -> None:
    for day, code in enumerate(["30005", "30003", "30004", "30003"]):
        await desk.fails(await desk.text(purpose=Purpose.EMERGENCY), code, day=day)
    point = await desk.point()
    assert point is not None
    assert point.state is FRESH


@settings(deadline=None, max_examples=300)
@given(st.sampled_from([*twilio_codes.meanings(), "30099", "", "garbage"]), st.sampled_from(Medium))
def test_what_passes_never_kills_and_our_faults_blame_nobody(code: str, medium: Medium) -> None:
    meaning = twilio_codes.meaning(code)
    rule = points.rule(medium, meaning.reason)
    if meaning.kind in ("transient", "capacity", "expired", "config", "template", "account", "ours", "unclassified"):
        assert rule is None or (medium is Medium.EMAIL and rule.then is not PointState.DEAD)
    if meaning.outcome is Outcome.RETRY:
        assert rule is None or rule.then is not PointState.DEAD
    if rule is not None and rule.then is PointState.DEAD:
        assert meaning.kind in ("bad number", "voice")


async def test_capacity_is_told_to_staff_in_an_emergency(desk: Desk) -> None:
    await desk.fails(await desk.text(purpose=Purpose.EMERGENCY, priority=0), "30001")
    assert await desk.tasks() == ["capacity"]


async def test_a_task_counts_up_and_names_the_run(desk: Desk) -> None:
    for number in range(3):
        await desk.fails(await desk.text(f"+44770090011{number}"), "30007")
    async with desk.database.read() as session:
        [task] = await tasks.listed(session)
    assert (task.subject, task.times) == (f"run:{desk.run}", 3)


async def test_a_text_goes_once_more_and_no_more(desk: Desk) -> None:
    message_id = await desk.text()
    await desk.fails(message_id, "30003")
    [copy] = await desk.copies()
    assert (copy.state, copy.address, copy.run_id, copy.only_if) == (
        S.QUEUED,
        "+447700900101",
        desk.run,
        "not_answered",
    )
    assert "tried once more" in (await desk.message(message_id)).reason_text
    await _went_out(desk, copy.id)
    await desk.fails(copy.id, "30003", day=0.2)
    assert len(await desk.copies()) == 1
    point = await desk.point()
    assert point is not None
    assert point.strikes == 1, "the strike comes with the second failure"


async def _went_out(desk: Desk, message_id: str) -> None:
    async with desk.database.write() as session:
        message = await session.get_one(Message, message_id)
        message.state, message.attempt = S.ACCEPTED, 1
        session.add(message)


async def test_a_late_truth_stops_the_second_copy(desk: Desk) -> None:
    message_id = await desk.text()
    await desk.fails(message_id, "30008")
    late = Receipt(message_id, "", ReceiptState.DELIVERED, "late", NOW, attempt=1)
    async with desk.database.write() as session:
        await receipts.apply(session, late, log=LOG, now=NOW)
    claim = await claims(desk.database, desk.sender, now=NOW + timedelta(hours=1))
    assert list(claim.messages) == []
    [copy] = await desk.copies()
    assert (copy.state, copy.reason) == (S.SKIPPED, "arrived")


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("30003", {"purpose": Purpose.SAFEGUARDING}),  # three hours late it says nothing of this morning any more
        ("30003", {"not_after": NOW + timedelta(hours=2)}),
        ("30008", {"not_after": NOW + timedelta(minutes=4)}),
        ("30036", {}),
        ("30005", {}),
        ("30008", {"medium": Medium.VOICE}),
    ],
)
async def test_what_is_not_worth_it_does_not_go_again(desk: Desk, code: str, fields: dict[str, Any]) -> None:
    await desk.fails(await desk.text(**fields), code)
    assert await desk.copies() == []


async def test_a_further_step_is_the_second_try(desk: Desk) -> None:
    message_id = await desk.text()
    point = await desk.point()
    await school.message(
        desk.database, desk.sender, now=NOW, run=desk.run, number="+447700900102", medium=Medium.VOICE, step=1
    )
    await desk.fails(message_id, "30003")
    assert await desk.copies() == []
    point = await desk.point()
    assert point is not None
    assert point.strikes == 1


@pytest.mark.parametrize(
    ("code", "held", "task", "state"),
    [
        ("21211", False, "address", DEAD),
        ("21614", False, "landline", FRESH),
        ("20003", True, "account", FRESH),
        ("21606", True, "settings", FRESH),
        ("21612", False, "settings", FRESH),
        ("20429", True, "", FRESH),
        ("21617", False, "wording", FRESH),
        ("21610", False, "stopped", FRESH),
        ("30008", False, "", FRESH),
    ],
)
async def test_said_at_once_it_has_the_same_effects(
    desk: Desk, code: str, held: bool, task: str, state: PointState
) -> None:
    message_id = await school.message(desk.database, desk.sender, now=NOW, run=desk.run, number="+447700900101")
    meaning = twilio_codes.meaning(code)
    claim = await claims(desk.database, desk.sender)
    result = SendResult(meaning.outcome, code=code, reason=meaning.reason, text="Because.", lane_wide=meaning.lane_wide)
    await settles(desk.database, [outbox.Sent(claim.messages[0], result)], policy=retry.Policy())
    point = await desk.point()
    assert point is not None
    assert point.state is state
    assert await desk.tasks() == [task] * bool(task)
    async with desk.database.read() as session:
        assert ((await session.get_one(Sender, desk.sender)).held_until is not None) == held
    after = S.QUEUED if meaning.outcome is Outcome.RETRY else S.FAILED
    assert (await desk.message(message_id)).state is after


async def test_the_end_of_a_hold_closes_no_task(desk: Desk) -> None:
    await desk.fails(await desk.text(), "30002")
    async with desk.database.write() as session:
        assert await senders.release(session, desk.sender, actor="Mrs Okafor", log=LOG, now=NOW)
    assert await desk.tasks() == ["account"]


async def test_a_number_that_takes_no_texts_is_still_called(desk: Desk) -> None:
    await desk.fails(await desk.text(), "30006")
    for medium in (Medium.SMS, Medium.VOICE):
        await desk.text(medium=medium, state=S.QUEUED, attempt=0, run_id=None)
    claim = await claims(desk.database, desk.sender)
    assert [row["medium"] for row in claim.messages] == [Medium.VOICE]
