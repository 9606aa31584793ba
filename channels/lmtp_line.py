"""One connection of a mail server that hands mail over by LMTP (RFC 2033), and one that is too many.

aiosmtpd speaks the protocol; what stands here is what it does otherwise than a gateway for large mails needs.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope

from channels import mail_in

_END = b"\r\n.\r\n"  #: RFC 5321 section 4.1.1.4


class Line(LMTP):
    """One connection: an answer for each recipient, and known to be open until it is gone."""

    line_length_limit = 262_144  # bytes that are read at once; a line of a mail may be longer

    open_lines: set[Line]
    gone: asyncio.Event
    _owed = 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        super().connection_made(transport)
        self.open_lines.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone."""
        self.open_lines.discard(self)
        self.gone.set()
        super().connection_lost(error)

    async def push(self, status: str | bytes) -> None:
        """Answer. After the text of a mail each recipient is owed a line, also where aiosmtpd itself refuses it."""
        owed, self._owed = self._owed, 1
        text = status if isinstance(status, str) else status.decode()
        if text.startswith("354") and self.envelope:
            self._owed = len(self.envelope.rcpt_tos)
        lines = text.split("\r\n")
        await super().push("\r\n".join(lines * owed if len(lines) == 1 else lines))

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's method
        """Take a mail in big pieces: aiosmtpd keeps an object for each line, gigabytes for a mail of empty ones."""
        if not (self.session and self.session.host_name and self.envelope and self.envelope.rcpt_tos) or arg:
            await self.push("501 5.5.1 LHLO, MAIL and RCPT come first, and DATA stands alone")
            return
        # So that a mail's first line has the end of one before it, as all others. In front: some ask for no 354.
        cast(Any, self._reader)._buffer[:0] = b"\r\n"
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        content = await self._text()
        if content is None:
            status = "552 5.3.4 This mail is larger than Handbell takes"
        else:
            self.envelope.content = self.envelope.original_content = content
            status = await self._call_handler_hook("DATA")
        self.envelope = Envelope()
        await self.push(status)

    async def _text(self) -> bytes | None:
        """The text of a mail up to its lone dot, without the dots that SMTP adds; None where it is too large."""
        pieces, size, ended = list[bytes](), 0, False
        while not ended:
            try:
                piece = await self._reader.readuntil(_END)
                ended = True
            except asyncio.LimitOverrunError as full:
                piece = await self._reader.readexactly(full.consumed)
            size += len(piece)
            if size > (self.data_size_limit or mail_in.MOST_BYTES):
                pieces.clear()  # what is too large is read to its end and forgotten
            else:
                pieces.append(piece)
        if not pieces:
            return None
        return b"".join(pieces).removesuffix(b".\r\n").replace(b"\r\n.", b"\r\n")[2:]


class Full(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so, and hang up."""
        cast(asyncio.WriteTransport, transport).write(b"421 4.7.0 Too many connections, please come again\r\n")
        transport.close()
