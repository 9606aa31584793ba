"""An SMSC that says yes: takes every bind and every text by SMPP 3.4, for programs that speak nothing else.

Run as a process of its own, by :func:`running`. It prints two ports: that of SMPP, and that of HTTP
where ``GET /count`` says how many texts have come, as the other sink does.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import cast

import uvloop

from bench import sink

_HEAD = struct.Struct(">IIII")  # length, command, status, number: SMPP 3.4, section 3.2
_SUBMIT, _UNBIND, _LINK = 0x04, 0x06, 0x15
_BINDS = (0x01, 0x02, 0x09)  # receiver, transmitter, transceiver
_ANSWER, _UNKNOWN, _INVALID = 0x8000_0000, 0x8000_0000, 0x03


class Smsc(asyncio.Protocol):
    """One bound connection."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are not of asyncio's classes

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers = b""
        while len(self._buffer) >= _HEAD.size:
            length, command, _, number = _HEAD.unpack_from(self._buffer)
            if len(self._buffer) < length:
                break
            self._buffer = self._buffer[length:]
            answers += _answer(command, number)
        if answers:
            self._transport.write(answers)


def _answer(command: int, number: int) -> bytes:
    if command & _ANSWER:
        return b""
    status, body = 0, b""
    if command == _SUBMIT:
        sink.Sink.arrivals.append(time.time())
        body = b"%x\0" % len(sink.Sink.arrivals)
    elif command in _BINDS:
        body = b"sink\0"
    elif command not in (_UNBIND, _LINK):
        return _HEAD.pack(_HEAD.size, _UNKNOWN, _INVALID, number)
    return _HEAD.pack(_HEAD.size + len(body), command | _ANSWER, status, number) + body


@contextlib.contextmanager
def running() -> Iterator[tuple[int, str]]:
    """The port of SMPP, and the address where it can be asked how many have come."""
    command = [sys.executable, "-c", "from bench.peers import smpp_sink; smpp_sink.run()"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            smpp, http = process.stdout.readline().split()
            yield int(smpp), f"http://127.0.0.1:{http}"
        finally:
            process.terminate()


async def main() -> None:
    sink.Sink.urgent = []
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(kind, "127.0.0.1", 0) for kind in (Smsc, sink.Sink)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def run() -> None:
    """Serve until ended."""
    uvloop.run(main())
