"""The calendar: what goes out stands on its day, a snow day holds it and lets it go, a day is closed and opened."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import col, select
from support import desk as words
from support import mornings, staff, website
from support.website import Family, Running

from gateway import context, notices, tokens
from gateway.database import Database
from gateway.good_news import praising
from gateway.models import Message, MessageState, Notice, Praise
from gateway.roles import Role

AT_TWO = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


@pytest.fixture
async def desk(running: Running, family: Family) -> staff.Browser:
    """An office with a notice for two o'clock, one for December, a weekly one that is due today, and good news."""
    gateway = running.gateway
    async with gateway.database.write() as session:
        for key, schedule in (
            ("coats", {"at": "2026-11-23T14:00"}),
            ("carols", {"at": "2026-12-04T15:15"}),
            ("kit", {"cron": "0 15 * * MON", "school_days": "skip"}),
            ("notes", {"at": "2026-11-29T10:00"}),
        ):
            wanted = words.definition(key=key, title=key.capitalize(), schedule=schedule, valid={"for": "30d"})
            await notices.submit(session, gateway, wanted, author="office:Jo")
        await praising.add(session, gateway, praising.Given("P1", "effort", "Ms Okafor"), by="office:Jo")
    return await staff.desk(running, Role.OFFICE, name="Mrs Office")


async def due(site: Running) -> dict[str, datetime | None]:
    async with site.gateway.database.read() as session:
        return {one.key: one.next_fire_at for one in await session.scalars(select(Notice))}


async def test_what_goes_out_stands_on_its_day_and_next(desk: staff.Browser) -> None:
    assert (await desk.get("/calendar")).headers["Location"] == "/calendar/2026-11"
    page = html.unescape((await desk.get("/calendar/2026-11")).text)
    for words_ in (
        "2pm Coats",
        "3pm Kit",
        "4:30pm Good news, held until after school",
        "2 children of the whole school",
    ):
        assert words_ in page
    assert "Today 2pm" in page
    assert page.count("10am Notes") == 1  # on a Sunday: it stands with the Friday before
    assert "4 December 3:15pm" in page
    assert "1 piece, from 1 of the staff" in page
    december = (await desk.get("/calendar/2026-12")).text
    assert "3:15pm Carols" in december
    for path in ("/calendar/2026-13", "/calendar/9999-01", "/calendar/x", "/calendar/events/none"):
        assert (await desk.get(path)).status == 404


async def test_a_weekend_with_school_has_its_days(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "calendar.toml"
    file.write_text(mornings.CALENDAR, "utf-8")

    def changed(gateway: context.Gateway) -> context.Gateway:
        absence = gateway.settings.absence.model_copy(update={"calendar": file})
        return replace(gateway, settings=gateway.settings.model_copy(update={"absence": absence}))

    async with website.running_on(database, changed=changed) as site:
        desk = await staff.desk(site, Role.OFFICE)
        page = (await desk.get("/calendar/2026-11")).text
        assert re.findall(r'class="dh">(\w+)<', page)[-1] == "Sunday"
        assert '<div class="cal week-7">' in page


async def test_a_snow_day_is_held_and_let_go(desk: staff.Browser) -> None:
    site = desk.site
    before = await due(site)
    assert before["coats"] == AT_TWO
    await desk.get("/calendar/2026-11")
    held = await desk.post("/calendar/hold")
    assert held.status == 303
    page = html.unescape((await desk.get("/calendar/2026-11")).text)
    assert "Held: 2 announcements and 1 piece of good news." in page
    assert "Hold everything today" not in page
    assert await paused(site) == {"coats": True, "carols": False, "kit": True, "notes": False}
    assert "Held until somebody lets it go" in page
    assert (await desk.post("/calendar/hold")).status == 409
    async with site.gateway.database.write() as session:
        site.token = await tokens.create(session, "api", log=site.gateway.log, now=site.gateway.now())
    told = (await site.api("GET", "/calendar/hold")).json
    assert (told["notices"], told["praises"], told["by"]) == (2, 1, "office:Mrs Office")
    async with site.gateway.database.read() as session:
        [praise] = await session.scalars(select(Praise))
    assert praise.due_at == datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
    assert (await desk.post("/calendar/release")).status == 303
    assert await due(site) == before
    assert not any((await paused(site)).values())
    async with site.gateway.database.read() as session:
        [praise] = await session.scalars(select(Praise))
    assert praise.due_at == datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
    assert [actor for actor, _, _ in await staff.lines(site, "day.held")] == ["office:Mrs Office"]
    assert len(await staff.lines(site, "day.released")) == 1
    assert (await desk.post("/calendar/release")).status == 409


async def test_what_is_going_out_already_is_held_and_what_is_sent_meanwhile_goes(desk: staff.Browser) -> None:
    site = desk.site
    async with site.gateway.database.write() as session:
        await notices.submit(session, site.gateway, words.definition(key="now"), author="office:Jo")
    async with site.gateway.database.write_here() as session:
        assert await notices.plan_due(session, site.gateway)
    await desk.post("/calendar/hold")
    async with site.gateway.database.write_here() as session:
        closed = words.definition(key="closed", title="We are closed")
        await notices.submit(session, site.gateway, closed, author="office:Jo")
        assert await notices.plan_due(session, site.gateway)
    states = await messages(site)
    assert states == {"now": {MessageState.HELD}, "closed": {MessageState.QUEUED}}
    await desk.post("/calendar/release")
    assert await messages(site) == {"now": {MessageState.QUEUED}, "closed": {MessageState.QUEUED}}


async def messages(site: Running) -> dict[str, set[MessageState]]:
    found = dict[str, set[MessageState]]()
    async with site.gateway.database.read() as session:
        for notice in list(await session.scalars(select(Notice))):
            ids = await notices.run_ids(session, notice)
            rows = await session.scalars(select(Message).where(col(Message.run_id).in_(ids), Message.address != ""))
            if states := {one.state for one in rows} - {MessageState.SKIPPED}:
                found[notice.key] = states
    return found


async def paused(site: Running) -> dict[str, bool]:
    async with site.gateway.database.read() as session:
        return {one.key: one.paused_at is not None for one in await session.scalars(select(Notice))}


async def test_a_day_is_closed_and_opened_again(desk: staff.Browser) -> None:
    await desk.get("/calendar/2026-11")
    wrong = await desk.post("/calendar/close", first="2026-11-26", last="2026-11-25", why="Snow & ice")
    assert wrong.status == 422
    assert 'value="Snow &amp; ice"' in wrong.text
    assert (await desk.post("/calendar/close", first="soon", why="Snow")).status == 422
    closed = await desk.post("/calendar/close", first="2026-11-26", why="Snow")
    assert closed.headers["Location"] == "/calendar/2026-11"
    twice = await desk.post("/calendar/close", first="2026-11-26", last="2026-11-26", why="Snow")
    assert (twice.status, "closed already" in twice.text) == (422, True), "or one Undo would not open it again"
    page = (await desk.get("/calendar/2026-11")).text
    assert "Snow. No absence checks." in page
    assert (await desk.post("/calendar/closures/1/undo")).status == 303
    assert "Snow. No absence checks." not in (await desk.get("/calendar/2026-11")).text


async def test_who_may_look_and_who_may_change(desk: staff.Browser) -> None:
    site = desk.site
    for role, sees, changes in ((Role.IT, 200, 403), (Role.ATTENDANCE, 200, 403), (Role.TEACHER, 403, 403)):
        somebody = await staff.desk(site, role)
        page = await somebody.get("/calendar/2026-11")
        assert page.status == sees
        assert "Hold everything" not in page.text
        await somebody.get("/menu")
        assert (await somebody.post("/calendar/hold")).status == changes
    assert (await desk.post("/calendar/hold", csrf="other")).status == 403
