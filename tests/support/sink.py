"""A provider of one line: a socket that notes each message's id and when it came, and answers when it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from channels.base import FindResult, Found, Medium, Outcome, Outgoing, SendResult
from gateway import context
from support import closing


@dataclass
class Sink:
    """What came, in order: ids, and when by this side's clock."""

    ids: list[str] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator[Sink]:
        sink = cls()
        sink.answers.set()
        server = await asyncio.start_server(sink._take, "127.0.0.1", 0)
        sink.port = server.sockets[0].getsockname()[1]
        try:
            yield sink
        finally:
            await closing.close(server)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if line := await reader.readline():
                self.times.append(context.utc_now())
                self.ids.append(line.decode().strip())
                await self.answers.wait()
                writer.write(b"ok\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


class Wire:
    """A channel to a sink."""

    name = "wire"
    medium = Medium.SMS

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, message: Outgoing) -> SendResult:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"{message.id}\n".encode())
            await reader.readexactly(3)
        finally:
            writer.close()
        return SendResult(Outcome.ACCEPTED, ref=f"ref-{message.id}")

    async def find(self, message: Outgoing, since: datetime) -> FindResult:
        return FindResult(Found.CANNOT_TELL)

    async def check(self) -> str:
        return "fine"

    def speaks(self, locale: str) -> bool:
        return True
