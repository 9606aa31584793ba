"""A provider that says yes: answers Twilio's Messages.json with a fresh SID, as fast as asyncio can.

Run as a process of its own (``python -m bench.sink``), so that it does not share the sender's interpreter. It prints
its port.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import cast

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Sink(asyncio.Protocol):
    """One kept connection."""

    count = 0

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
            self._buffer = self._buffer[size:]
            self._transport.write(self._answer())

    def _answer(self) -> bytes:
        Sink.count += 1
        body = json.dumps(
            {
                "sid": f"SM{Sink.count:032x}",
                "status": "queued",
                "error_code": None,
                "error_message": None,
                "num_segments": "1",
                "price": None,
                "date_created": "Sun, 22 Nov 2026 09:00:00 +0000",
            }
        ).encode()
        return b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
            len(body),
            body,
        )


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
