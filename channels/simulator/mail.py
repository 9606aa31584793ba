"""The mail side: an SMTP server whose mailboxes are the world's."""

from __future__ import annotations

import asyncio
import hmac
import logging
import ssl
from typing import NoReturn, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from channels.simulator import magic
from channels.simulator.faults import Fault, Faults, Kind
from channels.simulator.world import World

HOSTNAME = "practice.example"


class _Line(SMTP):
    """One connection; tells which are open and when it is gone, so that none outlives the server."""

    open_lines: set[_Line]
    gone: asyncio.Event

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.open_lines.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.open_lines.discard(self)
        self.gone.set()
        super().connection_lost(error)


class MailServer:
    """Takes mails on loopback. With ``login`` (user, password) it asks for it; with ``tls`` it offers STARTTLS."""

    def __init__(
        self, *, world: World, faults: Faults, login: tuple[str, str] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._world = world
        self._faults = faults
        self._login = login
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._lines: set[_Line] = set()

    async def open(self, host: str, port: int) -> int:
        """Listen, and give the port."""
        # aiosmtpd writes every address to its INFO log.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        self._server = await asyncio.get_running_loop().create_server(self._new_line, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is None:
            return
        self._server.close()
        lines = list(self._lines)
        for line in lines:
            _abort(line)
        for line in lines:
            await line.gone.wait()
        await self._server.wait_closed()
        self._server = None

    def _new_line(self) -> _Line:
        line = _Line(
            self,
            hostname=HOSTNAME,
            ident="Practice mail",
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
            tls_context=self._tls,
            auth_require_tls=self._tls is not None,
            authenticator=self._authenticate if self._login else None,
        )
        line.open_lines, line.gone = self._lines, asyncio.Event()
        return line

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        user, password = self._login or ("", "")
        right = (
            isinstance(data, LoginPassword)
            and hmac.compare_digest(data.login, user.encode())
            and hmac.compare_digest(data.password, password.encode())
        )
        return AuthResult(success=right, handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's hook
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """MAIL FROM."""
        if self._login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if bad := await self._misbehave(server, self._faults.take("smtp.mail")):
            return bad
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's hook
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """RCPT TO."""
        fault = self._faults.take("smtp.rcpt")
        if fault is not None and fault.kind is Kind.GREYLIST:
            if self._faults.is_first_try(envelope.mail_from or "", address):
                return "451 4.7.1 Greylisted, please try again later"
        elif bad := await self._misbehave(server, fault):
            return bad
        fate = magic.mail_fate(address)
        if fate is not None and fate.stage == "rcpt":
            return fate.answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's hook
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """The mail itself, after the final dot."""
        fault = self._faults.take("smtp.data")
        if fault is not None and not fault.taken:
            if bad := await self._misbehave(server, fault):
                return bad
            fault = None
        for address in envelope.rcpt_tos:
            fate = magic.mail_fate(address)
            if fate is not None:
                return fate.answer
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        for address in envelope.rcpt_tos:
            self._world.add_mail(sender=envelope.mail_from or "", to=address, raw=raw)
        return await self._misbehave(server, fault) or f"250 2.0.0 OK queued as {len(self._world.mails)}"

    async def _misbehave(self, server: SMTP, fault: Fault | None) -> str:
        """Give the bad answer, ``""`` for none. Does not come back where the line is cut."""
        if fault is None:
            return ""
        if fault.kind is Kind.STATUS:
            return fault.answer
        if fault.kind is Kind.SLOW:
            await asyncio.sleep(fault.seconds)
            return ""
        if fault.kind is Kind.HANG:
            await asyncio.sleep(fault.seconds)
            if fault.taken:
                return ""
        return await _cut(server)


async def _cut(server: SMTP) -> NoReturn:
    _abort(server)
    await asyncio.Event().wait()  # connection_lost of aiosmtpd cancels us here
    raise ConnectionAbortedError


def _abort(line: SMTP) -> None:
    transport = cast(asyncio.WriteTransport | None, line.transport)  # uvloop's are not of asyncio's classes
    if transport is not None:
        transport.abort()
