"""Bringing texts to a program by HTTP, one request each, over as many kept connections as a busy client would hold.

It is kept lean, as it shares the machine with the program that is measured.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import cast

_CONNECTIONS = 50
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD_END, _CHUNKS_END = b"\r\n\r\n", b"\r\n0\r\n\r\n"


class Refused(RuntimeError):
    """The program did not take a text. ``str()`` is what it said."""


class _Connection(asyncio.Protocol):
    """Brings one request after the other, each when the one before it is answered."""

    def __init__(self, paths: Iterator[bytes], status: bytes) -> None:
        self._paths, self._status, self._buffer = paths, status, b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are not of asyncio's classes
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not _is_whole(self._buffer):
            return
        answer, self._buffer = self._buffer, b""
        if self._status in answer[: answer.index(b"\r\n")]:
            self._next()
        else:
            self._end(Refused(f"it did not take a text: {answer[:200].decode('utf-8', 'replace')}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(Refused("it closed a connection"))

    def _next(self) -> None:
        path = next(self._paths, None)
        if path is None:
            self._end(None)
        else:
            self._transport.write(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n" % path)

    def _end(self, why: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None) if why is None else self.done.set_exception(why)
        self._transport.close()


def _is_whole(answer: bytes) -> bool:
    """Whether this is all of an answer. There is never more than one, as the next is asked for after it."""
    head = answer.find(_HEAD_END)
    if head < 0:
        return False
    if found := _LENGTH.search(answer, 0, head):
        return len(answer) >= head + len(_HEAD_END) + int(found[1])
    return answer.endswith(_CHUNKS_END)


async def bring(port: int, paths: Iterator[bytes], *, status: bytes) -> None:
    """GET each of these paths; ends when each has been answered with this status. Raises :class:`Refused`."""
    loop = asyncio.get_running_loop()

    async def one() -> None:
        _, connection = await loop.create_connection(lambda: _Connection(paths, status), "127.0.0.1", port)
        await connection.done

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_CONNECTIONS):
                group.create_task(one())
    except* (Refused, OSError) as several:
        why = several.exceptions[0]
    else:
        return
    raise why
