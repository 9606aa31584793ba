"""Inbound: how fast the daemon proves, stores and answers a provider's webhooks, also while it sends."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import sqlalchemy as sa

from bench import house, postgres, rounds, sink
from gateway.models import Inbound, Message, MessageState
from gateway.models.types import core

CONNECTIONS = (1, 10, 50)
FAMILIES = 20_000  #: each has a text that the provider took, and of which receipts speak
QUEUED = 100_000  #: texts that leave meanwhile


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement: seconds that each request took, over so many seconds, and texts sent meanwhile a second."""

    database: str
    sending: bool
    connections: int
    waits: Sequence[float]
    seconds: float
    sent: float

    def line(self) -> list[str]:
        return [
            self.database,
            f"{self.sent:,.0f}/s" if self.sending else "no",
            str(self.connections),
            f"{len(self.waits) / self.seconds:,.0f}/s",
            f"{statistics.median(self.waits) * 1000:.1f} ms",
            f"{rounds.percentile(self.waits, 0.99) * 1000:.1f} ms",
            f"{max(self.waits) * 1000:.0f} ms",
        ]


async def section(*, quick: bool) -> str:
    """Both databases; first nothing else goes on, then a full queue leaves."""
    seconds = 2.0 if quick else 10.0
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'bench.sqlite'}"
        cells = await _measure("SQLite", url, Path(folder), seconds)
    with postgres.short_lived() as server, tempfile.TemporaryDirectory() as folder:
        async with postgres.empty(server) as url:
            cells += await _measure("PostgreSQL", url, Path(folder), seconds)
    heads = ["database", "sending meanwhile", "connections", "answered", "median", "p99", "slowest"]
    return f"""## Inbound

Signed webhooks of Twilio, two receipts of texts to one text of a parent, as fast as so many kept connections bring
them, {seconds:.0f} s each. The running daemon proves the signature, stores the event durably and answers; what it means
is worked out meanwhile, by the same process. The client shares the machine.

{rounds.rows(heads, [cell.line() for cell in cells])}"""


async def _measure(name: str, url: str, folder: Path, seconds: float) -> list[Cell]:
    cells = []
    with sink.running() as provider:
        async with house.house(url, provider, folder) as school:
            await house.people(school.database, FAMILIES)
            async with school.running():
                sender_id = await school.sender_id()
                numbers = range(1, FAMILIES + 1)
                await house.messages(school.database, numbers, sender_id=sender_id, state=MessageState.ACCEPTED)
                calls = _calls(school, await _accepted(school))
                for sending in (False, True):
                    if sending:
                        for _ in range(QUEUED // FAMILIES):
                            await house.messages(school.database, numbers, sender_id=sender_id)
                    for connections in CONNECTIONS:
                        cell = await _cell(school, name, connections, calls, sending=sending, seconds=seconds)
                        rounds.say(" ".join(cell.line()))
                        cells.append(cell)
                        await _interpreted(school)
    return cells


async def _accepted(school: house.House) -> Sequence[str]:
    async with school.database.read() as session:
        query = sa.select(core(Message).c.id).where(core(Message).c.state == MessageState.ACCEPTED)
        return (await session.scalars(query)).all()


async def _interpreted(school: house.House) -> None:
    """Wait until nothing that came in is left: the next measurement must not pay for it."""
    waiting = sa.select(sa.func.count()).select_from(core(Inbound)).where(core(Inbound).c.handled_at.is_(None))
    async with asyncio.timeout(120):
        while True:
            async with school.database.read() as session:
                if not await session.scalar(waiting):
                    return
            await asyncio.sleep(0.2)


async def _cell(
    school: house.House, name: str, connections: int, calls: Iterator[bytes], *, sending: bool, seconds: float
) -> Cell:
    """Let so many connections call one after the other."""
    ready = iter(list(itertools.islice(calls, int(2500 * seconds))))  # made before: the client shares our cores
    waits: list[float] = []
    queued = await school.count(MessageState.QUEUED)
    begun = time.perf_counter()

    async def call_on() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", school.port)
        try:
            for request in ready:
                asked = time.perf_counter()
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 2"):
                    raise RuntimeError(f"A webhook was refused: {head.splitlines()[0].decode()}")
                await reader.readexactly(_length(head))
                now = time.perf_counter()
                waits.append(now - asked)
                if now - begun > seconds:
                    return
        finally:
            writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(call_on())
    taken = time.perf_counter() - begun
    sent = (queued - await school.count(MessageState.QUEUED)) / taken
    return Cell(name, sending, connections, waits, taken, sent)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _calls(school: house.House, message_ids: Sequence[str]) -> Iterator[bytes]:
    """Requests as Twilio makes them, each event once: two receipts, a text, two receipts …"""
    for n in itertools.count():
        message_id = message_ids[n % len(message_ids)]
        about = {"AccountSid": house.ACCOUNT, "MessageSid": f"SM{n:032x}", "ApiVersion": "2010-04-01"}
        if n % 3 == 2:
            phone = house.number(n % FAMILIES + 1)
            words = {"From": phone, "To": house.SENDER, "Body": "Thank you, we will be there.", "NumMedia": "0"}
            yield _signed(school, "/hooks/twilio-sms/inbound", about | words)
        else:
            status = {
                "MessageStatus": "sent" if n % 3 == 0 else "delivered",
                "To": house.number(1),
                "From": house.SENDER,
            }
            yield _signed(school, f"/hooks/twilio-sms/status?m={message_id}&a=1", about | status)


def _signed(school: house.House, path: str, form: dict[str, str]) -> bytes:
    """Twilio's signature: HMAC-SHA1 of the address and the sorted fields, by the account's token."""
    content = f"{school.url}{path}" + "".join(f"{name}{form[name]}" for name in sorted(form))
    signature = base64.b64encode(hmac.digest(school.auth_token.encode(), content.encode(), hashlib.sha1)).decode()
    body = urlencode(form)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{school.port}\r\nX-Twilio-Signature: {signature}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return f"{head}{body}".encode()
