"""Feeds over a real socket: fetched by one process, and what one said holds while it cannot be had."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from aiohttp import web
from sqlmodel import select
from support import desk

from gateway import context
from gateway.calendars import deeds, document, fetching, ics, schooldays
from gateway.campaigns import feeding
from gateway.database import Database
from gateway.doctor import school as doctor
from gateway.models import CalendarFeed

TERM = (
    "BEGIN:VEVENT\r\nUID:t\r\nSUMMARY:Autumn term\r\n"
    "DTSTART;VALUE=DATE:20261102\r\nDTEND;VALUE=DATE:20261219\r\nEND:VEVENT"
)
INSET = "BEGIN:VEVENT\r\nUID:i\r\nSUMMARY:INSET day\r\nDTSTART;VALUE=DATE:20261127\r\nEND:VEVENT"


def calendar(*events: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *events, "END:VCALENDAR", ""])


@dataclass
class Server:
    """Says what it is told to, and counts how often it was asked."""

    body: str = ""
    status: int = 200
    location: str = ""
    asked: list[str] = field(default_factory=list)
    port: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.headers.get("If-None-Match", ""))
        if self.location:
            return web.Response(status=302, headers={"Location": self.location})
        if self.status == 200 and request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304)
        return web.Response(text=self.body, status=self.status, headers={"ETag": self.etag})

    @property
    def etag(self) -> str:
        return f'"{zlib.crc32(self.body.encode())}"'

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/terms.ics"


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server, app = Server(), web.Application()
    app.router.add_get("/terms.ics", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


def local(database: Database, clock: desk.Clock | None = None) -> context.Gateway:
    """A gateway that may fetch from this machine."""
    made = desk.gateway(database, clock)
    inside = made.settings.calendar.model_copy(update={"feeds_inside": True})
    return replace(made, settings=made.settings.model_copy(update={"calendar": inside}))


async def hand_in(gateway: context.Gateway, feed: str) -> None:
    wanted = document.Calendar.model_validate(schooldays.read(None).plain() | {"feed": feed})
    async with gateway.database.write() as session:
        await deeds.put(session, wanted, by="office", log=desk.LOG, now=gateway.now())


async def look(gateway: context.Gateway) -> list[str]:
    """What a ticker does in a turn; gives the reasons why the days of two weeks are no school days."""
    for due in await feeding.claim(gateway):
        await feeding.follow(gateway, due)
    async with gateway.database.read() as session:
        days = (await gateway.calendars.look(session)).year().days
    return [days.why_not(date(2026, 11, day)) for day in (26, 27, 30)]


async def row(database: Database) -> CalendarFeed:
    async with database.read() as session:
        return (await session.scalars(select(CalendarFeed))).one()


async def test_what_a_feed_said_holds_while_it_cannot_be_had_and_doctor_says_so(sqlite_database: Database) -> None:
    clock = desk.Clock()
    gateway = local(sqlite_database, clock)
    async with serving() as server:
        server.body = calendar(TERM, INSET)
        await hand_in(gateway, server.address)
        assert await look(gateway) == ["", "INSET day", ""]
        assert await look(gateway) == ["", "INSET day", ""]
        assert server.asked == [""]  # its turn comes in an hour
        for trouble in ("status", "nothing", "no calendar", "large", "elsewhere"):
            clock.pass_(hours=2)
            server.status = 500 if trouble == "status" else 200
            server.body = {"nothing": calendar(), "no calendar": "<html>", "large": "x" * (ics.LARGEST + 1)}.get(
                trouble, server.body
            )
            server.location = "http://192.0.2.1/terms.ics" if trouble == "elsewhere" else ""
            assert await look(gateway) == ["", "INSET day", ""], trouble
            assert (await row(sqlite_database)).trouble, trouble
            [finding] = [one for one in await doctor.calendar(gateway) if "feed" in one.sentence]
            assert finding.state == "warn"
            assert "was read last: 23 Nov 2026" in finding.sentence
        clock.pass_(hours=2)
        server.location, server.body = "", calendar(TERM, INSET.replace("20261127", "20261130"))
        assert await look(gateway) == ["", "", "INSET day"]
        clock.pass_(hours=2)
        assert await look(gateway) == ["", "", "INSET day"]
        assert server.asked[-1] == server.etag  # nothing new was fetched
        assert not (await row(sqlite_database)).trouble
    clock.pass_(hours=2)
    assert await look(gateway) == ["", "", "INSET day"]
    assert "cannot be reached" in (await row(sqlite_database)).trouble
    await hand_in(gateway, "")
    assert await look(gateway) == ["", "", ""]  # a feed that is named no more says no more


async def test_a_feed_that_forgets_what_is_over_ends_no_term_that_goes_on(sqlite_database: Database) -> None:
    """Many a site's feed holds what is to come alone: the day after term began its beginning is gone."""

    def one(title: str, day: str) -> str:
        return f"BEGIN:VEVENT\r\nUID:{day}\r\nSUMMARY:{title}\r\nDTSTART;VALUE=DATE:{day}\r\nEND:VEVENT"

    clock = desk.Clock()
    gateway = local(sqlite_database, clock)
    starts, inset, ends = one("Term starts", "20261102"), one("INSET day", "20261120"), one("Term ends", "20261218")
    spring = one("Term starts", "20270104"), one("Term ends", "20270212")
    async with serving() as server:
        server.body = calendar(starts, inset, ends, *spring)
        await hand_in(gateway, server.address)
        assert await look(gateway) == ["", "", ""]
        clock.pass_(hours=2)
        server.body = calendar(ends, *spring)
        assert await look(gateway) == ["", "", ""]
        days = gateway.year.days
        assert days.terms == ((date(2026, 11, 2), date(2026, 12, 18)), (date(2027, 1, 4), date(2027, 2, 12)))
        assert days.why_not(date(2026, 11, 20)) == "INSET day"
        clock.now = desk.NOW.replace(month=12, day=21)
        server.body = calendar(one("Polling: school closed", "20270205"))  # and of terms not a word any more
        await look(gateway)
        assert gateway.year.days.terms == days.terms
        assert gateway.year.days.why_not(date(2027, 2, 5)) == "Polling: school closed"


async def test_of_ten_processes_one_fetches(database: Database) -> None:
    async with serving() as server:
        server.body = calendar(TERM, INSET)
        clock = desk.Clock()
        gateway = local(database, clock)
        await hand_in(gateway, server.address)
        for asked in (1, 2):
            others = [local(database, clock) for _ in range(10)]
            assert {tuple(days) for days in await asyncio.gather(*map(look, others))} <= {
                ("", "INSET day", ""),
                ("", "", ""),
            }
            assert len(server.asked) == asked
            clock.pass_(hours=2)


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1/x.ics", "https://10.0.0.5/x.ics", "https://169.254.169.254/latest/meta-data", "https://[::1]/x",
        "https://[::ffff:10.0.0.5]/x", "https://[fd00::1]/x", "https://localhost/x.ics", "https://0.0.0.0/x",
        "http://127.0.0.1:1/x.ics", "webcal://192.168.1.1/x.ics", "https://0x7f000001/x.ics",
    ],
)  # fmt: skip
async def test_nothing_inside_is_asked(address: str) -> None:
    with pytest.raises(fetching.NotFetched, match="inside a network of its own"):
        await fetching.fetch(address, "", inside=False)


@pytest.mark.parametrize("address", ["https://2130706433/x.ics", "https://127.1/x.ics"])
async def test_no_other_way_of_writing_this_machines_address_leads_there(address: str) -> None:
    with pytest.raises(fetching.NotFetched, match="cannot be reached"):
        await fetching.fetch(address, "", inside=False)


async def test_no_server_sends_us_to_where_the_settings_may_not_lead() -> None:
    async with serving() as server:
        for away in ("http://192.0.2.1/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://10.0.0.5/x"):
            server.location = away
            with pytest.raises(fetching.NotFetched, match="not safe"):
                await fetching.fetch(server.address, "", inside=True)
        assert len(server.asked) == 4
        with pytest.raises(fetching.NotFetched, match="inside"):
            await fetching.fetch(server.address, "", inside=False)
        assert len(server.asked) == 4
