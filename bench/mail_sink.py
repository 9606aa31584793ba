"""A mail server that says yes to everything, where Postfix's ``smtp-sink`` is not installed.

Run as a process of its own: ``python -m bench.mail_sink PORT``.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

_ANSWERS = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go ahead\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}


class Sink(asyncio.Protocol):
    """One kept connection."""

    def __init__(self) -> None:
        self._buffer, self._in_text = b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are not of asyncio's classes
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers = b""
        while (end := self._buffer.find(b"\r\n.\r\n" if self._in_text else b"\r\n")) >= 0:
            if self._in_text:
                self._buffer, self._in_text = self._buffer[end + 5 :], False
                answers += b"250 2.0.0 ok\r\n"
                continue
            verb, self._buffer = self._buffer[:4].upper(), self._buffer[end + 2 :]
            self._in_text = verb == b"DATA"
            answers += _ANSWERS.get(verb, b"250 2.0.0 ok\r\n")
        if answers:
            self._transport.write(answers)


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
