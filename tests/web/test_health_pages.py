"""Health pages, and what every answer wears."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import test_utils, web
from sqlmodel import select
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs
from support import school, tampering
from support.website import AUTH_TOKEN, NOW, Running, running_on, served

from channels.base import Medium, Misconfigured
from channels.twilio_account import TwilioAccount
from channels.twilio_sms import TwilioSms
from gateway import audit, can_send, context, ids
from gateway.database import Database
from gateway.models import Sender
from gateway.web import envelope, limits, problems


async def test_alive_and_ready(running: Running) -> None:
    assert (await running.ask("GET", "/livez")).text == (await running.ask("GET", "/healthz")).text == "ok"
    answer = await running.ask("GET", "/readyz")
    assert (answer.status, answer.json) == (200, {"ready": True, "reasons": []})


async def test_a_stuck_loop_is_named(running: Running) -> None:
    running.stuck.append("lane 3")
    answer = await running.ask("GET", "/readyz")
    assert (answer.status, answer.json["reasons"]) == (503, ["The lane 3 has not turned for a minute."])


async def test_a_lane_that_cannot_write_is_named(running: Running) -> None:
    running.failing.append("lane 3")
    answer = await running.ask("GET", "/readyz")
    assert answer.status == 503
    assert "What lane 3 does cannot be written down" in answer.json["reasons"][0]


async def test_without_a_database(tmp_path: Path) -> None:
    away = Database(f"sqlite+aiosqlite:///{tmp_path}/nowhere/db.sqlite")
    async with running_on(away) as running:
        assert (await running.ask("GET", "/livez")).status == 200, "a restart would not mend it"
        assert (await running.ask("GET", "/readyz")).json["reasons"] == ["The database does not answer."]
        running.token = "hb_any"
        answer = await running.api("GET", "/notices")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
        assert answer.json["type"] == "urn:handbell:problem:not-ready"
    await away.close()


async def test_a_log_that_nobody_seals_is_named(running: Running) -> None:
    gateway = running.gateway
    async with gateway.database.write() as session:
        await gateway.log.record(session, audit.Line("notice.sent"), now=NOW)
    assert (await running.ask("GET", "/readyz")).status == 200
    running.clock.pass_by(minutes=6)
    assert "sealed" in (await running.ask("GET", "/readyz")).json["reasons"][0]
    async with gateway.database.write() as session:
        await gateway.log.seal(session)
    assert (await running.ask("GET", "/readyz")).status == 200


REFUSED = "Sender {id} (twilio-sms) is held back since {since}: Twilio does not know us. "
FAILING = "Sender {id} (twilio-sms) has failed since {since}: Twilio does not know us. It goes on by itself"


@pytest.mark.parametrize(
    ("reason", "minutes", "sentence"),
    [
        ("auth", 1, REFUSED), ("config", 1, REFUSED), ("temporary", 60, FAILING), ("temporary", 10, ""), ("", 60, ""),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("family")
async def test_an_open_circuit_is_named(running: Running, reason: str, minutes: int, sentence: str) -> None:
    """Which, since when, why and what to do; also between two tries. At once where only we can mend it, else late."""
    since = NOW - timedelta(minutes=minutes)
    async with running.gateway.database.write() as session:
        sender = (await session.scalars(select(Sender).where(Sender.medium == Medium.SMS))).one()
        sender.held_because = "Twilio does not know us."
        sender.open_since, sender.open_reason = (since if reason else None), reason
        session.add(sender)
    answer = await running.ask("GET", "/readyz")
    if not sentence:
        assert (answer.status, answer.json["reasons"]) == (200, [])
        return
    [found] = answer.json["reasons"]
    local = since.astimezone(running.gateway.timezone)
    assert answer.status == 503
    assert found.startswith(sentence.format(id=sender.id, since=f"{local:%d %B %H:%M}"))


@pytest.mark.parametrize(("priority", "minutes"), [(0, 5), (1, 10), (2, 60), (3, 240)])
@pytest.mark.usefixtures("family")
async def test_a_message_that_has_waited_too_long_is_named(running: Running, priority: int, minutes: int) -> None:
    """By kind and medium, each after its own time. Not what a person holds back, nor what keeps the quiet hours."""
    database, clock = running.gateway.database, running.clock
    clock.pass_by(hours=5)  # the quiet hours are long over
    sender = await sender_id(database)
    await school.message(database, sender, now=clock(), priority=priority)
    clock.pass_by(minutes=minutes)
    assert (await running.ask("GET", "/readyz")).status == 200
    clock.pass_by(minutes=1)
    [found] = (await running.ask("GET", "/readyz")).json["reasons"]
    assert f"by sms has been due for {minutes + 1} minutes and has not left." in found
    clock.pass_by(hours=12)  # in the night
    assert (await running.ask("GET", "/readyz")).status == (503 if priority < 2 else 200)
    async with database.write() as session:
        row = await session.get_one(Sender, sender)
        row.held_until = clock() + timedelta(hours=1)
        session.add(row)
    assert (await running.ask("GET", "/readyz")).status == 200


async def sender_id(database: Database) -> int:
    async with database.read() as session:
        found = (await session.scalars(select(Sender).where(Sender.medium == Medium.SMS))).one().id
    assert found is not None
    return found


async def test_a_disk_that_is_nearly_full_is_named(sqlite_database: Database) -> None:
    def nearly_full(gateway: context.Gateway) -> context.Gateway:
        wanted = gateway.settings.database.model_copy(update={"least_free_mb": 10**9})
        return replace(gateway, settings=gateway.settings.model_copy(update={"database": wanted}))

    async with running_on(sqlite_database, changed=nearly_full) as running:
        [found] = (await running.ask("GET", "/readyz")).json["reasons"]
    assert re.match(r"[\d.]+ GB free for /.+\. Make room: without it nothing can be written down", found)


@pytest.mark.parametrize(
    ("minutes", "sentence"), [(-60, "ahead of that of twilio-sms."), (60, "behind that of"), (0, "")]
)
async def test_a_clock_that_is_not_the_providers_is_named(
    sqlite_database: Database, minutes: int, sentence: str
) -> None:
    """By the Date of its last answer, whatever that says; an answer of 404 has one too."""

    async def answered(_request: web.Request) -> web.Response:
        there = datetime.now(UTC) + timedelta(minutes=minutes)
        return web.Response(status=404, headers={"Date": format_datetime(there, usegmt=True)})

    provider = web.Application()
    provider.router.add_get("/{path:.*}", answered)
    async with test_utils.TestServer(provider) as server, running_on(sqlite_database) as running:
        url = str(server.make_url(""))
        account = TwilioAccount(account_sid="AC" + "0" * 32, auth_token=AUTH_TOKEN, api_base_url=url)
        channel = TwilioSms(account)
        gateway = replace(running.gateway, channels={channel.name: channel})
        await channel.open()
        with pytest.raises(Misconfigured):
            await channel.check()
        found = (await can_send.look(gateway)).reasons
        await channel.close()
    assert ([one for one in found if "clock" in one] != []) == bool(sentence)
    assert all(sentence in one and "NTP" in one and re.search(r"is 3(59|60)\d seconds", one) for one in found)


async def test_a_clock_that_was_set_back_is_named(running: Running) -> None:
    gateway = running.gateway
    async with gateway.database.write() as session:
        await gateway.log.record(session, audit.Line("notice.sent"), now=NOW + timedelta(minutes=40))
    [found] = (await running.ask("GET", "/readyz")).json["reasons"]
    assert found.startswith("The clock was set back: the log has a line of 23 November 09:40.")
    running.clock.pass_by(minutes=40)
    assert (await running.ask("GET", "/readyz")).status == 200


async def test_a_broken_chain_is_named(running: Running) -> None:
    gateway = running.gateway
    forger = audit.Log(b"x" * 32)
    async with gateway.database.write() as session:
        await gateway.log.record(session, audit.Line("notice.sent"), now=NOW)
        await forger.record(session, audit.Line("notice.approved"), now=NOW)
        await gateway.log.seal(session)
    [found] = (await running.ask("GET", "/readyz")).json["reasons"]
    assert found.startswith("Line 2 (row 2) was changed, or its key was. Run handbell audit verify")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM audit WHERE id = 3", "Line 3 is missing"),
        ("UPDATE audit_end SET mac = ''", "The signature of the chain's end is missing or not ours"),
        ("DELETE FROM audit_end", "The signature of the chain's end is missing or not ours"),
    ],
)
async def test_a_chain_whose_end_was_altered_is_named(running: Running, statement: str, said: str) -> None:
    gateway = running.gateway
    async with gateway.database.write() as session:
        await gateway.log.record(session, [audit.Line("notice.sent")] * 3, now=NOW)
        await gateway.log.seal(session)
    async with gateway.database.write() as session:
        await tampering.unguard(session)
        await session.execute(sa.text(statement))
    [found] = (await running.ask("GET", "/readyz")).json["reasons"]
    assert found.startswith(said)


@pytest.mark.usefixtures("family")
async def test_the_api_says_the_same(api: Running) -> None:
    database = api.gateway.database
    await school.message(database, await sender_id(database), now=NOW)
    api.clock.pass_by(hours=2)
    answer = await api.api("GET", "/can-send")
    assert answer.json["reasons"] == (await api.ask("GET", "/readyz")).json["reasons"] != []
    waits = {"medium": "sms", "priority": 2, "messages": 1, "oldest_due_at": "2026-11-23T09:00:00Z"}
    assert (answer.json["ready"], answer.json["trial"], answer.json["queues"]) == (False, False, [waits])
    [way] = [one for one in answer.json["senders"] if one["medium"] == "sms"]
    assert (way["state"], way["waiting"]) == ("sends", 1)


async def test_metrics(running: Running) -> None:
    await running.ask("POST", "/hooks/nobody/x")
    answer = await running.ask("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert 'handbell_webhooks_total{channel="",result="unknown"} 1.0' in answer.text


async def test_every_answer_wears_the_headers(running: Running) -> None:
    for path in ("/healthz", "/nothing", "/u/a/b", "/api/v1/notices", "/api/v1/openapi.json"):
        headers = (await running.ask("GET", path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert len(headers["X-Request-Id"]) == 26
        assert "Server" not in headers


async def test_the_journal_holds_no_address_and_no_query(running: Running) -> None:
    with capture_logs() as lines:
        answer = await running.ask("GET", "/u/01secret/token?k=secret")
        await running.api("GET", "/contacts/7?cursor=secret")
        await running.hook("/hooks/twilio-sms/inbound?m=secret", {"Body": "secret"}, signed_for="https://x.example")
    asked = [line for line in lines if line["event"] == "web.request"]
    assert asked[0]["route"] == "/u/{message_id}/{token}"
    assert asked[0]["status"] == answer.status == 404
    assert asked[1]["route"] == "/contacts/{contact_id}"
    assert "secret" not in str(lines)


async def test_what_breaks_is_a_problem_with_a_request_id() -> None:
    async def broken(_request: Request) -> Response:
        raise ZeroDivisionError

    app = Starlette(routes=[Route("/", broken)], exception_handlers=problems.handlers())
    dressed = envelope.Envelope(app, new_id=ids.new_id)
    with capture_logs() as lines:
        async with served(dressed) as (url, _), aiohttp.ClientSession() as client, client.get(url) as answer:
            text = await answer.text()
    assert (answer.status, answer.content_type) == (500, problems.MEDIA_TYPE)
    assert "X-Request-Id" in answer.headers
    assert "ZeroDivision" not in text
    assert "web.failed" in [line["event"] for line in lines]


async def test_a_body_that_trickles_in_is_cut_off() -> None:
    async def read(request: Request) -> Response:
        return Response(await request.body())

    app = Starlette(routes=[Route("/", read, methods=["POST"])], exception_handlers=problems.handlers())
    async with served(limits.Limits(app, size=100, seconds=0.2)) as (url, _):
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nslow")
        await writer.drain()
        assert b" 408 " in await reader.readline()
        assert b"urn" not in await reader.read()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("pieces", [0, 1, 16])
async def test_whoever_is_refused_while_still_sending_reads_why(pieces: int) -> None:
    """Their library closes the connection after each request, as many do: what is left unread would reset it."""
    piece = b"x" * 2**16

    async def refuse(_request: Request) -> Response:
        raise HTTPException(403)

    app = Starlette(routes=[Route("/", refuse, methods=["POST"])], exception_handlers=problems.handlers())
    async with served(limits.Limits(app, size=2**20, seconds=5.0)) as (url, _):
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % (pieces * len(piece)))
        for _ in range(pieces):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.001)
        assert b" 403 " in await reader.readline()
        assert b"problem" in await reader.read()
        writer.close()
        await writer.wait_closed()


async def test_a_refusal_does_not_wait_for_a_body_that_does_not_come() -> None:
    async def refuse(_request: Request) -> Response:
        raise HTTPException(403)

    app = Starlette(routes=[Route("/", refuse, methods=["POST"])], exception_handlers=problems.handlers())
    async with served(limits.Limits(app, size=100, seconds=0.2)) as (url, _):
        host, _, port = url.removeprefix("http://").partition(":")
        for asks in (b"", b"Expect: 100-continue\r\n"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n%sContent-Length: 50\r\n\r\n" % asks)
            await writer.drain()
            assert b" 403 " in await reader.readline()
            writer.close()
            await writer.wait_closed()


async def test_the_practice_phones_are_there_only_when_they_are_given(database: Database) -> None:
    async with running_on(database) as running:
        assert (await running.ask("GET", "/practice")).status == 404
