"""Several commands in one packet (RFC 2920): what only that can do wrong. All else is in test_email_smtp, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels import base, email_smtp

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
MAIL = base.Outgoing(
    id="01JMAIL", to="parent@example.com", sender="office@school.example", subject="Trip", body="Secret words."
)
GREETING, HELLO = b"220 mail.example.com\r\n", b"250-mail.example.com\r\n250-PIPELINING\r\n250 8BITMIME\r\n"


class Script:
    """A server of three replies to each packet with DATA in it, and one to each text. ``seen`` is all that came in."""

    def __init__(self, *envelopes: bytes, text: bytes = b"250 2.0.0 ok\r\n", pause: float = 0.0) -> None:
        self.envelopes, self.answer, self.pause = list(envelopes), text, pause
        self.seen: list[bytes] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.readline()
        writer.write(HELLO)
        while self.envelopes:
            packet = await reader.readuntil(b"DATA\r\n")  # and not a word before all three are here
            self.seen.append(packet)
            replies = self.envelopes.pop(0)
            await self._say(writer, replies)
            if b"354" not in replies:
                self.seen.append(await reader.readline())
                await self._say(writer, b"250 reset\r\n")
                continue
            text = b""
            while not (text == b".\r\n" or text.endswith(b"\r\n.\r\n")):
                text += await reader.readline()
            self.seen.append(text)
            nobody = b"250 2.1.5" not in replies
            await self._say(writer, b"554 5.5.1 nobody to send to\r\n" if nobody else self.answer)
            if nobody:
                self.seen.append(await reader.readline())
                await self._say(writer, b"250 reset\r\n")

    async def _say(self, writer: asyncio.StreamWriter, replies: bytes) -> None:
        for piece in [replies[i : i + 1] for i in range(len(replies))] if self.pause else [replies]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(self.pause)


GOOD = b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go ahead\r\n"


@pytest.fixture
async def opened(wire: Any) -> AsyncIterator[Any]:
    channels = []

    async def open_channel(script: Script) -> tuple[email_smtp.SmtpEmail, Any]:
        server = await wire(script.handle)
        usual = email_smtp.SmtpServer("127.0.0.1", server.port, security="none", timeout=5.0, deadline=15.0)
        channels.append(email_smtp.SmtpEmail(usual, now=lambda: AT))
        await channels[-1].open()
        return channels[-1], server

    yield open_channel
    for channel in channels:
        await channel.close()


async def test_the_envelope_is_one_packet_and_the_text_waits_for_its_leave(opened: Any) -> None:
    script = Script(GOOD, GOOD)
    channel, server = await opened(script)
    for n in range(2):
        assert (await channel.send(replace(MAIL, id=f"01M{n}"))).outcome is base.Outcome.ACCEPTED
    assert server.connections == 1
    assert script.seen[0] == b"MAIL FROM:<office@school.example>\r\nRCPT TO:<parent@example.com>\r\nDATA\r\n"
    assert b"Secret words." in script.seen[1]


async def test_replies_that_come_letter_by_letter(opened: Any) -> None:
    long = b"250-2.1.0 first\r\n250-second\r\n250 2.1.0 third\r\n250 2.1.5 ok\r\n354-go\r\n354 ahead\r\n"
    channel, _ = await opened(Script(long, text=b"250-2.0.0\r\n250 queued\r\n", pause=0.001))
    assert (await channel.send(MAIL)).outcome is base.Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("replies", "outcome", "reason"),
    [
        (b"550 5.1.8 no\r\n503 5.5.1 x\r\n503 5.5.1 x\r\n", base.Outcome.RETRY, base.Reason.CONFIG),
        (b"451 4.3.0 no\r\n503 5.5.1 x\r\n503 5.5.1 x\r\n", base.Outcome.RETRY, base.Reason.TEMPORARY),
        (b"250 2.1.0 ok\r\n550 5.1.1 no\r\n503 5.5.1 x\r\n", base.Outcome.REFUSED, base.Reason.BAD_ADDRESS),
        (b"250 2.1.0 ok\r\n550 5.1.1 no\r\n354 go\r\n", base.Outcome.REFUSED, base.Reason.BAD_ADDRESS),
        (b"550 5.1.8 no\r\n503 5.5.1 no\r\n354 go\r\n", base.Outcome.RETRY, base.Reason.CONFIG),
        (b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n451 4.3.0 no\r\n", base.Outcome.RETRY, base.Reason.TEMPORARY),
    ],
)
async def test_the_first_refusal_counts_and_no_text_follows_it(
    opened: Any, replies: bytes, outcome: base.Outcome, reason: base.Reason
) -> None:
    script = Script(replies, GOOD)
    channel, server = await opened(script)
    result = await channel.send(MAIL)
    assert (result.outcome, result.reason) == (outcome, reason)
    assert not any(b"Secret words." in packet for packet in script.seen)
    if b"354" in replies:
        assert script.seen[1] == b".\r\n", "an open DATA is ended by an empty text, as RFC 2920 says"
    assert script.seen[-1] == b"RSET\r\n"
    assert (await channel.send(MAIL)).outcome is base.Outcome.ACCEPTED, "the replies are still in step"
    assert server.connections == 1


@pytest.mark.parametrize("replies", [b"", b"250 2.1.0 ok\r\n", b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n"])
async def test_a_cut_before_the_leave_has_left_nothing(opened: Any, wire: Any, replies: bytes) -> None:
    class Cut(Script):
        async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(GREETING)
            await reader.readline()
            writer.write(HELLO)
            self.seen.append(await reader.readuntil(b"DATA\r\n"))
            writer.write(replies)
            await writer.drain()

    script = Cut()
    channel, _ = await opened(script)
    result = await channel.send(MAIL)
    assert (result.outcome, result.reason) == (base.Outcome.RETRY, base.Reason.TEMPORARY)
    assert len(script.seen) == 1


async def test_a_goodbye_to_an_idle_connection_ends_it(opened: Any) -> None:
    class Leaving(Script):
        async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await super().handle(reader, writer)
            writer.write(b"421 4.4.2 idle too long\r\n")
            await writer.drain()
            gone.set()
            await reader.read()

    gone = asyncio.Event()
    script = Leaving(GOOD)
    channel, server = await opened(script)
    assert (await channel.send(MAIL)).outcome is base.Outcome.ACCEPTED
    await gone.wait()
    await asyncio.sleep(0.1)
    script.envelopes = [GOOD]
    assert (await channel.send(MAIL)).outcome is base.Outcome.ACCEPTED
    assert server.connections == 2
    assert len(script.seen) == 4, "an envelope and a text for each, and nothing more"


async def test_a_reply_without_end(opened: Any) -> None:
    channel, _ = await opened(Script(b"250-" + b"x" * 70_000))
    assert (await channel.send(MAIL)).outcome is base.Outcome.RETRY
