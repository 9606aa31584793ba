"""A gate before the simulator: lets everything through, or goes wrong on the wire in any way that a server can."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from support import closing

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
#: What a gate does with one connection. ``Gate.forward`` hands it on to the simulator.
Behaviour = Callable[["Gate", Reader, Writer], Awaitable[None]]


@dataclass
class Gate:
    """Listens before ``upstream``. ``behaviour`` None is a good day; ``hits`` counts what met another one."""

    upstream: int
    behaviour: Behaviour | None = None
    tls: ssl.SSLContext | None = None
    port: int = 0
    hits: int = 0
    sent: int = 0  #: bytes that a behaviour could send
    silent: bool = False  #: what comes is swallowed, on lines that are open too: the other side vanished without a word
    _server: asyncio.Server | None = None
    _lines: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._line, "127.0.0.1", self.port, ssl=self.tls, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse connections, and end those that are open."""
        if self._server is not None:
            server, self._server = self._server, None
            await closing.close(server)
            await self.drop()

    async def drop(self) -> None:
        """End every connection."""
        lines = list(self._lines)
        for line in lines:
            line.cancel()
        if lines:
            await asyncio.wait(lines)

    async def go_wrong(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        await self.drop()

    async def heal(self) -> None:
        """A good day from now on; what hangs in a bad one is cut."""
        self.behaviour, self.silent = None, False
        await self.drop()
        if self._server is None:
            await self.open()

    async def _line(self, reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task
        self._lines.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
                await (self.behaviour or pass_through)(self, reader, writer)
        finally:
            self._lines.discard(task)
            writer.transport.abort()

    async def ask(self, request: bytes) -> bytes:
        """Hand one HTTP request to the simulator, and give its answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        try:
            writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            return await reader.read()
        finally:
            writer.close()

    async def pour(self, writer: Writer, piece: bytes, pause: float = 0.0) -> None:
        """Send for ever, as fast as the other side reads, or with a pause in seconds."""
        while True:
            writer.write(piece)
            await writer.drain()
            self.sent += len(piece)
            await asyncio.sleep(pause)


async def pass_through(gate: Gate, reader: Reader, writer: Writer) -> None:
    """Both ways, byte for byte."""
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", gate.upstream)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(gate, reader, up_writer))
            group.create_task(_copy(gate, up_reader, writer))
    finally:
        up_writer.transport.abort()


async def _copy(gate: Gate, reader: Reader, writer: Writer) -> None:
    while piece := await reader.read(2**16):
        if gate.silent:
            gate.hits += 1
            continue
        writer.write(piece)
        await writer.drain()
    writer.close()


async def request(reader: Reader) -> bytes:
    """One HTTP request, whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    return head + await reader.readexactly(length)


def reset(writer: Writer) -> None:
    """Cut with RST."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextlib.asynccontextmanager
async def opened(*gates: Gate) -> AsyncIterator[None]:
    for gate in gates:
        await gate.open()
    try:
        yield
    finally:
        for gate in gates:
            await gate.shut()
