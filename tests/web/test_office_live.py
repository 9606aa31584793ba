"""Streams to open pages: whole at first, then what changed; one question for all of them; and an end."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from support import absences, staff
from support.waiting import until
from support.website import Family, Running

from gateway.absence import cases
from gateway.accounts import means, sessions
from gateway.models import CaseState, DaySession
from gateway.roles import Role

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass
class Stream:
    """What has come on one stream: parts by name, in order, and events."""

    answer: aiohttp.ClientResponse
    parts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    async def until(self, event: str) -> list[str]:
        """Read as far as an event (``""``: to the end). Gives the names of the parts that came before it."""
        begin, message = len(self.parts), ""
        async for raw in self.answer.content:
            line = raw.decode().rstrip("\n")
            if line == f"event: {event}":
                return [name for name, _ in self.parts[begin:]]
            if line.startswith("data: "):
                message += line.removeprefix("data: ") + "\n"
            elif not line and message:
                if found := re.match(r'<hx-partial hx-target="#([\w-]+)" hx-swap="innerMorph">', message):
                    self.parts.append((found[1], message[found.end() :].removesuffix("</hx-partial>\n")))
                message = ""
        assert not event, f"the stream ended before “{event}”"
        return [name for name, _ in self.parts[begin:]]


@contextlib.asynccontextmanager
async def stream(site: Running, desk: staff.Browser, page: str = "page=today") -> AsyncIterator[Stream]:
    cookies = "; ".join(f"{name}={value}" for name, value in desk.cookies.items())
    async with site.client.get(f"{site.url}/live?{page}", headers={"Cookie": cookies}) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        yield Stream(answer)


async def absent(site: Running, pupil_id: int) -> None:
    gateway = site.gateway
    async with gateway.database.write() as session:
        by = cases.Means(gateway.log, gateway.now())
        await cases.open_one(session, pupil_id, absences.TODAY, DaySession.AM, means=by)


async def test_a_page_gets_every_part_whole_and_then_what_has_changed(running: Running, family: Family) -> None:
    desk = await staff.desk(running, Role.OFFICE)
    page = await desk.get("/today")
    async with stream(running, desk) as open_:
        first = await open_.until("beat")
        assert Counter(first).most_common(1)[0][1] == 1, "each once"
        assert {"navigation", "bar", "warnings", "state", "beads", "needs", "classes", "next", "going"} <= set(first)
        for name, inside in open_.parts:
            assert inside.split() == (block(page.text, name) or inside).split(), f"{name} is what the page had"
        await absent(running, family.ana)
        while "state" not in (second := await open_.until("beat")):
            pass
        assert "going" not in second
        assert dict(open_.parts)["state"].strip().startswith('<h1 class="full" data-say>1 of 1 absent child')
        await told(running)
        while "needs" not in await open_.until("beat"):
            pass
        needs = dict(open_.parts)["needs"]
        assert "Record illness (I)" in needs
        assert f'name="csrf" value="{desk.own}"' in needs, "with the proof of whoever looks"


async def told(site: Running) -> None:
    """Ana's family has told why she is away."""
    gateway = site.gateway
    async with gateway.database.write() as session:
        [case] = (await cases.of_session(session, absences.TODAY, DaySession.AM)).values()
        case.code = "I"
        by = cases.Means(gateway.log, gateway.now())
        await cases.change(session, case, CaseState.TO_CONFIRM, by="Ewa Nowak", means=by)


def block(page: str, name: str) -> str:
    """What stands in the element with an id, where it is an h1 alone."""
    found = re.search(rf'<div id="{name}">\s*(<h1[^>]*>[^<]*</h1>)\s*</div>', page)
    return found[1] if found else ""


async def test_a_page_may_ask_for_a_page_of_its_own(running: Running, family: Family) -> None:
    desk = await staff.desk(running, Role.OFFICE)
    page = await desk.get("/today?page=2")
    [address] = re.findall(r'hx-sse:connect="/live\?([^"]+)"', page.text)
    async with stream(running, desk, address.replace("&amp;", "&")) as today:
        assert "state" in await today.until("beat")


async def test_thirty_pages_cost_one_question_a_turn_and_are_made_once(running: Running, family: Family) -> None:
    database = running.gateway.database
    asked = Counter[str]()

    @sa.event.listens_for(database.reader.sync_engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked["turn" if "max(audit.id)" in statement else "board" if "FROM absence_case" in statement else "other"] += 1

    desks = [await staff.desk(running, Role.OFFICE, name=f"Jo {letter}") for letter in "ABCDE"]
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(stream(running, desks[number % 5])) for number in range(30)]
        for one in opened:
            await one.until("beat")
        await until(lambda: asked["turn"] > 1)  # the first is made after the first page was
        made, turns = asked["board"], asked["turn"]
        await until(lambda: asked["turn"] >= turns + 3)
        assert asked["board"] == made, "nothing has happened, so nothing is made anew"
        await absent(running, family.ana)
        for one in opened:
            while "state" not in await one.until("beat"):
                pass  # a beat of before
        assert 0 < asked["board"] - made <= 4, "made for one, and sent to all"


async def test_a_stream_ends_with_the_session_and_with_the_gateway(running: Running, family: Family) -> None:
    desk, other = (
        await staff.desk(running, Role.OFFICE, name="Jo"),
        await staff.desk(running, Role.HEAD, name="Ms Head"),
    )
    gateway = running.gateway
    async with stream(running, desk) as ending, stream(running, other) as going_on:
        await ending.until("beat")
        await going_on.until("beat")
        assert desk.account is not None
        async with gateway.database.write() as session:
            by = means.Means(gateway.log, gateway.now())
            await sessions.end_all(session, desk.account.id, why="test", means=by)
        await ending.until("over")
        await ending.until("")
        await going_on.until("beat")
        running.clock.pass_by(minutes=21)  # and nobody has done anything: a stream is no sign of somebody
        await going_on.until("over")
    again = await staff.desk(running, Role.HEAD, name="Mr Head")
    async with stream(running, again) as last:
        await last.until("beat")
        running.closing.set()
        await last.until("")  # to a clean end, without «over»: the browser comes again by itself


async def test_a_page_of_before_comes_again_once_names_are_hidden(running: Running, family: Family) -> None:
    """In the other windows too: those that are open, and those whose stream the browser has dropped meanwhile."""
    desk = await staff.desk(running, Role.OFFICE, name="Jo")
    await absent(running, family.ana)
    async with stream(running, desk) as other:
        await other.until("beat")
        assert any("Nowak" in inside for _, inside in other.parts)
        assert (await desk.post("/hide-names", hide="yes", back="/today")).status == 303
        await other.until("over")
    async with stream(running, desk) as dropped:
        await dropped.until("over")
        assert not dropped.parts
    page = await desk.get("/today")
    assert 'connect="/live?page=today&amp;hidden=yes"' in page.text
    async with stream(running, desk, "page=today&hidden=yes") as fresh:
        await fresh.until("beat")
        assert fresh.parts
        assert not any("Nowak" in inside for _, inside in fresh.parts)
    assert [who for who, *_ in await staff.lines(running, "session.names_hidden")] == ["office:Jo"]


async def test_a_stream_is_behind_the_door_and_has_the_right_of_its_page(running: Running, family: Family) -> None:
    for who, page, status in (
        (staff.Browser(running), "page=today", 303),
        (await staff.desk(running, Role.IT), "page=today", 403),
        (await staff.desk(running, Role.OFFICE), "page=nothing", 404),
        (await staff.desk(running, Role.OFFICE, name="Mr Office"), "page=absence&case=999", 404),
    ):
        assert (await who.get(f"/live?{page}")).status == status
    await absent(running, family.ana)
    teacher = await staff.desk(running, Role.TEACHER, forms=["5B"])
    async with running.gateway.database.read() as session:
        [case] = (await cases.of_session(session, absences.TODAY, DaySession.AM, lock=False)).values()
    assert (await teacher.get(f"/live?page=absence&case={case.id}")).status == 403
