"""Feeds over a real socket: fetched by one process, and what one said holds while it cannot be had."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date

from aiohttp import web
from sqlmodel import select
from support import desk

from gateway import context
from gateway.calendars import deeds, document, ics, schooldays
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
    gateway = desk.gateway(sqlite_database, clock)
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


async def test_of_ten_processes_one_fetches(database: Database) -> None:
    async with serving() as server:
        server.body = calendar(TERM, INSET)
        clock = desk.Clock()
        gateway = desk.gateway(database, clock)
        await hand_in(gateway, server.address)
        for asked in (1, 2):
            others = [desk.gateway(database, clock) for _ in range(10)]
            assert {tuple(days) for days in await asyncio.gather(*map(look, others))} <= {
                ("", "INSET day", ""),
                ("", "", ""),
            }
            assert len(server.asked) == asked
            clock.pass_(hours=2)
