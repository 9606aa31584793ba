"""A provider that says yes: answers Twilio's Messages.json with a fresh SID, as fast as asyncio can.

Run as a process of its own (``python -m bench.sink``), so that it does not share the sender's interpreter. It prints
its port. ``GET /arrivals`` says when each request came, by this machine's clock, and which of them were urgent: those
whose words have :data:`URGENT` in them; ``GET /count`` says how many. A GET of a list finds it empty.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from typing import cast

URGENT = b"Emergency"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_URGENT = re.compile(URGENT + rb"\+(\w+)")
_ANSWER = json.dumps(
    {
        "sid": "SM%032x",
        "status": "queued",
        "error_code": None,
        "error_message": None,
        "num_segments": "1",
        "price": None,
        "date_created": "Sun, 22 Nov 2026 09:00:00 +0000",
    }
).encode()
_CREATED = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_ANSWER % 0) + _ANSWER
)
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


class Sink(asyncio.Protocol):
    """One kept connection."""

    arrivals = array("d")  #: seconds since the epoch, in order
    urgent: list[tuple[str, int]]  #: the word after the marker, and the place among the arrivals

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are not of asyncio's classes

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, end)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < size:
                return
            request, self._buffer = self._buffer[:size], self._buffer[size:]
            self._transport.write(self._answer(request))

    def _answer(self, request: bytes) -> bytes:
        if not request.startswith((b"POST", b"GET /send")):  # Kannel brings a text by GET
            return self._look(request)
        if found := _URGENT.search(request):
            self.urgent.append((found[1].decode(), len(self.arrivals)))
        self.arrivals.append(time.time())
        return _CREATED % len(self.arrivals)

    def _look(self, request: bytes) -> bytes:
        found: object = {"messages": [], "next_page_uri": None}
        if request.startswith(b"GET /arrivals"):
            found = {"arrivals": list(self.arrivals), "urgent": self.urgent}
        if request.startswith(b"GET /count"):
            found = len(self.arrivals)
        body = json.dumps(found).encode()
        return _OK % (len(body), body)


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The address of a sink in a process of its own."""
    with subprocess.Popen([sys.executable, "-m", "bench.sink"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


async def main() -> None:
    Sink.urgent = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
