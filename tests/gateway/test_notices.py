"""Notices on real databases: submitted, approved, planned once however many planners there are, cancelled."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select
from support import school
from support.desk import NOW, Clock, definition, gateway

from channels.base import Medium
from gateway import audit, context, errors, guard, notices, outbox, tokens
from gateway import messages as core_messages
from gateway.accounts import signatures
from gateway.database import Database
from gateway.models import (
    About,
    CampaignFiring,
    Message,
    MessageState,
    Notice,
    NoticeState,
    Pupil,
    Run,
    SchoolEvent,
    Sender,
)

MUM = "+447700900001"


async def family(database: Database, *phones: str) -> None:
    """A child whose mother has these phones, and a number to text and call from."""
    child = await school.pupil(database)
    mother = await school.contact(database, "Maria")
    await school.tie(database, child, mother, priority=1, parental_responsibility=True)
    for rank, phone in enumerate(phones or (MUM,), 1):
        await school.point(database, mother, phone, rank=rank)
    await school.sender(database)
    await school.sender(database, medium=Medium.VOICE, channel="twilio-voice")


async def submit(desk: context.Gateway, *, author: str = "office", **changes: Any) -> Notice:
    async with desk.database.write() as session:
        return await notices.submit(session, desk, definition(**changes), author=author)


async def plan(desk: context.Gateway) -> list[str]:
    """Plan whatever is due, as the daemon does."""
    planned = []
    while True:
        async with desk.database.write_here() as session:
            if (one := await notices.plan_due(session, desk)) is None:
                return planned
        planned.append(one)


async def messages(database: Database) -> list[Message]:
    async with database.read() as session:
        return list(await session.scalars(select(Message).order_by(col(Message.id))))


async def get(database: Database, notice: Notice) -> Notice:
    async with database.read() as session:
        return await session.get_one(Notice, notice.id)


async def actions(database: Database, notice: Notice) -> list[str]:
    async with database.read() as session:
        return [line.action for line in reversed(await audit.lines_about(session, f"notice:{notice.id}"))]


async def test_a_notice_goes_at_once(database: Database) -> None:
    await family(database)
    desk = gateway(database)
    notice = await submit(desk)
    assert await plan(desk) == [notice.id]
    [message] = await messages(database)
    assert (message.address, message.state, message.due_at) == (MUM, MessageState.QUEUED, NOW)
    assert message.body == "Oakfield: The book fair is on Friday for Ana."
    assert (await get(database, notice)).state is NoticeState.DONE
    assert await plan(desk) == []
    async with database.read() as session:
        assert len((await session.scalars(select(About))).all()) == 1
        assert await notices.tally(session, notice) == {("sms", MessageState.QUEUED, ""): 1}
        [line] = [one for one in await audit.lines_about(session) if one.action == "notice.planned"]
    assert "book fair" not in line.body
    assert MUM not in line.body
    assert await actions(database, notice) == ["notice.submitted", "notice.planned"]


async def test_the_preview_is_what_is_sent_and_writes_nothing(database: Database) -> None:
    await family(database)
    desk = gateway(database)
    async with database.read() as session:
        seen = await notices.preview(session, desk, definition())
    assert await messages(database) == []
    await submit(desk)
    await plan(desk)
    [message] = await messages(database)
    [row] = seen.rows
    assert (row.message.slot, row.message.body, row.message.pence) == (message.slot, message.body, message.pence)


async def test_a_stored_ladder_can_be_planned(database: Database) -> None:
    """Waiting times, local times and dates in a text must survive the database."""
    await family(database)
    desk = gateway(database)
    steps = [{"media": ["sms"]}, {"media": ["voice"], "after": "1h30m"}]
    text = {"en": "The fair is on {day}."}
    await submit(desk, media=[], ladder=steps, valid={"for": "12h"}, text=text, values={"day": "2026-12-04"})
    assert len(await plan(desk)) == 1
    first, second = await messages(database)
    assert second.due_at - first.due_at == timedelta(minutes=90)
    assert second.not_after == NOW + timedelta(hours=12)
    assert "4 December" in first.body


async def test_the_same_key_is_refused(database: Database) -> None:
    await family(database)
    desk = gateway(database)
    await submit(desk)
    with pytest.raises(errors.Conflict, match="“fair”"):
        await submit(desk)


async def test_two_who_submit_the_same_key_at_once(database: Database) -> None:
    await family(database)
    desk = gateway(database)
    answers = await asyncio.gather(submit(desk), submit(desk), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "Notice"]


async def test_a_notice_for_nobody_is_refused(sqlite_database: Database) -> None:
    desk = gateway(sqlite_database)
    with pytest.raises(errors.BadDefinition, match="nobody in this audience"):
        await submit(desk)
    with pytest.raises(errors.BadDefinition, match="“3A”"):
        await submit(desk, audience={"forms": ["3A"]})
    await school.pupil(sqlite_database)
    with pytest.raises(errors.BadDefinition, match="Nobody is on file who may be told"):
        await submit(desk)
    assert await plan(desk) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"schedule": {"at": "2026-11-23T08:59:00"}}, "gone by"),
        ({"schedule": {"cron": "0 7 * * *", "until": "2026-11-23T09:30:00"}}, "never fires"),
        ({"valid": {"until": "2026-11-23T08:00:00"}}, "over before"),
        ({"schedule": {"at": "2026-11-24T09:00:00"}, "valid": {"until": "2026-11-24T08:00:00"}}, "over before"),
        ({"text": {"en": "Hello {nobody_fills_this}"}}, "nobody fills"),
        ({"text": {"en": "x" * 2000}}, "6 is the most"),
    ],
)
async def test_what_cannot_work_is_refused_and_nothing_is_written(
    sqlite_database: Database, changes: dict[str, Any], what: str
) -> None:
    await family(sqlite_database)
    with pytest.raises(errors.BadDefinition, match=what):
        await submit(gateway(sqlite_database), **changes)
    async with sqlite_database.read() as session:
        assert (await session.scalars(select(Notice))).all() == []


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-12-01T07:00:00", datetime(2026, 12, 1, 7, tzinfo=UTC)),
        ("2027-06-01T07:00:00", datetime(2027, 6, 1, 6, tzinfo=UTC)),
        ("2027-03-28T01:30:00", datetime(2027, 3, 28, 1, tzinfo=UTC)),  # no clock shows it
    ],
)
async def test_a_time_is_the_schools_own(sqlite_database: Database, local: str, utc: datetime) -> None:
    await family(sqlite_database)
    clock = Clock()
    desk = gateway(sqlite_database, clock)
    await submit(desk, schedule={"at": local}, purpose="emergency")  # some of these are in quiet hours
    assert await plan(desk) == []
    clock.now = utc - timedelta(seconds=1)
    assert await plan(desk) == []
    clock.now = utc
    assert len(await plan(desk)) == 1
    [message] = await messages(sqlite_database)
    assert message.due_at == utc


async def test_what_waits_for_approval(database: Database) -> None:
    await family(database)
    desk = gateway(database)
    notice = await submit(desk, author="Office", approval={"required": True})
    await plan(desk)
    assert [message.state for message in await messages(database)] == [MessageState.HELD]
    with pytest.raises(errors.Conflict, match="somebody else"):
        async with database.write() as session:
            await notices.approve(session, desk, "fair", approver=" office ")
    assert [message.state for message in await messages(database)] == [MessageState.HELD]
    async with database.write() as session:
        await notices.approve(session, desk, "fair", approver="Head")
    assert [message.state for message in await messages(database)] == [MessageState.QUEUED]
    stored = await get(database, notice)
    assert (stored.state, stored.approver, stored.approved_at) == (NoticeState.DONE, "Head", NOW)
    assert await actions(database, notice) == ["notice.submitted", "notice.planned", "notice.approved"]
    with pytest.raises(errors.Conflict, match="does not wait"):
        async with database.write() as session:
            await notices.approve(session, desk, "fair", approver="Deputy")


@pytest.mark.parametrize(
    ("author", "approver", "why"),
    [
        ("office:Jo Whitfield", "office:Jo Whitfield", "somebody else must"),
        ("office:Jo Whitfield", "office:jo  whitfield ", "somebody else must"),
        ("office:Jo Whitfield", "JO WHITFIELD", "somebody else must"),  # at the keyboard
        ("office:Jo Whitfield", "api:her own", "a program is no second person"),
        ("api:timetable", "api:timetable", "somebody else must"),
        ("office:Jo Whitfield", "office:Mr Reilly", ""),
        ("office:Jo Whitfield", "Mr Reilly", ""),
        ("api:timetable", "office:Mr Reilly", ""),
        ("api:timetable", "api:another", ""),
    ],
)
def test_a_second_person_is_another_person(author: str, approver: str, why: str) -> None:
    assert why in signatures.objection(approver, author)
    assert bool(signatures.objection(approver, author)) is bool(why)


async def test_a_program_is_no_second_person_for_whoever_made_its_token(sqlite_database: Database) -> None:
    await family(sqlite_database)
    desk = gateway(sqlite_database)
    async with sqlite_database.write() as session:
        made = {"timetable": "office:Jo Whitfield", "rota": "Jo Whitfield", "library": "office:Mr Reilly"}
        for name, maker in made.items():
            await tokens.create(session, name, log=desk.log, now=NOW, actor=maker)
    await submit(desk, author="api:timetable", approval={"required": True})
    with pytest.raises(errors.Conflict, match="the token that somebody made"):
        async with sqlite_database.write() as session:
            await notices.approve(session, desk, "fair", approver="office:jo whitfield")
    with pytest.raises(errors.Conflict, match="the token that somebody made"):
        async with sqlite_database.write() as session:
            await notices.approve(session, desk, "fair", approver="api:rota")
    async with sqlite_database.write() as session:
        await notices.approve(session, desk, "fair", approver="api:library")
    await submit(desk, key="trip", author="Jo Whitfield", approval={"required": True})
    with pytest.raises(errors.Conflict, match="the token that somebody made"):
        async with sqlite_database.write() as session:
            await notices.approve(session, desk, "trip", approver="api:timetable")


async def test_more_children_than_the_school_allows_wait_for_a_second_person(sqlite_database: Database) -> None:
    for number in range(3):
        await family(sqlite_database, f"+44770090000{number}")
    made = gateway(sqlite_database)
    staff = made.settings.staff.model_copy(update={"second_person_over": 2})
    desk = replace(made, settings=made.settings.model_copy(update={"staff": staff}))
    held = await submit(desk, author="office:Jo Whitfield", audience={"whole_school": True})
    assert held.state is NoticeState.HELD
    assert held.definition["approval"] == {"required": True}, "whoever looks at it later sees why it waits"
    await plan(desk)
    assert {message.state for message in await messages(sqlite_database)} == {MessageState.HELD}
    with pytest.raises(errors.Conflict, match="somebody else must approve it"):
        async with sqlite_database.write() as session:
            await notices.approve(session, desk, "fair", approver="office:Jo Whitfield")
    async with sqlite_database.write() as session:
        await notices.approve(session, desk, "fair", approver="office:Mr Reilly")
    assert {message.state for message in await messages(sqlite_database)} == {MessageState.QUEUED}
    free = gateway(sqlite_database)
    assert (await submit(free, key="free", audience={"whole_school": True})).state is NoticeState.SCHEDULED
    async with sqlite_database.read() as session:
        [leaver, *_] = (await session.scalars(select(Pupil.source_id))).all()
    few = await submit(desk, key="few", audience={"whole_school": True, "but_not": {"pupils": [leaver]}})
    assert few.state is NoticeState.SCHEDULED
    urgent = await submit(desk, key="urgent", purpose="emergency", audience={"whole_school": True})
    assert urgent.state is NoticeState.SCHEDULED, "an alarm has a setting of its own"


async def test_approved_before_it_is_due(sqlite_database: Database) -> None:
    await family(sqlite_database)
    clock = Clock()
    desk = gateway(sqlite_database, clock)
    await submit(desk, approval={"required": True}, schedule={"at": "2026-11-23T10:00:00"})
    async with sqlite_database.write() as session:
        await notices.approve(session, desk, "fair", approver="Head")
    clock.pass_(hours=2)
    assert len(await plan(desk)) == 1
    assert [message.state for message in await messages(sqlite_database)] == [MessageState.QUEUED]


async def test_cancelling(database: Database) -> None:
    await family(database)
    desk = gateway(database)
    event = {"starts": "2026-12-03T17:30:00", "place": "Hall"}
    notice = await submit(desk, kind="event", event=event)
    await plan(desk)
    async with database.write() as session:
        assert await notices.cancel(session, desk, notice.id, actor="office") == 1
    assert [message.state for message in await messages(database)] == [MessageState.CANCELLED]
    assert (await get(database, notice)).state is NoticeState.CANCELLED
    async with database.read() as session:
        [happening] = (await session.scalars(select(SchoolEvent))).all()
    assert happening.cancelled_at == NOW
    with pytest.raises(errors.Conflict, match="already"):
        async with database.write() as session:
            await notices.cancel(session, desk, "fair", actor="office")
    assert (await actions(database, notice))[-1] == "notice.cancelled"


async def test_a_cancelled_notice_never_fires(sqlite_database: Database) -> None:
    await family(sqlite_database)
    clock = Clock()
    desk = gateway(sqlite_database, clock)
    await submit(desk, schedule={"cron": "0 10 * * *"})
    async with sqlite_database.write() as session:
        assert await notices.cancel(session, desk, "fair", actor="office") == 0
    clock.pass_(days=3)
    assert await plan(desk) == []


async def test_what_there_is_not(sqlite_database: Database) -> None:
    desk = gateway(sqlite_database)
    for deed in (
        lambda session: notices.find(session, "x"),
        lambda session: notices.approve(session, desk, "x", approver="Head"),
        lambda session: notices.cancel(session, desk, "x", actor="Head"),
    ):
        with pytest.raises(errors.NotFound, match="“x”"):
            async with sqlite_database.write() as session:
                await deed(session)


async def test_cron_fires_each_time_once_though_two_plan_at_once(database: Database) -> None:
    await family(database)
    clock = Clock()
    desk, other = gateway(database, clock), gateway(Database(database.url.render_as_string(False)), clock)
    try:
        notice = await submit(desk, schedule={"cron": "0 10 * * *", "until": "2026-11-25T23:00:00"})
        for _ in range(5):
            clock.pass_(hours=1)
            await asyncio.gather(plan(desk), plan(other), plan(desk), plan(other))
            clock.pass_(hours=23)
    finally:
        await other.database.close()
    async with database.read() as session:
        fired = [run.fire_at for run in await session.scalars(select(Run).order_by(col(Run.fire_at)))]
    assert fired == [datetime(2026, 11, day, 10, tzinfo=UTC) for day in (23, 24, 25)]
    assert len(await messages(database)) == 3
    assert (await get(database, notice)).state is NoticeState.DONE


async def test_what_was_missed_and_is_no_longer_true_is_written_down_and_not_sent(database: Database) -> None:
    await family(database)
    clock = Clock()
    desk = gateway(database, clock)
    notice = await submit(desk, schedule={"cron": "0 10 * * *"}, valid={"for": "2h"})
    clock.pass_(days=4)  # the machine was off; it is nine o'clock, and the last of the missed ones is long over
    assert len(await plan(desk)) == 1
    assert await messages(database) == []
    async with database.read() as session:
        rows = await session.scalars(select(CampaignFiring).order_by(col(CampaignFiring.fire_at)))
        assert [(row.outcome, row.count, row.fire_at.day) for row in rows] == [("missed", 3, 25), ("missed", 1, 26)]
    assert (await get(database, notice)).next_fire_at == clock.now + timedelta(hours=1)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"text": {"en": "Hello {blank}"}},  # words that cannot be made any more
        {"media": ["carrier pigeon"]},  # stored by a version that is not ours
        {"values": {"children": [1]}, "text": {"en": 5}},
    ],
)
async def test_a_broken_notice_leaves_nothing_half_done_and_stops_no_other(
    database: Database, spoiled: dict[str, Any]
) -> None:
    await family(database)
    clock = Clock()
    desk = gateway(database, clock)
    bad = await submit(desk, key="bad", schedule={"cron": "0 10 * * *"})
    good = await submit(desk, key="good", schedule={"at": "2026-11-23T10:30:00"})
    async with database.write() as session:
        stored = await session.get_one(Notice, bad.id)
        stored.definition = {**stored.definition, **spoiled}
    clock.pass_(hours=2)
    assert await plan(desk) == [bad.id, good.id]
    broken = await get(database, bad)
    assert (broken.state, broken.next_fire_at) == (NoticeState.BROKEN, None)
    assert broken.trouble
    assert (await get(database, good)).state is NoticeState.DONE
    async with database.read() as session:
        assert await notices.run_ids(session, bad) == []
    assert len(await messages(database)) == 1
    assert (await actions(database, bad))[-1] == "notice.broken"
    clock.pass_(days=2)
    assert await plan(desk) == []


async def test_a_plan_that_fails_while_it_is_written_leaves_nothing(database: Database) -> None:
    """Ids come in from outside: one that comes twice is refused by the database after the run is already written."""
    await family(database)
    await family(database, "+447700900002")
    desk = gateway(database)
    notice = await submit(desk)
    clumsy = context.Gateway(
        settings=desk.settings, database=database, log=desk.log, secret=desk.secret, channels={}, now=desk.now,
        new_id=lambda: "always-the-same",
    )  # fmt: skip
    assert await plan(clumsy) == [notice.id] * 5, "an import may have been in the way: it looks again, but not for ever"
    assert await messages(database) == []
    async with database.read() as session:
        assert (await session.scalars(select(Run))).all() == []
    broken = await get(database, notice)
    assert broken.state is NoticeState.BROKEN
    assert "IntegrityError" in broken.trouble
    assert MUM not in broken.trouble


async def test_a_form_that_is_gone_is_written_down_when_it_fires(sqlite_database: Database) -> None:
    child = await school.pupil(sqlite_database, year="3", form="3A")
    mother = await school.contact(sqlite_database)
    await school.tie(sqlite_database, child, mother, parental_responsibility=True)
    clock = Clock()
    desk = gateway(sqlite_database, clock)
    notice = await submit(desk, audience={"forms": ["3A"]}, schedule={"cron": "0 10 * * *"})
    async with sqlite_database.write() as session:
        (await session.get_one(school.Pupil, child)).form = "4A"
    clock.pass_(hours=1)
    await plan(desk)
    stored = await get(sqlite_database, notice)
    assert "“3A”" in stored.trouble
    assert stored.state is NoticeState.SCHEDULED


async def test_a_later_step_spares_everybody_whom_a_shared_phone_reached(database: Database) -> None:
    """The mother's text was merged into the father's; it arrived; her own landline must not ring about it."""
    child = await school.pupil(database)
    for name, phones in (("Ivan", [MUM]), ("Maria", ["+442079460009", MUM])):
        contact = await school.contact(database, name)
        await school.tie(database, child, contact, parental_responsibility=True)
        for rank, phone in enumerate(phones, 1):
            line = school.LineType.LANDLINE if phone.startswith("+4420") else school.LineType.MOBILE
            await school.point(database, contact, phone, rank=rank, line_type=line)
    await school.sender(database)
    await school.sender(database, medium=Medium.VOICE, channel="twilio-voice")
    clock = Clock()
    desk = gateway(database, clock)
    await submit(desk, media=[], ladder=[{"media": ["sms"]}, {"media": ["voice"], "after": "20m"}])
    await plan(desk)
    rows = {(row.medium, row.address, row.reason): row for row in await messages(database)}
    text = rows[Medium.SMS, MUM, ""]
    calls = [row for row in rows.values() if row.medium is Medium.VOICE and row.state is MessageState.QUEUED]
    assert {call.address for call in calls} == {MUM, "+442079460009"}
    async with database.write() as session:
        for state in (MessageState.SENDING, MessageState.DELIVERED):
            await outbox.change(session, text.id, state, now=NOW)
        due = [row.model_dump() for row in calls]
        stopped = await (await session.connection()).run_sync(guard.stopped, due, today=desk.today(), now=clock())
    assert {stop.reason for stop in stopped.values()} == {"reached"}
    assert len(stopped) == 2


async def test_of_missed_firings_the_latest_is_made_up(database: Database) -> None:
    await family(database)
    clock = Clock()
    desk = gateway(database, clock)
    notice = await submit(desk, schedule={"cron": "0 10 * * *"}, valid={"for": "2h"})
    clock.now = NOW + timedelta(days=4, hours=2)  # four mornings were missed; today's is still worth saying
    assert await plan(desk) == [notice.id]
    [message] = await messages(database)
    async with database.read() as session:
        [run] = await session.scalars(select(Run))
    assert clock.now - run.fire_at < timedelta(hours=2)
    assert message.not_after is not None
    assert message.not_after > clock.now
    assert (await get(database, notice)).next_fire_at == run.fire_at + timedelta(days=1)


async def test_approving_a_repeating_notice_sends_its_latest_run_only(database: Database) -> None:
    await family(database)
    clock = Clock()
    desk = gateway(database, clock)
    notice = await submit(desk, schedule={"cron": "0 10 * * *"}, approval={"required": True})
    clock.now += timedelta(hours=1)
    for _ in range(3):
        await plan(desk)
        clock.now += timedelta(days=1)
    async with database.write() as session:
        await notices.approve(session, desk, notice.key, approver="head")
    states = [message.state for message in await messages(database)]
    assert states == [MessageState.EXPIRED, MessageState.EXPIRED, MessageState.QUEUED]


async def test_a_late_start_keeps_the_steps_of_the_ladder_apart(database: Database) -> None:
    await family(database)
    clock = Clock()
    desk = gateway(database, clock)
    steps = [{"media": ["sms"]}, {"media": ["voice"], "after": "30m"}]
    await submit(desk, media=[], ladder=steps, schedule={"at": "2026-11-23T12:00:00"})
    clock.now = NOW + timedelta(days=1)
    await plan(desk)
    first, second = await messages(database)
    assert (first.due_at, second.due_at) == (clock.now, clock.now + timedelta(minutes=30))


async def test_sending_again_takes_an_active_sender_and_respects_a_cancel(database: Database) -> None:
    await family(database)
    desk = gateway(database)
    notice = await submit(desk)
    await plan(desk)
    [message] = await messages(database)
    other = await school.sender(database)
    async with database.write() as session:
        await session.execute(sa.update(Message).values(state=MessageState.FAILED))
        await session.execute(sa.update(Sender).where(col(Sender.id) == message.sender_id).values(active=False))
    async with database.write() as session:
        copy = await core_messages.again(session, desk, message.id, actor="office")
        assert copy.sender_id == other
        await session.rollback()
    async with database.write() as session:
        await notices.cancel(session, desk, notice.key, actor="office")
    with pytest.raises(errors.Conflict, match="cancelled"):
        async with database.write() as session:
            await core_messages.again(session, desk, message.id, actor="office")
