"""Every way in, from the application's own list: who is refused, what a form must carry, how much it may send."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from starlette.routing import Route
from support import staff
from support.website import Running
from yarl import URL

from gateway import tokens
from gateway.accounts.passwords import Passwords
from gateway.roles import Role
from gateway.web import app, entries, site
from gateway.web.entries import By

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def ways_in(running: Running) -> list[entries.Listed]:
    here = site.Site(running.gateway, list, list, lambda: None, lambda: None, passwords=Passwords(staff.QUICK))
    return list(entries.listed(app.routes(here)))


def each(running: Running, *by: By) -> Iterator[tuple[str, str, entries.Listed]]:
    """Method, path with a made-up value in each place, and the way in."""
    found = [one for one in ways_in(running) if one.by in by]
    assert found, by
    for one in found:
        for method in one.methods:
            yield method, re.sub(r"\{[^}]*\}", "1", one.path), one


async def ask(running: Running, method: str, path: str, **more) -> tuple[int, str]:
    """Status and words; of a stream, which never ends, the status alone."""
    url = URL(f"{running.url}{path}", encoded=True)
    async with running.client.request(method, url, allow_redirects=False, **more) as answer:
        streams = answer.content_type == "text/event-stream"
        return answer.status, "" if streams else await answer.text(errors="replace")


async def rows(running: Running) -> dict[str, int]:
    """How many rows each table has: what a refused call must not change."""
    async with running.gateway.database.read() as session:
        names = await session.run_sync(lambda plain: sa.inspect(plain.connection()).get_table_names())
        return {
            name: await session.scalar(sa.select(sa.func.count()).select_from(sa.table(name))) or 0
            for name in names
            if name != "audit"
        }


async def test_every_way_in_says_who_may_come_in(running: Running) -> None:
    found = ways_in(running)
    assert {one.by for one in found} == set(By)
    assert len(found) > 150
    for one in found:
        if one.changes and one.by is not By.ANYBODY:
            assert one.largest, f"{one.path} takes bodies of any size"
        if one.by is By.PERSON:
            assert one.roles, one.path
            assert one.csrf or not one.changes, one.path
    with pytest.raises(TypeError, match="does not say who may come in"):
        list(entries.listed([Route("/new", lambda _: None)]))


async def test_what_opens_to_anybody_is_known_by_name_and_guessing_is_slowed(running: Running) -> None:
    """By hand: whoever opens another door to all must say so here."""
    open_to_all = {one.path: one.slowed for one in ways_in(running) if one.by is By.ANYBODY and one.changes}
    assert {path for path, slowed in open_to_all.items() if slowed} == {
        "/sign-in", "/sign-in/code", "/first-run/{value}", "/new-password/{value}", "/visit/{value}",
    }  # fmt: skip
    assert {path for path, slowed in open_to_all.items() if not slowed} == {"/hooks/{rest:path}"}
    looks = {one.path for one in ways_in(running) if one.by is By.ANYBODY and not one.changes}
    assert looks == {
        "/livez", "/healthz", "/readyz", "/metrics", "/health", "/u/page.css", "/s/page.css", "/static/{name}",
        "/api/v1/definition-schema", "/api/v1/openapi.json",
        "/sign-in", "/sign-in/code", "/sign-in/left", "/first-run/{value}", "/new-password/{value}", "/visit/{value}",
        "/{path:path}",
    }  # fmt: skip


async def test_a_program_without_a_token_or_with_one_that_reads_only_changes_nothing(running: Running) -> None:
    async with running.gateway.database.write() as session:
        reads = await tokens.create(
            session, "reads", log=running.gateway.log, now=running.gateway.now(), actor="it", read_only=True
        )
    before = await rows(running)
    for method, path, one in each(running, By.TOKEN):
        assert (await ask(running, method, path))[0] == 401, f"{method} {one.path}"
        if method not in entries.READS:
            status, said = await ask(running, method, path, headers={"Authorization": f"Bearer {reads}"}, json={})
            assert (status, "may only read" in said) == (403, True), f"{method} {one.path}"
    assert await rows(running) == before


async def test_an_address_with_another_signature_opens_nothing(running: Running) -> None:
    before = await rows(running)
    for method, path, one in each(running, By.LINK):
        sent = {"data": {"save": "1", "answer": "1"}} if method == "POST" else {}
        assert (await ask(running, method, path, **sent))[0] == 404, f"{method} {one.path}"
    assert await rows(running) == before


async def test_a_call_that_no_provider_signed_is_refused(running: Running) -> None:
    before = await rows(running)
    for channel in (*running.gateway.channels, *running.gateway.lines):
        for method, _, one in each(running, By.PROVIDER):
            for kind in ("status", "inbound", "voice", "other"):
                status, _ = await ask(running, method, f"/hooks/{channel}/{kind}", params={"MessageSid": "SM1"})
                assert status in (403, 404), f"{method} {one.path} {channel} {kind}: {status}"
    assert await rows(running) == before


async def test_more_than_a_way_in_takes_is_refused_before_it_has_come(running: Running) -> None:
    head = await staff.desk(running, Role.HEAD)
    cookies = "; ".join(f"{name}={value}" for name, value in head.cookies.items())
    for method, path, one in each(running, *By):
        if method not in entries.READS and one.largest:
            status = await announce(running, method, path, cookies, size=one.largest + 1)
            # Where something else is wrong, too, that may be said first; taken in it is nowhere.
            assert status in ((404, 413) if one.by in (By.LINK, By.PERSON) else (401, 403, 404, 413)), one.path


async def announce(running: Running, method: str, path: str, cookies: str, *, size: int) -> int:
    """The answer to a request that says how large it is, and sends nothing of that."""
    host = URL(running.url)
    reader, writer = await asyncio.open_connection(host.host, host.port)
    head = f"{method} {path} HTTP/1.1\r\nHost: {host.authority}\r\nCookie: {cookies}\r\nContent-Length: {size}\r\n\r\n"
    writer.write(head.encode())
    try:
        async with asyncio.timeout(30):
            return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        await writer.wait_closed()
