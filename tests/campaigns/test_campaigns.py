"""Campaigns on real databases: each firing happens once, what was missed is made up once if it is still true."""

from __future__ import annotations

import asyncio
import multiprocessing
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlmodel import col, select
from support import desk, school

from gateway import context, errors, firing, notices, tasks
from gateway.calendars import book, document, schooldays
from gateway.calendars import deeds as calendar_deeds
from gateway.campaigns import deeds, rearranging, views
from gateway.database import Database, Session
from gateway.doctor import school as doctor
from gateway.events import changes as event_changes
from gateway.models import CampaignFiring, Message, Notice, NoticeState, Run

NOW = desk.NOW  # Monday 23 November 2026, nine o'clock
DAILY = {"cron": "0 10 * * *", "school_days": "skip"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def opened(database: Database, clock: desk.Clock | None = None) -> context.Gateway:
    """A gateway, a family, and a calendar whose autumn term ends on Friday 18 December."""
    child = await school.pupil(database, year="R", form="RA")
    mother = await school.contact(database, "Maria")
    await school.tie(database, child, mother, priority=1, parental_responsibility=True)
    await school.point(database, mother, "+447700900001")
    await school.sender(database)
    gateway = desk.gateway(database, clock or desk.Clock())
    await put(gateway, terms=[("Autumn, second half", date(2026, 11, 2), date(2026, 12, 18))])
    return gateway


async def put(gateway: context.Gateway, *, terms: list[tuple[str, date, date]], **more: Any) -> None:
    usual = schooldays.read(None).plain()
    listed = [{"name": name, "first": first, "last": last} for name, first, last in terms]
    wanted = document.Calendar.model_validate(usual | {"terms": listed} | more)
    async with gateway.database.write() as session:
        await calendar_deeds.put(session, wanted, by="office", log=desk.LOG, now=gateway.now())
        await rearranging.rearrange(session, gateway)


async def submit(gateway: context.Gateway, schedule: dict[str, Any], **changes: Any) -> Notice:
    wanted = desk.definition(text={"en": "A word from school."}, schedule=schedule, **changes)
    async with gateway.database.write() as session:
        return await notices.submit(session, gateway, wanted, author="office")


async def plan(gateway: context.Gateway) -> None:
    while True:
        async with gateway.database.write_here() as session:
            if await notices.plan_due(session, gateway) is None:
                return


async def close(gateway: context.Gateway, day: date, *, school_name: str = "") -> int:
    async with gateway.database.write() as session:
        made = await calendar_deeds.close(
            session, day, day, why="snow", school=school_name, by="office", log=desk.LOG, now=gateway.now()
        )
        await rearranging.rearrange(session, gateway)
        assert made.id
        return made.id


async def firings(database: Database) -> list[tuple[str, str, int]]:
    async with database.read() as session:
        rows = await session.scalars(select(CampaignFiring).order_by(col(CampaignFiring.fire_at)))
        return [(row.outcome, f"{row.fire_at:%d %H:%M}", row.count) for row in rows]


async def sent(database: Database) -> list[str]:
    async with database.read() as session:
        query = select(Run.fire_at).join(Message, col(Message.run_id) == col(Run.id)).order_by(col(Run.fire_at))
        return [f"{at:%d %H:%M}" for at in await session.scalars(query)]


async def get(database: Database, notice: Notice) -> Notice:
    async with database.read() as session:
        return await session.get_one(Notice, notice.id)


async def lines(database: Database, gateway: context.Gateway, notice: Notice, day: date) -> str:
    async with database.read() as session:
        said = await views.explain(session, gateway, notice, datetime(day.year, day.month, day.day))  # noqa: DTZ001
    return " ".join(said)


async def test_what_was_missed_is_made_up_once_where_it_is_true_and_else_written_down(database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(database, clock)
    notice = await submit(gateway, DAILY)
    clock.now = utc("2026-11-26T15:00")  # nobody was there from Monday to Thursday afternoon
    await plan(gateway)
    await plan(gateway)
    assert await firings(database) == [("missed", "25 10:00", 3), ("made_up", "26 10:00", 1)]
    assert await sent(database) == ["26 10:00"]
    clock.now = utc("2026-11-28T00:30")  # Friday's is over: it spoke of Friday
    await plan(gateway)
    assert (await firings(database))[-1] == ("missed", "27 10:00", 1)
    assert await sent(database) == ["26 10:00"]
    assert (await get(database, notice)).next_fire_at == utc("2026-11-30T10:00")
    assert "did not go out: its time had gone by" in await lines(database, gateway, notice, date(2026, 11, 27))


async def test_what_could_leave_only_when_it_is_not_true_any_more_is_not_made_up(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    notice = await submit(gateway, DAILY)
    clock.now = utc("2026-11-23T21:00")  # in the quiet hours: it would leave on Tuesday, and speak of Monday
    await plan(gateway)
    assert await firings(sqlite_database) == [("missed", "23 10:00", 1)]
    assert "it would not be true any more" in await lines(sqlite_database, gateway, notice, date(2026, 11, 23))


async def test_the_calendar_may_say_the_quiet_hours(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    await submit(gateway, {"cron": "0 17 * * *"})
    hours = {"starts": "16:30:00", "ends": "08:15:00", "days": [5, 6]}
    await put(gateway, terms=[("Autumn", date(2026, 11, 2), date(2026, 12, 18))], quiet=hours)
    clock.now = utc("2026-11-27T17:00")  # a Friday
    await plan(gateway)
    async with sqlite_database.read() as session:
        [due] = await session.scalars(select(Message.due_at))
    assert due == utc("2026-11-30T08:15")
    with pytest.raises(ValueError, match="leave one that is not"):
        document.Quiet.model_validate(hours | {"days": range(7)})


async def test_what_nobody_approved_did_not_go_out(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    notice = await submit(gateway, DAILY, approval={"required": True})
    clock.now = utc("2026-11-23T10:00")
    await plan(gateway)
    monday = date(2026, 11, 23)
    assert "10:00, and waits for approval." in await lines(sqlite_database, gateway, notice, monday)
    clock.now = utc("2026-11-24T10:00")
    await plan(gateway)
    assert "10:00, and nobody got anything" in await lines(sqlite_database, gateway, notice, monday)
    async with sqlite_database.write() as session:
        await notices.approve(session, gateway, notice.key, approver="Mr Head")
    tuesday = await lines(sqlite_database, gateway, notice, date(2026, 11, 24))
    assert "It was due at 10:00 and went out. It has 1 messages." in tuesday


async def test_one_that_cannot_be_planned_is_a_task_and_goes_on_when_somebody_says_so(database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(database, clock)
    notice = await submit(gateway, DAILY)
    async with database.write() as session:
        found = await session.get_one(Notice, notice.id)
        whole, found.definition = found.definition, found.definition | {"text": {"en": "Of {nobody}."}}
    clock.now = utc("2026-11-23T10:00")
    await plan(gateway)
    async with database.read() as session:
        [seen] = await views.listed(session, gateway)
        assert "could not be planned" in seen.standing
        [task] = await tasks.listed(session)
    assert "fires no more" in task.what
    async with database.write() as session:
        (await session.get_one(Notice, notice.id)).definition = whole
    clock.now = utc("2026-11-25T11:00")
    async with database.write() as session:
        await deeds.resume(session, gateway, notice.key, by="office")
        assert not await tasks.listed(session)
    clock.now = utc("2026-11-26T10:00")
    await plan(gateway)
    assert await firings(database) == [("missed", "25 10:00", 3), ("fired", "26 10:00", 1)]
    assert await sent(database) == ["26 10:00"]


async def test_a_snow_day_is_left_out_and_undone(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    notice = await submit(gateway, DAILY)
    clock.now = utc("2026-11-23T09:30")
    closure = await close(gateway, date(2026, 11, 23))
    assert (await get(sqlite_database, notice)).next_fire_at == utc("2026-11-24T10:00")
    said = await lines(sqlite_database, gateway, notice, date(2026, 11, 23))
    assert "is no school day: snow" in said
    assert "leaves the day out: snow" in said
    async with sqlite_database.write() as session:
        await calendar_deeds.undo(session, closure, by="office", log=desk.LOG, now=clock())
        await rearranging.rearrange(session, gateway)
    assert (await get(sqlite_database, notice)).next_fire_at == utc("2026-11-23T10:00")
    async with sqlite_database.write() as session:
        with pytest.raises(errors.Conflict, match="taken back already"):
            await calendar_deeds.undo(session, closure, by="office", log=desk.LOG, now=clock())


async def test_a_day_that_closes_between_laying_out_and_firing_does_not_fire(database: Database) -> None:
    """Another process closed it, and its ticker has not come round: the firing looks at the calendar itself."""
    clock = desk.Clock()
    gateway = await opened(database, clock)
    await submit(gateway, DAILY)
    other = desk.gateway(database, clock)
    async with database.write() as session:
        await calendar_deeds.close(
            session, date(2026, 11, 23), date(2026, 11, 23), why="snow", by="office", log=desk.LOG, now=clock()
        )
    clock.now = utc("2026-11-23T10:00")
    await plan(other)
    await plan(gateway)
    assert await firings(database) == []
    assert (await sent(database)) == []


async def test_what_has_gone_out_does_not_go_again_when_its_day_is_closed_afterwards(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    await submit(gateway, {"cron": "0 10 * * 1", "school_days": "next"})
    await submit(gateway, {"when": ["first school day of week at 10.00"]}, key="weekly")
    clock.now = utc("2026-11-23T10:00")
    await plan(gateway)
    clock.now = utc("2026-11-23T11:00")
    await close(gateway, date(2026, 11, 23))
    clock.now = utc("2026-11-24T10:00")
    await plan(gateway)
    assert await sent(sqlite_database) == ["23 10:00", "23 10:00"]
    clock.now = utc("2026-11-30T10:00")
    await plan(gateway)
    assert await sent(sqlite_database) == ["23 10:00", "23 10:00", "30 10:00", "30 10:00"]


async def test_two_schools_have_days_of_their_own(sqlite_database: Database) -> None:
    gateway = await opened(sqlite_database)
    infants = {"years": ["R", "1"], "closed": [{"day": date(2026, 11, 24), "why": "INSET day of the infants"}]}
    autumn = ("Autumn", date(2026, 11, 2), date(2026, 12, 18))
    await put(gateway, terms=[autumn], schools={"infants": infants})
    everybody = await submit(gateway, {"cron": "0 8 * * *", "school_days": "skip"})
    named = await submit(gateway, {"cron": "0 8 * * *", "school_days": "skip", "school": "infants"}, key="named")
    by_year = await submit(
        gateway, {"cron": "0 8 * * *", "school_days": "skip"}, key="by-year", audience={"years": ["R"]}
    )
    fires = [(await get(sqlite_database, notice)).next_fire_at for notice in (everybody, named, by_year)]
    assert [at.day for at in fires if at] == [24, 25, 25]
    with pytest.raises(errors.BadDefinition, match="no school of that name"):
        await submit(gateway, {"cron": "0 8 * * *", "school": "juniors"}, key="unknown")
    await close(gateway, date(2026, 11, 25), school_name="infants")
    fires = [(await get(sqlite_database, notice)).next_fire_at for notice in (everybody, named, by_year)]
    assert [at.day for at in fires if at] == [24, 26, 26]


async def test_a_campaign_of_a_school_that_is_gone_waits_and_holds_nobody_up(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    autumn, infants = ("Autumn", date(2026, 11, 2), date(2026, 12, 18)), {"infants": {"years": ["R"]}}
    await put(gateway, terms=[autumn], schools=infants)
    theirs = await submit(gateway, DAILY | {"school": "infants"}, key="theirs")
    ours = await submit(gateway, DAILY, key="ours")
    await put(gateway, terms=[autumn])
    await close(gateway, date(2026, 11, 23))
    clock.now = utc("2026-11-24T10:00")
    await plan(gateway)
    assert (await get(sqlite_database, ours)).next_fire_at == utc("2026-11-25T10:00")
    waiting = await get(sqlite_database, theirs)
    assert (waiting.state, waiting.next_fire_at) == (NoticeState.SCHEDULED, None)
    assert "no school “infants” any more" in await lines(sqlite_database, gateway, theirs, date(2026, 11, 24))
    async with sqlite_database.read() as session:
        assert await views.all_coming(session, gateway, until=utc("2026-11-26T00:00"), limit=10)
    assert any("theirs" in one.sentence for one in await doctor.calendar(gateway))
    await put(gateway, terms=[autumn], schools=infants)
    assert (await get(sqlite_database, theirs)).next_fire_at == utc("2026-11-24T10:00")  # and it is ten now


async def test_what_was_never_committed_is_not_the_calendar(sqlite_database: Database) -> None:
    gateway, day = desk.gateway(sqlite_database), date(2026, 11, 24)
    with suppress(RuntimeError):
        async with sqlite_database.write() as session:
            await calendar_deeds.close(session, day, day, why="snow", by="office", log=desk.LOG, now=gateway.now())
            assert not (await gateway.calendars.look(session)).year().days.is_school_day(day)
            raise RuntimeError
    async with sqlite_database.read() as session:
        await gateway.calendars.look(session)
    assert gateway.year.days.is_school_day(day)
    assert gateway.preferences.is_school_day(day)
    await close(gateway, day)
    assert not gateway.preferences.is_school_day(day)  # the digest goes by the calendar of now


async def test_a_campaign_waits_for_the_next_years_terms(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    notice = await submit(gateway, {"when": ["last school day of term at 9.30"]})
    clock.now = utc("2026-12-18T09:30")
    await plan(gateway)
    ended = await get(sqlite_database, notice)
    assert (ended.next_fire_at, ended.state) == (None, NoticeState.SCHEDULED)
    autumn, spring = ("Autumn", date(2026, 11, 2), date(2026, 12, 18)), ("Spring", date(2027, 1, 4), date(2027, 2, 12))
    await put(gateway, terms=[autumn, spring])
    assert (await get(sqlite_database, notice)).next_fire_at == utc("2027-02-12T09:30")


async def test_an_event_is_announced_by_its_distance_and_never_after_it_began(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    words = ["7 days before", "the evening before", "on the morning at 7.30", "2 hours before"]
    changes = {"kind": "event", "event": {"starts": "2026-12-03T17:00:00", "place": "The hall"}}
    notice = await submit(gateway, {"when": words}, **changes)
    for moment in ("2026-11-26T09:00", "2026-12-02T18:00", "2026-12-03T07:30"):
        assert (await get(sqlite_database, notice)).next_fire_at == utc(moment)
        clock.now = utc(moment)
        await plan(gateway)
    clock.now = utc("2026-12-03T17:01")  # it has begun, and nobody was there at three
    await plan(gateway)
    assert await firings(sqlite_database) == [
        ("fired", "26 09:00", 1), ("fired", "02 18:00", 1), ("fired", "03 07:30", 1), ("missed", "03 15:00", 1),
    ]  # fmt: skip
    assert (await get(sqlite_database, notice)).state is NoticeState.DONE


async def test_an_event_that_is_moved_is_announced_by_its_new_date(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    changes = {"kind": "event", "event": {"starts": "2026-12-03T17:00:00", "place": "The hall", "remind": "0s"}}
    notice = await submit(gateway, {"when": ["7 days before"]}, **changes)
    assert (await get(sqlite_database, notice)).next_fire_at == utc("2026-11-26T09:00")
    for starts, fires in (("2026-12-10T17:00", "2026-12-03T09:00"), ("2026-12-17T17:00", "2026-12-10T09:00")):
        async with sqlite_database.write() as session:
            await event_changes.change(session, gateway, notice.key, event_changes.Change(starts=utc(starts)), by="x")
        assert (await get(sqlite_database, notice)).next_fire_at == utc(fires)
        clock.now = utc(fires)
        await plan(gateway)
        assert (await get(sqlite_database, notice)).state is NoticeState.DONE
    assert await firings(sqlite_database) == [("fired", "03 09:00", 1), ("fired", "10 09:00", 1)]


async def test_a_pause_is_counted_and_not_made_up(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    notice = await submit(gateway, DAILY)

    async def do(deed: Any, **given: Any) -> None:
        async with sqlite_database.write() as session:
            await deed(session, gateway, notice.key, by="Mrs Okafor", **given)

    await do(deeds.pause, until=utc("2026-11-25T12:00"))
    clock.now = utc("2026-11-24T10:00")
    await plan(gateway)
    clock.now = utc("2026-11-25T12:00")
    await plan(gateway)
    clock.now = utc("2026-11-26T10:00")
    await plan(gateway)
    assert await firings(sqlite_database) == [("paused", "25 10:00", 3), ("fired", "26 10:00", 1)]
    await do(deeds.pause)
    assert (await get(sqlite_database, notice)).next_fire_at is None
    clock.now = utc("2026-11-30T11:00")
    await plan(gateway)
    await do(deeds.run_now)  # somebody wants it all the same
    await plan(gateway)
    await do(deeds.resume)
    assert (await firings(sqlite_database))[2:] == [("paused", "30 10:00", 2), ("by_hand", "30 11:00", 1)]
    assert (await get(sqlite_database, notice)).next_fire_at == utc("2026-12-01T10:00")
    with pytest.raises(errors.Conflict, match="not paused"):
        await do(deeds.resume)


async def test_what_a_pause_left_out_does_not_come_back_with_the_snow(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    notice = await submit(gateway, {"when": ["first school day of week at 10.00"]})
    async with sqlite_database.write() as session:
        await deeds.pause(session, gateway, notice.key, by="office")
    clock.now = utc("2026-11-24T09:00")
    async with sqlite_database.write() as session:
        await deeds.resume(session, gateway, notice.key, by="office")
    await close(gateway, date(2026, 11, 23))  # so Tuesday would be the first
    assert await firings(sqlite_database) == [("paused", "23 10:00", 1)]
    assert (await get(sqlite_database, notice)).next_fire_at == utc("2026-11-30T10:00")


async def test_what_is_said_of_days_that_a_campaign_does_not_reach(sqlite_database: Database) -> None:
    gateway = await opened(sqlite_database)
    ending = await submit(gateway, DAILY | {"until": "2026-11-30T12:00:00"})
    often = await submit(gateway, {"cron": "* * * * *", "school_days": "skip"}, key="often")
    day = date(2026, 12, 1)
    assert "Mon 30 Nov 2026 12:00 was its last moment" in await lines(sqlite_database, gateway, ending, day)
    assert "The calendar ends on Friday 18" in await lines(sqlite_database, gateway, often, date(2027, 1, 11))
    said = await lines(sqlite_database, gateway, often, day)
    assert "And more." in said
    assert len(said) < 1500
    async with sqlite_database.write() as session:
        await notices.cancel(session, gateway, often.key, actor="office")
    often = await get(sqlite_database, often)
    assert "It was cancelled." in await lines(sqlite_database, gateway, often, day)


async def test_next_shows_firings_and_why_days_are_left_out(sqlite_database: Database) -> None:
    gateway = await opened(sqlite_database)
    notice = await submit(gateway, {"cron": "0 10 * * *", "school_days": "skip", "until": "2026-12-31T12:00:00"})
    await close(gateway, date(2026, 11, 24))
    async with sqlite_database.read() as session:
        found = await views.coming(session, gateway, notice, limit=5)
        assert [f"{one.wanted:%d}{f' {one.why}' if one.why else ''}" for one in found] == [
            "23", "24 snow", "25", "26", "27", "28 no school on this weekday", "29 no school on this weekday", "30",
        ]  # fmt: skip
        everything = await views.all_coming(session, gateway, until=utc("2026-11-25T23:00"), limit=10)
        assert [one.at is None for one in everything] == [False, True, False]


@pytest.mark.parametrize("day", [date(2026, 12, 3), "2026-12-03"])
async def test_hours_are_counted_from_a_time_and_from_no_midnight(sqlite_database: Database, day: Any) -> None:
    gateway = await opened(sqlite_database)
    with pytest.raises(errors.BadDefinition, match="counts from a time"):
        await submit(gateway, {"when": ["the evening before", "2 hours before"], "date": day})


def test_a_year_of_missed_minutes_is_not_counted_one_by_one() -> None:
    def overdue(cron: str, after: str) -> firing.Overdue | None:
        wanted = desk.definition(schedule={"cron": cron})
        made = firing.timetable(wanted, timezone=ZoneInfo("Europe/London"), calendars=book.Calendars(None))
        assert made
        return firing.overdue(made, utc(after), NOW)

    found = overdue("* * * * *", "2025-11-23T09:00")
    assert found
    assert (found.last.at, found.missed) == (NOW, firing.MOST_COUNTED)
    found = overdue("0 8 29 2 *", "2020-03-01T00:00")
    assert found
    assert (found.last.at, found.missed) == (utc("2024-02-29T08:00"), 0)
    assert overdue("0 9 * * 1-5", "2026-11-23T09:00") is None


async def run_now_twice(session: Session, gateway: context.Gateway, key: str) -> None:
    await deeds.run_now(session, gateway, key, by="office")
    await deeds.run_now(session, gateway, key, by="office")


async def test_by_hand_only_once_at_a_time(sqlite_database: Database) -> None:
    gateway = await opened(sqlite_database)
    notice = await submit(gateway, DAILY)
    async with sqlite_database.write() as session:
        with pytest.raises(errors.Conflict, match="about to go out"):
            await run_now_twice(session, gateway, notice.key)
    with pytest.raises(errors.NotFound, match="no campaign"):
        async with sqlite_database.write() as session:
            await deeds.run_now(session, gateway, "nothing", by="office")


async def test_who_presses_twice_does_not_send_it_twice(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = await opened(sqlite_database, clock)
    notice = await submit(gateway, DAILY)

    async def now(by: str) -> None:
        async with sqlite_database.write() as session:
            await deeds.run_now(session, gateway, notice.key, by=by)
        await plan(gateway)

    await now("Mrs Okafor")
    clock.pass_(minutes=4)
    with pytest.raises(errors.Conflict, match="Mrs Okafor had it go out a moment ago"):
        await now("Mr Green")
    clock.pass_(minutes=7)
    await now("Mr Green")
    assert [outcome for outcome, _, _ in await firings(sqlite_database)] == ["by_hand", "by_hand"]


#: A week of three campaigns, at noon of each day.
_DAYS = [utc(f"2026-11-{day}T10:00") for day in range(23, 30)]


async def _tick(gateway: context.Gateway, clock: desk.Clock) -> None:
    """One ticker through the week, as fast as it can; all have one clock, so none goes on before a moment is over."""
    waiting = select(Notice.id).where(col(Notice.next_fire_at) <= sa.bindparam("now")).limit(1)
    for moment in _DAYS:
        clock.now = moment
        while True:
            await plan(gateway)
            async with gateway.database.read() as session:
                if (await session.scalars(waiting, {"now": moment})).first() is None:
                    break


def _ticker_process(url: str, start: Any) -> None:
    async def tick() -> None:
        database, clock = Database(url), desk.Clock()
        start.wait()
        await _tick(desk.gateway(database, clock), clock)
        await database.close()

    asyncio.run(tick())


async def test_ten_tickers_fire_each_firing_once(database: Database) -> None:
    """Ten at once through a week; on PostgreSQL one of them in a process of its own."""
    gateway = await opened(database)
    for number in range(3):
        await submit(gateway, {"cron": "0 10 * * *", "school_days": "skip"}, key=f"daily-{number}")
    url = database.url.render_as_string(hide_password=False)
    context_, count = multiprocessing.get_context("spawn"), 0 if database.is_sqlite else 1
    start = context_.Barrier(count + 1)
    processes = [context_.Process(target=_ticker_process, args=(url, start)) for _ in range(count)]
    for process in processes:
        process.start()
    doors = [database] if database.is_sqlite else [Database(url, pool_size=2) for _ in range(3)]
    await asyncio.to_thread(start.wait)
    clocks = [desk.Clock() for _ in range(10 - count)]
    tickers = [desk.gateway(doors[number % len(doors)], clock) for number, clock in enumerate(clocks)]
    await asyncio.gather(*(_tick(one, clock) for one, clock in zip(tickers, clocks, strict=True)))
    for process in processes:
        await asyncio.to_thread(process.join)
        assert process.exitcode == 0
    for door in doors:
        if door is not database:
            await door.close()
    assert await sent(database) == [f"{day} 10:00" for day in range(23, 28) for _ in range(3)]
    assert {outcome for outcome, _, _ in await firings(database)} == {"fired"}
