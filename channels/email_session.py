"""One connection to a mail server, after its greeting and login: commands out, replies back in their order.

aiosmtplib makes the connection (TLS, login, EHLO), and it is taken over here, because two things need more than its one
command at a time: several commands in one packet (RFC 2920), and knowing at which of them a connection broke.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection
from typing import NamedTuple, cast

_LONGEST_REPLY = 32_768  #: bytes of one reply at most; a server that says more is none
_LONG_TEXT = 65_536  #: bytes of a text that may not go into a line at once


class Lost(Exception):
    """No reply will come: the connection is cut or silent, or what came is not SMTP. It cannot be used again."""


class Reply(NamedTuple):
    """A server's reply; the lines of a long one are joined by line ends."""

    code: int
    text: str


class Session(asyncio.Protocol):
    """A connection that somebody else opened: give it to ``transport.set_protocol``.

    ``extensions`` are the words of the server's EHLO, in small letters.
    """

    def __init__(self, transport: asyncio.WriteTransport, extensions: Collection[str]) -> None:
        self.eight_bit = "8bitmime" in extensions
        self.utf8 = "smtputf8" in extensions
        self.size = "size" in extensions
        self.pipelining = "pipelining" in extensions
        self._transport = transport
        self._owed = 0  # replies that the server has still to give
        self._replies: deque[Reply] = deque()
        self._lines: list[bytes] = []  # of the reply that is coming in
        self._rest = b""  # of a line whose end has not come
        self._waiter: asyncio.Future[None] | None = None
        self._unsent = False  # the end of what was written lies with us: the line takes no more just now
        self._lost = False
        transport.set_write_buffer_limits(high=1, low=0)  # tell us as soon as anything is left lying

    @property
    def fit(self) -> bool:
        """Whether the next message may go by it: connected, and nothing said that nobody asked for."""
        return not (self._lost or self._owed or self._unsent or self._transport.is_closing())

    def command(self, *lines: bytes) -> None:
        """Send commands in one packet; each is owed one reply. Raises :class:`Lost`, ValueError for a line break."""
        for line in lines:
            if b"\r" in line or b"\n" in line or b"\0" in line:
                raise ValueError("A command of SMTP is one line.")
        self._write(b"\r\n".join(lines) + b"\r\n", replies=len(lines))

    def text(self, content: bytes) -> None:
        """Send a whole text, whose lines end with CRLF, and its final dot. Raises :class:`Lost`: no dot was sent.

        Where the line is slow the dot may be lying with us still: see :meth:`leave`.
        """
        stuffed = content.replace(b"\r\n.", b"\r\n..")  # RFC 5321 section 4.5.2
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        if len(stuffed) > _LONG_TEXT:  # under TLS a transport says nothing of what it wrote last, only of what is next
            self._write(stuffed, replies=0)
            stuffed = b""
        self._write(stuffed + b".\r\n", replies=1)

    async def leave(self, *, until: float) -> None:
        """Wait until all that was written has left, or a reply has come before. Raises :class:`Lost`: it never will."""
        while self._unsent and not self._replies:
            if self._lost:
                raise Lost
            await self._wait(until=until)

    def _write(self, data: bytes, *, replies: int) -> None:
        if self._lost or self._transport.is_closing():
            raise Lost
        self._owed += replies
        self._transport.write(data)

    async def reply(self, *, until: float) -> Reply:
        """Give the next reply, or raise :class:`Lost`; ``until`` is the loop's time of our patience's end."""
        while not self._replies:
            if self._lost:
                raise Lost
            await self._wait(until=until)
        self._owed -= 1
        return self._replies.popleft()

    async def _wait(self, *, until: float) -> None:
        """Wait until something happens; when nothing does in time, the connection ends with what lies unsent."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        end = loop.call_at(until, self._give_up)  # not ``asyncio.timeout``: it costs as much as the rest of a step
        try:
            await self._waiter
        finally:
            end.cancel()
            self._waiter = None

    def _give_up(self) -> None:
        """Nothing came in time: a reply could come yet, and be taken for that to another command."""
        self._lost = True
        self._transport.abort()
        self._wake()

    def close(self) -> None:
        """Cut the connection. What has not left us never will: a transport that closes would send it on."""
        self._lost = True
        if self._unsent:
            self._transport.abort()
        else:
            self._transport.close()

    def pause_writing(self) -> None:
        """The line takes no more just now."""
        self._unsent = True

    def resume_writing(self) -> None:
        """All that was written has left."""
        if not self._lost:
            self._unsent = False
            self._wake()

    def data_received(self, data: bytes) -> None:
        """Take in what the server says."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._lines.append(line[4:].strip(b" \t\r"))
            if line[3:4] != b"-":
                self._take(line[:3])
        if len(self._rest) + sum(map(len, self._lines)) > _LONGEST_REPLY:
            self._end()

    def _take(self, code: bytes) -> None:
        text, self._lines = b"\n".join(self._lines).decode("utf-8", "replace"), []
        # After a word that is no reply nothing is believed. What nobody asked for is a goodbye (RFC 5321 section 3.8).
        if self._lost or len(code) != 3 or not code.isdigit() or len(self._replies) >= self._owed:
            self._end()
            return
        self._replies.append(Reply(int(code), text))
        self._wake()

    def eof_received(self) -> None:
        """The server says no more."""
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end()

    def _end(self) -> None:
        self.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)


def take_over(transport: asyncio.BaseTransport, extensions: Collection[str]) -> Session:
    """Put a session in the place of the protocol that has opened the connection and talked until now."""
    session = Session(cast(asyncio.WriteTransport, transport), extensions)
    transport.set_protocol(session)
    return session
