"""Health pages, and what every answer wears."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs
from support.website import NOW, Running, running_on, served

from channels.base import Medium
from gateway import audit, ids
from gateway.database import Database
from gateway.models import Sender
from gateway.web import envelope, limits, problems


async def test_alive_and_ready(running: Running) -> None:
    assert (await running.ask("GET", "/healthz")).text == "ok"
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
        assert (await running.ask("GET", "/healthz")).status == 200
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


@pytest.mark.parametrize(("reason", "status"), [("auth", 503), ("config", 503), ("", 200), ("temporary", 200)])
@pytest.mark.usefixtures("family")
async def test_a_refused_sender_is_named_when_only_we_can_mend_it(running: Running, reason: str, status: int) -> None:
    """Which, since when, why and what to do; also between two tries, when nothing holds the lane. Not a slow one."""
    async with running.gateway.database.write() as session:
        sender = (await session.scalars(select(Sender).where(Sender.medium == Medium.SMS))).one()
        sender.held_because = "Twilio does not know us."
        sender.open_since, sender.open_reason = (NOW - timedelta(hours=1) if reason else None), reason
        session.add(sender)
    answer = await running.ask("GET", "/readyz")
    assert answer.status == status
    if status == 503:
        [sentence] = answer.json["reasons"]
        since = (NOW - timedelta(hours=1)).astimezone(running.gateway.timezone)
        beginning = f"Sender {sender.id} (twilio-sms) is held back since {since:%d %B %H:%M}: Twilio does not know us."
        assert sentence.startswith(beginning)
        assert "handbell" in sentence, "what to do"


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


async def test_the_practice_phones_are_there_only_when_they_are_given(database: Database) -> None:
    async def phones(request: Request) -> Response:
        return Response(request.scope["root_path"], headers={"Content-Security-Policy": "default-src 'none'"})

    practice = Starlette(routes=[Route("/{path:path}", phones)])
    async with running_on(database, practice=practice) as running:
        answer = await running.ask("GET", "/practice/wall")
        assert (answer.status, answer.text) == (200, "/practice")
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
        assert (await running.ask("GET", "/practice")).status == 307
    async with running_on(database) as running:
        assert (await running.ask("GET", "/practice/wall")).status == 404
