"""A long text on a slow line: while its final dot lies with us the server cannot have taken it, and it never will."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from channels import base, email_smtp

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
#: More than the machine keeps for a connection in both directions.
FILE = base.Attachment(name="trip.pdf", content_type="application/pdf", content=b"%PDF" + b"x" * 2**24)
MAIL = base.Outgoing(
    id="01JMAIL", to="parent@example.com", sender="office@school.example", body="Words.", attachments=(FILE,)
)


@dataclass
class Slow:
    """A relay that reads only a text's beginning until ``go``, and says ``early`` before. Keeps how texts end."""

    early: bytes = b""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    ends: list[bytes] = field(default_factory=list)
    read: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com\r\n")
        while line := await reader.readline():
            match line[:4]:
                case b"EHLO":
                    writer.write(b"250-mail.example.com\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
                case b"DATA":
                    writer.write(b"354 go ahead\r\n")
                    await reader.read(1)
                    writer.write(self.early)
                    self.asked.set()
                    await self.go.wait()
                    await self._text(reader)
                    writer.write(b"250 2.0.0 ok\r\n")
                case _:
                    writer.write(b"250 ok\r\n")

    async def _text(self, reader: asyncio.StreamReader) -> None:
        end = b""
        try:
            while not end.endswith(b"\r\n.\r\n") and (piece := await reader.read(2**20)):
                end = (end + piece)[-5:]
        finally:
            self.ends.append(end)
            self.read.set()


@dataclass
class Line:
    relay: Slow
    port: int
    settings: dict[str, Any]


@pytest.fixture(params=["plain", "tls"])
async def line(
    request: pytest.FixtureRequest,
    wire: Any,
    server_tls: ssl.SSLContext,
    authority: tuple[trustme.CA, Path],
) -> Line:
    relay = Slow()
    secret = request.param == "tls"
    server = await wire(relay.handle, server_tls if secret else None)
    return Line(
        relay, server.port, {"security": "tls", "ca_file": str(authority[1])} if secret else {"security": "none"}
    )


@pytest.fixture
async def opened() -> AsyncIterator[Callable[..., Awaitable[email_smtp.SmtpEmail]]]:
    channels = []

    async def open_channel(line: Line, *, timeout: float, deadline: float) -> email_smtp.SmtpEmail:
        server = email_smtp.SmtpServer("127.0.0.1", line.port, timeout=timeout, deadline=deadline, **line.settings)
        channels.append(email_smtp.SmtpEmail(server, now=lambda: AT))
        await channels[-1].open()
        return channels[-1]

    yield open_channel
    for channel in channels:
        await channel.close()


async def test_a_text_that_has_not_left_in_time_was_not_taken_and_never_is(line: Line, opened: Any) -> None:
    channel = await opened(line, timeout=3.0, deadline=6.0)
    result = await channel.send(MAIL)
    assert (result.outcome, result.reason) == (base.Outcome.RETRY, base.Reason.TEMPORARY)
    line.relay.go.set()
    await line.relay.read.wait()
    assert line.relay.ends != [b"\r\n.\r\n"]


async def test_who_stops_waiting_for_a_text_to_leave_takes_the_rest_back(line: Line, opened: Any) -> None:
    channel = await opened(line, timeout=30.0, deadline=90.0)
    sending = asyncio.create_task(channel.send(MAIL))
    await line.relay.asked.wait()
    await asyncio.sleep(0.5)  # most of it lies with us
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    line.relay.go.set()
    await line.relay.read.wait()
    assert line.relay.ends != [b"\r\n.\r\n"]


async def test_patience_for_the_answer_begins_when_the_text_has_left(line: Line, opened: Any) -> None:
    channel = await opened(line, timeout=3.5, deadline=60.0)
    sending = asyncio.create_task(channel.send(MAIL))
    await line.relay.asked.wait()
    await asyncio.sleep(4.5)
    line.relay.go.set()
    assert (await sending).outcome is base.Outcome.ACCEPTED
    assert line.relay.ends == [b"\r\n.\r\n"]


async def test_a_refusal_in_the_middle_of_the_text_counts_at_once(line: Line, opened: Any) -> None:
    line.relay.early = b"552 5.3.4 too big\r\n"
    channel = await opened(line, timeout=30.0, deadline=90.0)
    async with asyncio.timeout(25):  # less than the time-out of the server
        result = await channel.send(MAIL)
    assert (result.outcome, result.reason) == (base.Outcome.REFUSED, base.Reason.CONTENT)
    line.relay.go.set()
    await line.relay.read.wait()
    assert line.relay.ends != [b"\r\n.\r\n"]
